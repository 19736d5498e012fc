#include "net/address/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/memory.h"

void names_clear(struct names *names)
{
    json_decref(names->by_id);
    names->by_id = NULL;
}

void names_add(struct names *names, const char *id, const char *name)
{
    if (names->by_id == NULL)
        names->by_id = json_object();
    if (json_object_get(names->by_id, id) == NULL)
        json_object_set_new(names->by_id, id, json_string(name));
}

bool names_add_text(struct names *names, const char *text, struct error *error)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0')
        return error_set(error, "%s: expected NAME=ID, or NAME=ID,ID...", text);
    char *name = text_format("%.*s", (int)(equals - text), text);
    char *ids = text_copy(equals + 1), *rest = ids;
    for (const char *id; (id = strsep(&rest, ",")) != NULL;)
        if (*id != '\0')
            names_add(names, id, name);
    free(ids);
    free(name);
    return true;
}

bool names_add_environment(struct names *names, struct error *error)
{
    const char *all = getenv(NAMES_VARIABLE);
    char *lines = text_copy(all != NULL ? all : ""), *rest = lines;
    bool sound = true;
    for (const char *line; sound && (line = strsep(&rest, "\n")) != NULL;)
        sound = *line == '\0' || names_add_text(names, line, error);
    free(lines);
    return sound || error_prefix(error, "$" NAMES_VARIABLE);
}

static json_t *lines_json(const char *lines)
{
    if (lines == NULL || *lines == '\0')
        return NULL;
    json_t *array = json_array();
    char *copy = text_copy(lines), *rest = copy;
    for (const char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            json_array_append_new(array, json_string(line)); /* none where it is not UTF-8 */
    free(copy);
    return array;
}

json_t *names_paths(const char *lines)
{
    return lines_json(lines);
}

json_t *names_paths_environment(void)
{
    return lines_json(getenv(PATHS_VARIABLE));
}

json_t *names_stopped_environment(void)
{
    return lines_json(getenv(STOPPED_VARIABLE));
}

json_t *names_ended_environment(void)
{
    return lines_json(getenv(ENDED_VARIABLE));
}

void names_add_json(struct names *names, const json_t *by_id)
{
    const char *id;
    json_t *name;
    json_object_foreach((json_t *)(uintptr_t)by_id, id, name)
    {
        if (json_is_string(name))
            names_add(names, id, json_string_value(name));
    }
}

const char *names_find(const struct names *names, const char *id)
{
    return id != NULL ? json_string_value(json_object_get(names->by_id, id)) : NULL;
}

void names_add_peer(const struct names *names, json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *name = names_find(names, json_string_value(json_object_get(event, "peer_id")));
    if (name != NULL && (kind == NULL || strcmp(kind, "ready") != 0))
        json_object_set_new(event, "peer_name", json_string(name));
}

/* The name of the SIZE bytes at TEXT. */
static const char *find_part(const struct names *names, const char *text, size_t size)
{
    char *id = text_format("%.*s", (int)size, text);
    const char *name = names_find(names, id);
    free(id);
    return name;
}

/* How much of a word is scheme, host and port of a URL; 0 where it is none. */
static size_t origin_size(const char *word, size_t size)
{
    static const char scheme[] = "http://";
    const size_t before = sizeof(scheme) - 1;
    if (size < before || strncmp(word, scheme, before) != 0)
        return 0;
    const char *path = memchr(word + before, '/', size - before);
    return path != NULL ? (size_t)(path - word) : size;
}

/* Puts names in the place of ids: words of letters and digits, among other characters. */
static void append_parts(const struct names *names, const char *word, size_t size,
                         struct buffer *output)
{
    static const char in_address[] = "/p2p/";
    const size_t before = sizeof(in_address) - 1;
    for (size_t at = 0, end; at < size; at = end) {
        for (end = at; end < size && isalnum((unsigned char)word[end]);)
            end++;
        bool whole = at < before || strncmp(word + at - before, in_address, before) != 0;
        const char *name = end > at && whole ? find_part(names, word + at, end - at) : NULL;
        end += end == at;
        buffer_append(output, name != NULL ? name : word + at,
                      name != NULL ? strlen(name) : end - at);
    }
}

static void append_word(const struct names *names, const char *word, size_t size,
                        struct buffer *output)
{
    size_t told = size, origin;
    while (told > 0 && strchr(":.", word[told - 1]) != NULL)
        told--;
    origin = origin_size(word, told);
    const char *name = *word == '/' ? find_part(names, word, told)
                       : origin > 0 ? find_part(names, word, origin)
                                    : NULL;
    if (name != NULL) {
        buffer_append_text(output, name);
        buffer_append_text(output, ", ");
        buffer_append(output, word, size);
    } else {
        append_parts(names, word, size, output);
    }
}

char *names_put_into(const struct names *names, const char *text)
{
    static const char between[] = " \t\n,;()";
    if (names->by_id == NULL)
        return text_copy(text);
    struct buffer output = {0};
    while (*text != '\0') {
        size_t gap = strspn(text, between);
        buffer_append(&output, text, gap);
        size_t size = strcspn(text + gap, between);
        append_word(names, text + gap, size, &output);
        text += gap + size;
    }
    buffer_append(&output, "", 1);
    char *named = text_copy((const char *)output.data);
    buffer_clear(&output);
    return named;
}
