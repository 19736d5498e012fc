#include "common/yaml_edit.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* As they stand in the source. */
static int compare_edits(const void *a, const void *b)
{
    const struct yaml_edit *one = a, *other = b;
    return (one->item > other->item) - (one->item < other->item);
}

struct editing {
    struct bytes left; /* of the source */
    size_t at;         /* where that begins, in characters */
    struct buffer *output;
};

static void copy(struct editing *editing, size_t size)
{
    buffer_append(editing->output, editing->left.data, size);
    editing->left = bytes_after(editing->left, size);
}

/* The bytes that as many characters take. */
static size_t size_of(struct bytes text, size_t characters)
{
    size_t size = 0;
    for (; size < text.size; size++) {
        bool begins = (text.data[size] & 0xc0) != 0x80;
        if (begins && characters-- == 0)
            break;
    }
    return size;
}

/* How long what stands before a text is: an anchor, a tag, and what separates them. */
static size_t properties_size(struct bytes text)
{
    static const char separators[] = " \t\r\n";
    size_t size = 0;
    while (size < text.size && (text.data[size] == '&' || text.data[size] == '!')) {
        while (size < text.size && memchr(separators, text.data[size], 4) == NULL)
            size++;
        while (size < text.size && memchr(separators, text.data[size], 4) != NULL)
            size++;
    }
    return size;
}

static void replace(struct buffer *output, struct bytes old, const char *text)
{
    uint8_t first = old.size > 0 ? old.data[0] : 0;
    bool quoted = first == '"' || first == '\'';
    bool has_lines = (first == '|' || first == '>') && old.data[old.size - 1] == '\n';
    if (quoted)
        buffer_append_byte(output, first);
    buffer_append_text(output, text);
    if (quoted || has_lines)
        buffer_append_byte(output, quoted ? first : '\n');
}

static void edit(struct editing *editing, const struct yaml_tree *yaml, const struct yaml_edit *one)
{
    size_t begin = yaml_begin(yaml, one->item), end = yaml_end(yaml, one->item);
    copy(editing, size_of(editing->left, begin - editing->at));
    size_t size = size_of(editing->left, end - begin);
    size_t properties = properties_size(bytes_of(editing->left.data, size));
    copy(editing, properties);
    replace(editing->output, bytes_of(editing->left.data, size - properties), one->text);
    editing->left = bytes_after(editing->left, size - properties);
    editing->at = end;
}

bool yaml_edit(const struct yaml_tree *yaml, struct bytes source, struct yaml_edit *edits,
               size_t count, struct buffer *output, struct error *error)
{
    struct editing editing = {.left = source, .output = output};
    if (source.size >= 2 && (source.data[0] >= 0xfe || source.data[1] >= 0xfe))
        return yaml_fault(yaml, 0, error, "UTF-8 is expected");
    copy(&editing, utf8_mark_size(source));
    qsort(edits, count, sizeof(*edits), compare_edits);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || edits[i].item != edits[i - 1].item)
            edit(&editing, yaml, &edits[i]);
    copy(&editing, editing.left.size);
    return true;
}
