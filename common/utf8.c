#include "common/utf8.h"

#include <string.h>

#include "common/buffer.h"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* What the first byte says: how many bytes there are, and its own bits of the character. */
static size_t read_lead(uint8_t byte, uint32_t *character)
{
    size_t size = byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *character = byte & masks[size];
    return byte < 0xf8 ? size : 0;
}

size_t utf8_mark_size(struct bytes text)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t size = sizeof(mark) - 1;
    return text.size >= size && memcmp(text.data, mark, size) == 0 ? size : 0;
}

size_t utf8_read(struct bytes text, uint32_t *character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text.size > 0 ? read_lead(text.data[0], character) : 0;
    if (size == 0 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(text.data[i]))
            return 0;
        *character = *character << 6 | (text.data[i] & 0x3f);
    }
    bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
    return *character < smallest[size] || surrogate || *character > 0x10ffff ? 0 : size;
}

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

char *utf8_safe_text(struct bytes text)
{
    struct buffer output = {0};
    while (text.size > 0) {
        uint32_t character;
        size_t size = utf8_read(text, &character);
        if (size == 0 || is_control(character))
            buffer_append_text(&output, "\xef\xbf\xbd");
        else
            buffer_append(&output, text.data, size);
        text = bytes_after(text, size > 0 ? size : 1);
    }
    buffer_append_byte(&output, '\0');
    return (char *)output.data;
}
