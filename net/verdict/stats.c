#include "net/verdict/stats.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* Adds to the number at KEY, which begins at 0. */
static void add(json_t *object, const char *key, json_int_t value)
{
    json_int_t before = json_integer_value(json_object_get(object, key));
    json_object_set_new(object, key, json_integer(before + value));
}

/* The group of a stream in GROUPS, an object in which 'p' and 's' tell protocols from shapes. */
static json_t *group_of(json_t *groups, const json_t *stream)
{
    const char *protocol = json_string_value(json_object_get(stream, "protocol"));
    const char *shape = json_string_value(json_object_get(stream, "shape"));
    char *key =
        text_format("%c%s", protocol != NULL ? 'p' : 's', protocol != NULL ? protocol : shape);
    json_t *group = json_object_get(groups, key);
    if (group == NULL) {
        group = json_pack("{s:s, s:i, s:i, s:i, s:i, s:{}}",
                          protocol != NULL ? "protocol" : "shape", key + 1, "streams", 0, "orphans",
                          0, "bytes_out", 0, "bytes_back", 0, "verdicts");
        json_object_set_new(groups, key, group);
    }
    free(key);
    return group;
}

static void count(json_t *groups, const json_t *stream)
{
    json_t *group = group_of(groups, stream);
    add(group, "streams", 1);
    add(group, "orphans", json_is_true(json_object_get(stream, "orphan")));
    add(group, "bytes_out", json_integer_value(json_object_get(stream, "bytes_out")));
    add(group, "bytes_back", json_integer_value(json_object_get(stream, "bytes_back")));
    add(json_object_get(group, "verdicts"), json_string_value(json_object_get(stream, "verdict")),
        1);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The groups as a list, by their keys. */
static json_t *sorted(json_t *groups)
{
    size_t size = json_object_size(groups), i = 0;
    const char **keys = memory_new((size + 1) * sizeof(*keys)), *key;
    json_t *list = json_array(), *group;
    json_object_foreach(groups, key, group)
    {
        keys[i++] = key;
    }
    qsort(keys, size, sizeof(*keys), by_text);
    for (i = 0; i < size; i++)
        json_array_append(list, json_object_get(groups, keys[i]));
    free(keys);
    json_decref(groups);
    return list;
}

json_t *qlog_stats(const json_t *report)
{
    size_t i, k;
    const json_t *connection, *stream;
    json_t *total = json_object(), *list = json_array();
    json_array_foreach(json_object_get(report, "connections"), i, connection)
    {
        json_t *groups = json_object(), *counted = json_object();
        json_array_foreach(json_object_get(connection, "streams"), k, stream)
        {
            count(groups, stream);
            count(total, stream);
        }
        if (json_object_get(connection, "id") != NULL)
            json_object_set(counted, "id", json_object_get(connection, "id"));
        json_object_set_new(counted, "groups", sorted(groups));
        json_array_append_new(list, counted);
    }
    json_t *let_go = json_object_get(json_object_get(report, "summary"), "let_go");
    return json_pack("{s:o, s:o, s:O}", "connections", list, "total", sorted(total), "let_go",
                     let_go);
}
