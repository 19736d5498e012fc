#include "common/base58.h"

#include <assert.h>

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* A number in some base, least significant digit first. */
struct number {
    size_t size;
    uint8_t digits[BASE58_TEXT_MAX];
};

static void multiply_add(struct number *number, unsigned base, unsigned factor, unsigned carry)
{
    for (size_t i = 0; i < number->size; i++) {
        carry += number->digits[i] * factor;
        number->digits[i] = (uint8_t)(carry % base);
        carry /= base;
    }
    for (; carry > 0; carry /= base)
        number->digits[number->size++] = (uint8_t)(carry % base);
}

size_t base58_write(struct bytes input, char *output)
{
    assert(input.size <= BASE58_BYTES_MAX);
    struct number number = {0};
    size_t zeros = 0;
    while (zeros < input.size && input.data[zeros] == 0)
        zeros++;
    for (size_t i = zeros; i < input.size; i++)
        multiply_add(&number, 58, 256, input.data[i]);

    size_t length = 0;
    while (length < zeros)
        output[length++] = alphabet[0];
    for (size_t i = number.size; i > 0; i--)
        output[length++] = alphabet[number.digits[i - 1]];
    output[length] = '\0';
    return length;
}

bool base58_read(const char *text, size_t size, struct buffer *output)
{
    if (size > BASE58_TEXT_MAX)
        return false;
    struct number number = {0};
    size_t zeros = 0;
    while (zeros < size && text[zeros] == alphabet[0])
        zeros++;
    for (size_t i = zeros; i < size; i++) {
        const char *digit = memchr(alphabet, text[i], sizeof(alphabet) - 1);
        if (digit == NULL)
            return false;
        multiply_add(&number, 256, 58, (unsigned)(digit - alphabet));
    }

    for (; zeros > 0; zeros--)
        buffer_append_byte(output, 0);
    for (size_t i = number.size; i > 0; i--)
        buffer_append_byte(output, number.digits[i - 1]);
    return true;
}
