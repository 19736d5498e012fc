#include "common/hex.h"

#include "common/memory.h"

void hex_write(struct bytes input, char *output)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < input.size; i++) {
        *output++ = digits[input.data[i] >> 4];
        *output++ = digits[input.data[i] & 15];
    }
    *output = '\0';
}

char *hex_text(struct bytes input)
{
    char *text = memory_new(2 * input.size + 1);
    hex_write(input, text);
    return text;
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool hex_read(const char *text, struct buffer *output)
{
    size_t before = output->size;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    for (; text[0] != '\0'; text += 2) {
        int high = digit_value(text[0]);
        int low = high < 0 ? -1 : digit_value(text[1]);
        if (low < 0) {
            output->size = before;
            return false;
        }
        buffer_append_byte(output, (uint8_t)(high << 4 | low));
    }
    return true;
}
