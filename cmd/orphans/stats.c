/* The counts of net/verdict/stats.h as a table. */
#include "cmd/orphans/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/output.h"

enum { NAME_WIDTH_MAX = 48 }; /* longer names move what follows them in their line */

struct widths {
    int id, name;
};

/* What the streams of a group speak, or what they look like; the caller frees it. */
static char *name_of(const json_t *group)
{
    const char *protocol = json_string_value(json_object_get(group, "protocol"));
    if (protocol != NULL)
        return text_copy(protocol);
    return text_format("(%s)", json_string_value(json_object_get(group, "shape")));
}

static const char *id_of(const json_t *connection)
{
    const char *id = json_string_value(json_object_get(connection, "id"));
    return id != NULL ? id : "(no id)";
}

static void widen(int *width, const char *text)
{
    size_t size = strlen(text);
    if (size > (size_t)*width)
        *width = size < NAME_WIDTH_MAX ? (int)size : NAME_WIDTH_MAX;
}

static char *verdicts_of(const json_t *group)
{
    struct buffer text = {0};
    const char *verdict;
    json_t *count;
    json_object_foreach(json_object_get(group, "verdicts"), verdict, count)
    {
        char *item = text_format("%s%s %" JSON_INTEGER_FORMAT, text.size > 0 ? ", " : "", verdict,
                                 json_integer_value(count));
        buffer_append_text(&text, item);
        free(item);
    }
    buffer_append_byte(&text, '\0');
    return (char *)text.data;
}

static json_int_t number(const json_t *group, const char *key)
{
    return json_integer_value(json_object_get(group, key));
}

static void print_groups(const char *id, const json_t *groups, const struct widths *widths)
{
    size_t i;
    const json_t *group;
    json_array_foreach(groups, i, group)
    {
        char *name = name_of(group), *verdicts = verdicts_of(group);
        json_int_t orphans = number(group, "orphans");
        printf("%-*s  %-*s %8" JSON_INTEGER_FORMAT " %s%8" JSON_INTEGER_FORMAT
               "%s %12" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT "  %s\n",
               widths->id, id, widths->name, name, number(group, "streams"),
               orphans > 0 ? output_colour(stdout, COLOUR_RED) : "", orphans,
               orphans > 0 ? output_colour_end(stdout) : "", number(group, "bytes_out"),
               number(group, "bytes_back"), verdicts);
        free(name);
        free(verdicts);
    }
}

void print_stats(const json_t *stats)
{
    struct widths widths = {0};
    size_t i;
    const json_t *entry, *connections = json_object_get(stats, "connections");
    const json_t *total = json_object_get(stats, "total");
    widen(&widths.id, "CONNECTION");
    widen(&widths.name, "PROTOCOL");
    json_array_foreach(connections, i, entry)
    {
        widen(&widths.id, id_of(entry));
    }
    json_array_foreach(total, i, entry)
    {
        char *name = name_of(entry);
        widen(&widths.name, name);
        free(name);
    }
    printf("%-*s  %-*s %8s %8s %12s %12s  %s\n", widths.id, "CONNECTION", widths.name, "PROTOCOL",
           "STREAMS", "ORPHANS", "BYTES OUT", "BYTES BACK", "VERDICTS");
    json_array_foreach(connections, i, entry)
    {
        print_groups(id_of(entry), json_object_get(entry, "groups"), &widths);
    }
    if (json_array_size(connections) > 1)
        print_groups("total", total, &widths);
    json_int_t let_go = number(stats, "let_go");
    if (let_go > 0)
        printf("not in this table: closed streams of long logs, let go to make room: "
               "%" JSON_INTEGER_FORMAT "\n",
               let_go);
}
