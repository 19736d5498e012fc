#include "common/keccak256.h"

#include <nettle/sha3.h>

/* nettle has the permutation; its hashes pad as FIPS 202 says, with 0x06 first. */
enum { RATE = SHA3_256_BLOCK_SIZE, PADDING_FIRST = 0x01, PADDING_LAST = 0x80 };

static void absorb_byte(struct sha3_state *state, size_t position, uint8_t byte)
{
    state->a[position / 8] ^= (uint64_t)byte << 8 * (position % 8);
}

void keccak256(struct bytes input, uint8_t digest[KECCAK256_SIZE])
{
    struct sha3_state state = {{0}};
    size_t position = 0;
    for (size_t i = 0; i < input.size; i++) {
        absorb_byte(&state, position++, input.data[i]);
        if (position == RATE) {
            sha3_permute(&state);
            position = 0;
        }
    }
    absorb_byte(&state, position, PADDING_FIRST);
    absorb_byte(&state, RATE - 1, PADDING_LAST);
    sha3_permute(&state);
    for (size_t i = 0; i < KECCAK256_SIZE; i++)
        digest[i] = (uint8_t)(state.a[i / 8] >> 8 * (i % 8));
}
