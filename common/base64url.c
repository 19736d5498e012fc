#include "common/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_write(struct bytes input, char *output)
{
    unsigned pending = 0, bits = 0;
    for (size_t i = 0; i < input.size; i++) {
        pending = pending << 8 | input.data[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *output++ = alphabet[pending >> (bits - 6) & 63];
    }
    if (bits > 0)
        *output++ = alphabet[pending << (6 - bits) & 63];
    *output = '\0';
}

bool base64url_read(const char *text, size_t size, struct buffer *output)
{
    size_t before = output->size;
    unsigned pending = 0, bits = 0;
    for (size_t i = 0; i < size; i++) {
        const char *digit = memchr(alphabet, text[i], sizeof(alphabet) - 1);
        if (digit == NULL) {
            output->size = before;
            return false;
        }
        pending = pending << 6 | (unsigned)(digit - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buffer_append_byte(output, (uint8_t)(pending >> bits));
            pending &= (1U << bits) - 1;
        }
    }
    if (bits < 6 && pending == 0)
        return true;
    output->size = before;
    return false;
}
