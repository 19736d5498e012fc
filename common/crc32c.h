/* CRC-32C (Castagnoli), as snappy's framing format has it. RFC 3720, appendix B.4. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include "common/bytes.h"

uint32_t crc32c(struct bytes data);

#endif
