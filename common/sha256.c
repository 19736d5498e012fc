#include "common/sha256.h"

#include <nettle/sha2.h>

void sha256(struct bytes input, uint8_t digest[SHA256_SIZE])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, input.size, input.data);
    sha256_digest(&context, SHA256_SIZE, digest);
}
