#include "common/page.h"

#include <stdlib.h>

#include "common/base64url.h"
#include "common/embed.h"
#include "common/file.h"
#include "common/sha256.h"
#include "common/utf8.h"

EMBED(page_style, "common/page.css")

struct filling {
    const char *title;
    const json_t *value;
    struct bytes template;
};

static size_t find(struct bytes text, const char *wanted)
{
    const uint8_t *at = memmem(text.data, text.size, wanted, strlen(wanted));
    return at != NULL ? (size_t)(at - text.data) : text.size;
}

/* What a text holds that HTML would take for its own. */
static void append_escaped(struct buffer *output, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"'", *text) != NULL) {
            char reference[8];
            snprintf(reference, sizeof(reference), "&#%d;", *text);
            buffer_append_text(output, reference);
        } else {
            buffer_append_byte(output, (uint8_t)*text);
        }
    }
}

/* In JSON `<`, `>` and `&` stand in strings only: without them nothing ends the script element, and
 * nothing begins a comment in it. */
static int append_json(const char *text, size_t size, void *context)
{
    struct buffer *output = context;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '<')
            buffer_append_text(output, "\\u003c");
        else if (text[i] == '>')
            buffer_append_text(output, "\\u003e");
        else if (text[i] == '&')
            buffer_append_text(output, "\\u0026");
        else
            buffer_append_byte(output, (uint8_t)text[i]);
    }
    return 0;
}

/* The only script that runs is the one of this hash: no attribute such as onerror, no other
 * element. */
static void append_policy(struct buffer *output, struct bytes template)
{
    struct bytes script = bytes_after(template, find(template, "<script>"));
    script = script.size > 0 ? bytes_after(script, strlen("<script>")) : script;
    script.size = find(script, "</script>");
    uint8_t digest[SHA256_SIZE];
    char digits[BASE64URL_TEXT_SIZE(SHA256_SIZE) + 1];
    sha256(script, digest);
    base64url_write(bytes_of(digest, sizeof(digest)), digits);
    buffer_append_text(output,
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-");
    buffer_append_text(output, digits);
    buffer_append_text(output, "='; base-uri 'none'; form-action 'none'");
}

static void append_title(struct buffer *output, const char *title)
{
    char *safe = utf8_safe_text(bytes_of_text(title));
    append_escaped(output, safe);
    free(safe);
}

static bool begins(struct bytes text, const char *with)
{
    size_t size = strlen(with);
    return text.size >= size && memcmp(text.data, with, size) == 0;
}

/* Appends what stands for the placeholder that TEXT begins with, and returns the size of that; 0
 * where it begins with none. */
static size_t fill(struct buffer *output, struct bytes text, const struct filling *filling)
{
    if (begins(text, "{{policy}}")) {
        append_policy(output, filling->template);
        return strlen("{{policy}}");
    }
    if (begins(text, "{{title}}")) {
        append_title(output, filling->title);
        return strlen("{{title}}");
    }
    if (begins(text, "{{style}}")) {
        buffer_append(output, page_style().data, page_style().size);
        return strlen("{{style}}");
    }
    if (begins(text, "{{data}}")) {
        json_dump_callback(filling->value, append_json, output,
                           JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
                               JSON_REAL_PRECISION(15));
        return strlen("{{data}}");
    }
    return 0;
}

void page_fill(struct bytes template, const char *title, const json_t *value, struct buffer *output)
{
    const struct filling filling = {.title = title, .value = value, .template = template};
    while (template.size > 0) {
        size_t start = find(template, "{{");
        buffer_append(output, template.data, start);
        template = bytes_after(template, start);
        size_t size = fill(output, template, &filling);
        if (size == 0 && template.size > 0) {
            buffer_append_byte(output, *template.data);
            size = 1;
        }
        template = bytes_after(template, size);
    }
}

bool page_write(const char *path, struct bytes template, const char *title, const json_t *value,
                struct error *error)
{
    struct buffer page = {0};
    page_fill(template, title, value, &page);
    bool written = file_write(path, buffer_bytes(&page), 0644, error);
    buffer_clear(&page);
    return written;
}
