/* Keccak-256 as Ethereum uses it: the submission's padding, not that of SHA-3. */
#ifndef COMMON_KECCAK256_H
#define COMMON_KECCAK256_H

#include "common/bytes.h"

enum { KECCAK256_SIZE = 32 };

void keccak256(struct bytes input, uint8_t digest[KECCAK256_SIZE]);

#endif
