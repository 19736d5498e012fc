#include "net/qlog/format.h"

static const struct {
    const char *bytes;
    size_t size;
    const char *name;
} formats[] = {
#define FORMAT(bytes, name)                                                                        \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name                                                             \
    }
    FORMAT("\xfd"
           "7zXZ\0",
           "compressed with xz"),
    FORMAT("BZh", "compressed with bzip2"),
    FORMAT("\x04\x22\x4d\x18", "compressed with lz4"),
    FORMAT("\x02\x21\x4c\x18", "compressed with lz4"),
    FORMAT("\x5d\x00\x00", "compressed with lzma"),
    FORMAT("LZIP", "compressed with lzip"),
    FORMAT("\x1f\x9d", "compressed with compress"),
    FORMAT("\xff\x06\x00\x00sNaPpY", "compressed with snappy"),
    FORMAT("\x89LZO", "compressed with lzop"),
    FORMAT("7z\xbc\xaf\x27\x1c", "a 7z archive"),
    FORMAT("PK\x03\x04", "a zip archive"),
    FORMAT("Rar!", "a rar archive"),
    FORMAT("\xff\xfe", "UTF-16 text"),
    FORMAT("\xfe\xff", "UTF-16 text"),
    FORMAT("\0{", "UTF-16 text"),
    FORMAT("\xd4\xc3\xb2\xa1", "a packet capture (pcap)"),
    FORMAT("\xa1\xb2\xc3\xd4", "a packet capture (pcap)"),
    FORMAT("\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"),
    FORMAT("\x7f"
           "ELF",
           "a program"),
    FORMAT("<", "XML or HTML"),
#undef FORMAT
};

const char *qlog_format_of(struct bytes beginning)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (beginning.size >= formats[i].size &&
            memcmp(beginning.data, formats[i].bytes, formats[i].size) == 0)
            return formats[i].name;
    return NULL;
}
