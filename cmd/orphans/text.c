#include "cmd/orphans/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/output.h"
#include "net/verdict/verdict.h"

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

struct names orphans_names;

json_t *names_over(json_t *names, const json_t *peers)
{
    static const char *const roles[] = {"client", "server"};
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        const char *name =
            names_find(&orphans_names, json_string_value(json_object_get(peers, roles[i])));
        if (name == NULL)
            continue;
        if (names == NULL)
            names = json_object();
        json_object_set_new(names, roles[i], json_string(name));
    }
    return names;
}

static const char *name_of(const json_t *connection)
{
    const char *id = text_of(connection, "id");
    return *id != '\0' ? id : "a connection without an id";
}

/* The side's name, or "the client" and "the server". */
static const char *side_of(const json_t *connection, const char *role)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(connection, "names"), role));
    if (name != NULL)
        return name;
    return strcmp(role, "client") == 0 ? "the client" : "the server";
}

/* "node1 -> node2, " where a name is known: who dialled whom. */
static void print_sides(const json_t *connection)
{
    const json_t *names = json_object_get(connection, "names");
    if (names != NULL)
        printf("%s -> %s, ", side_of(connection, "client"), side_of(connection, "server"));
}

/* EVIDENCE with the sides by their names; freed with free(). */
static char *name_sides(const json_t *connection, const char *evidence)
{
    static const char *const roles[] = {"client", "server"};
    char *text = text_copy(evidence);
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        char *side = text_format("the %s", roles[i]);
        const char *name = side_of(connection, roles[i]);
        for (char *found, *at = text; (found = strstr(at, side)) != NULL;) {
            size_t before = (size_t)(found - text);
            char *named = text_format("%.*s%s%s", (int)before, text, name, found + strlen(side));
            free(text);
            text = named;
            at = text + before + strlen(name);
        }
        free(side);
    }
    return text;
}

void print_stream(const json_t *connection, const json_t *stream, const char *before)
{
    const char *protocol = text_of(stream, "protocol");
    char *evidence = name_sides(connection, text_of(stream, "evidence"));
    print_sides(connection);
    printf("%s stream %" JSON_INTEGER_FORMAT ": %s%s%s (%s%s%s): %s%s%s\n", name_of(connection),
           json_integer_value(json_object_get(stream, "id")),
           output_colour(stdout, colour_of(stream)), text_of(stream, "verdict"),
           output_colour_end(stdout), text_of(stream, "confidence"), before != NULL ? ", was " : "",
           before != NULL ? before : "", protocol, *protocol != '\0' ? ", " : "", evidence);
    free(evidence);
}

static void print_broken(const json_t *connection)
{
    const json_t *ended = json_object_get(connection, "ended");
    const json_t *broken = json_object_get(ended, "broken_by");
    const json_t *stream = json_object_get(broken, "stream_id");
    const char *reason = text_of(ended, "reason");
    bool has_reason = *reason != '\0';
    if (broken == NULL)
        return;
    print_sides(connection);
    printf("%s: closed by %s at %.3f s for %s%s%s%s%s%s: %s broke the protocol",
           name_of(connection), side_of(connection, text_of(ended, "by")),
           json_real_value(json_object_get(ended, "at_ms")) / 1000,
           output_colour(stdout, COLOUR_YELLOW), text_of(ended, "error"), output_colour_end(stdout),
           has_reason ? " (" : "", reason, has_reason ? ")" : "",
           side_of(connection, text_of(broken, "role")));
    if (stream != NULL)
        printf(" on stream %" JSON_INTEGER_FORMAT, json_integer_value(stream));
    printf("\n");
}

static void print_one_way(const json_t *connection)
{
    const json_t *one_way = json_object_get(connection, "one_way");
    bool client = strcmp(text_of(one_way, "from"), "client") == 0;
    const char *from = side_of(connection, client ? "client" : "server");
    const char *to = side_of(connection, client ? "server" : "client");
    if (one_way == NULL)
        return;
    print_sides(connection);
    printf("%s: %sone-way peering%s: gossip flows from %s to %s only, on stream "
           "%" JSON_INTEGER_FORMAT "; no gossipsub stream of %s is in use\n",
           name_of(connection), output_colour(stdout, COLOUR_YELLOW), output_colour_end(stdout),
           from, to, json_integer_value(json_object_get(one_way, "stream_id")), to);
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
    if (logs == 0) /* nothing was judged */
        return;
    const char *colour = output_colour(stdout, orphans > 0 ? COLOUR_RED : COLOUR_GREEN);
    if (orphans > 0)
        printf("%s%" JSON_INTEGER_FORMAT " orphaned stream%s%s", colour, orphans, plural(orphans),
               output_colour_end(stdout));
    else
        printf("%sno orphaned streams%s%s", troubled ? "" : colour,
               troubled ? "" : output_colour_end(stdout),
               troubled ? " in what could be told, which is not all:" : "");
    printf("%s %" JSON_INTEGER_FORMAT " connection%s (%" JSON_INTEGER_FORMAT
           " stream%s, %" JSON_INTEGER_FORMAT " log%s)\n",
           orphans == 0 && troubled ? "" : " in", connections, plural(connections), streams,
           plural(streams), logs, plural(logs));
}

bool leaves_doubt(const json_t *report)
{
    const json_t *verdicts = json_object_get(json_object_get(report, "summary"), "verdicts");
    return json_array_size(json_object_get(report, "troubles")) > 0 ||
           json_object_get(verdicts, "unknown") != NULL ||
           json_integer_value(json_object_get(json_object_get(report, "summary"), "suspected")) > 0;
}

/* Logs that cannot tell make the exit status, too. */
static void print_unknown(const json_t *connection)
{
    size_t i;
    const json_t *log;
    json_array_foreach(json_object_get(connection, "unknown"), i, log)
    {
        print_sides(connection);
        printf("%s: %sunknown%s: %s %s\n", name_of(connection),
               output_colour(stdout, COLOUR_YELLOW), output_colour_end(stdout),
               text_of(log, "path"), text_of(log, "reason"));
    }
}

/* Whether the stream's verdict makes the exit status. */
static bool is_failing(const json_t *stream, const bool *fails)
{
    enum qlog_verdict verdict;
    return qlog_verdict_find(text_of(stream, "verdict"), &verdict) && fails[verdict];
}

void print_text(const json_t *report, bool all, const bool *fails)
{
    size_t i, k;
    const json_t *connection, *stream, *stats = json_object_get(report, "stats");
    json_array_foreach(json_object_get(report, "connections"), i, connection)
    {
        print_broken(connection);
        print_one_way(connection);
        json_array_foreach(json_object_get(connection, "streams"), k, stream)
        {
            if (all || (stats == NULL && (!is_healthy(stream) || is_failing(stream, fails))))
                print_stream(connection, stream, NULL);
        }
    }
    if (stats != NULL)
        print_stats(stats);
    print_summary(json_object_get(report, "summary"), leaves_doubt(report));
    json_array_foreach(json_object_get(report, "connections"), i, connection)
    {
        print_unknown(connection);
    }
}
