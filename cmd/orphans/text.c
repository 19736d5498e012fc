#include "cmd/orphans/orphans.h"

#include <string.h>

#include "common/output.h"
#include "net/qlog/verdict.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool is_healthy(const json_t *stream)
{
    return json_is_true(json_object_get(stream, "healthy"));
}

static enum output_colour colour_of(const json_t *stream)
{
    if (json_is_true(json_object_get(stream, "orphan")))
        return COLOUR_RED;
    return is_healthy(stream) ? COLOUR_DIM : COLOUR_YELLOW;
}

void print_stream(const char *connection_id, const json_t *stream, const char *before)
{
    const char *protocol = text_of(stream, "protocol");
    printf("%s stream %" JSON_INTEGER_FORMAT ": %s%s%s (%s%s%s): %s%s%s\n",
           connection_id != NULL ? connection_id : "a connection without an id",
           json_integer_value(json_object_get(stream, "id")),
           output_colour(stdout, colour_of(stream)), text_of(stream, "verdict"),
           output_colour_end(stdout), text_of(stream, "confidence"), before != NULL ? ", was " : "",
           before != NULL ? before : "", protocol, *protocol != '\0' ? ", " : "",
           text_of(stream, "evidence"));
}

static const char *plural(json_int_t count)
{
    return count == 1 ? "" : "s";
}

static json_int_t count_of(const json_t *summary, const char *key)
{
    return json_integer_value(json_object_get(summary, key));
}

void print_summary(const json_t *summary, bool troubled)
{
    json_int_t orphans = count_of(summary, "orphans"), logs = count_of(summary, "logs");
    json_int_t connections = count_of(summary, "connections"),
               streams = count_of(summary, "streams");
    const char *colour = output_colour(stdout, orphans > 0 ? COLOUR_RED : COLOUR_GREEN);
    if (orphans > 0)
        printf("%s%" JSON_INTEGER_FORMAT " orphaned stream%s%s", colour, orphans, plural(orphans),
               output_colour_end(stdout));
    else
        printf("%sno orphaned streams%s%s", troubled ? "" : colour,
               troubled ? "" : output_colour_end(stdout),
               troubled ? " in what could be read, which is not all:" : "");
    printf("%s %" JSON_INTEGER_FORMAT " connection%s (%" JSON_INTEGER_FORMAT
           " stream%s, %" JSON_INTEGER_FORMAT " log%s)\n",
           orphans == 0 && troubled ? "" : " in", connections, plural(connections), streams,
           plural(streams), logs, plural(logs));
}

void print_text(const json_t *report, bool all)
{
    size_t i, k;
    const json_t *connection, *stream, *stats = json_object_get(report, "stats");
    json_array_foreach(json_object_get(report, "connections"), i, connection)
    {
        json_array_foreach(json_object_get(connection, "streams"), k, stream)
        {
            if (all || (stats == NULL && !is_healthy(stream)))
                print_stream(json_string_value(json_object_get(connection, "id")), stream, NULL);
        }
    }
    if (stats != NULL)
        print_stats(stats);
    print_summary(json_object_get(report, "summary"),
                  json_array_size(json_object_get(report, "troubles")) > 0);
}
