/* SHA-256 of bytes that are there at once. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include "common/bytes.h"

enum { SHA256_SIZE = 32 };

void sha256(struct bytes input, uint8_t digest[SHA256_SIZE]);

#endif
