#include "devnet/nodes_yaml.h"

#include "common/file.h"

bool nodes_yaml_write(const char *path, const char *const *records, size_t count,
                      struct error *error)
{
    struct buffer text = {0};
    for (size_t i = 0; i < count; i++) {
        if (records[i] == NULL)
            continue;
        buffer_append_text(&text, "- ");
        buffer_append_text(&text, records[i]);
        buffer_append_text(&text, "\n");
    }
    if (text.size == 0)
        buffer_append_text(&text, "[]\n");
    bool written = file_write(path, buffer_bytes(&text), 0666, error);
    buffer_clear(&text);
    return written;
}
