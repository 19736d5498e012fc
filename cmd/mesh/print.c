#include "cmd/mesh/mesh.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "net/api/status_json.h"
#include "net/mesh/tapped.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "-";
}

void mesh_tell_unwritten(const char *option, const char *path, int code, struct error *error)
{
    if (file_path_is_to_blame(code))
        options_blame(error, option, path);
    log_error("%s", error->text);
}

struct names mesh_names;

char *mesh_name_and_id(const char *id)
{
    const char *name = names_find(&mesh_names, id);
    return name != NULL ? text_format("%s (%s)", name, id) : text_copy(id);
}

static void print_safe(const char *text, const char *end)
{
    char *safe = utf8_safe_text(bytes_of_text(text));
    printf("%s%s", safe, end);
    free(safe);
}

/* Freed with free(). */
static char *format_text(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));
static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        memory_exhausted();
    return text;
}

void mesh_print_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    print_safe(text, "");
    free(text);
}

void mesh_print_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    char *named = names_put_into(&mesh_names, text);
    print_safe(named, "\n");
    free(named);
    free(text);
}

static void print_topic(const char *name, const json_t *topic)
{
    const json_t *mesh = json_object_get(topic, "mesh");
    mesh_print_line("  topic %s: %s, %zu in the mesh, %zu subscribed", name,
                    json_is_true(json_object_get(topic, "subscribed")) ? "subscribed"
                                                                       : "not subscribed",
                    json_array_size(mesh), json_array_size(json_object_get(topic, "subscribers")));
    size_t index;
    const json_t *peer;
    json_array_foreach(mesh, index, peer)
    {
        mesh_print_line("    mesh -> %s", json_string_value(peer));
    }
}

static void print_stream(const char *what, const json_t *stream)
{
    if (json_is_integer(json_object_get(stream, "stream_id")))
        mesh_print_line("    %s: stream %" JSON_INTEGER_FORMAT " of %s", what,
                        json_integer_value(json_object_get(stream, "stream_id")),
                        text_of(stream, "connection"));
    else
        mesh_print_line("    %s: %s", what, text_of(stream, "state"));
}

static void print_peer(const json_t *peer)
{
    size_t index;
    const json_t *item;
    mesh_print_line("  peer %s, %s", text_of(peer, "peer_id"), text_of(peer, "agent"));
    json_array_foreach(json_object_get(peer, "connections"), index, item)
    {
        mesh_print_line("    connection %s: %s %s", text_of(item, "id"), text_of(item, "direction"),
                        text_of(item, "remote"));
    }
    print_stream("out", json_object_get(peer, "outbound_stream"));
    json_array_foreach(json_object_get(peer, "inbound_streams"), index, item)
    {
        print_stream("in", item);
    }
}

static void print_node(const json_t *node)
{
    printf("%snode%s ", output_colour(stdout, COLOUR_BOLD), output_colour_end(stdout));
    char *who = mesh_name_and_id(text_of(node, "peer_id"));
    mesh_print_text("%s, %s, network %s", who, text_of(node, "agent"), text_of(node, "network"));
    if (tapped_is_node(node))
        mesh_print_text(", by a tap, which calls it %s", text_of(node, "name"));
    putchar('\n');
    free(who);
    size_t index;
    const char *name;
    const json_t *peer;
    json_t *topic;
    json_array_foreach(json_object_get(node, "peers"), index, peer)
    {
        print_peer(peer);
    }
    json_object_foreach(json_object_get(node, "topics"), name, topic)
    {
        print_topic(name, topic);
    }
}

static void print_info(const json_t *entry)
{
    const json_t *info = json_object_get(entry, "node_info");
    const json_t *unsteady = json_object_get(entry, "volatile");
    if (json_object_get(unsteady, "metrics") != NULL)
        mesh_print_line("  metrics %s: %s %s, %zu values", text_of(unsteady, "metrics_url"),
                        text_of(info, "name"), text_of(info, "version"),
                        json_object_size(json_object_get(unsteady, "metrics")));
}

static void print_lean(const json_t *lean)
{
    const json_t *head = json_object_get(json_object_get(lean, "fork_choice"), "head"), *peer;
    size_t index;
    if (lean == NULL)
        return;
    mesh_print_line("  Lean API %s: %s", text_of(lean, "url"), text_of(lean, "health"));
    char slot[SLOT_TEXT_SIZE];
    slot_text(json_object_get(head, "slot"), slot);
    if (head != NULL)
        mesh_print_line("    head %s at slot %s", text_of(head, "root"), slot);
    json_array_foreach(json_object_get(lean, "peers"), index, peer)
    {
        mesh_print_line("    peer %s, %s", text_of(peer, "peer_id"), text_of(peer, "state"));
    }
}

/* What a node that was visited let us see. */
static void print_foreign(const json_t *entry)
{
    const json_t *visit = json_object_get(entry, "visit");
    const json_t *streams = json_object_get(visit, "streams");
    const char *ended = json_string_value(json_object_get(visit, "ended")), *name;
    json_t *topic;
    printf("%sforeign%s ", output_colour(stdout, COLOUR_BOLD), output_colour_end(stdout));
    char *who = mesh_name_and_id(text_of(entry, "peer_id"));
    mesh_print_text("%s, %s, status %s", who, text_of(entry, "agent"), text_of(visit, "status"));
    putchar('\n');
    free(who);
    mesh_print_line("  streams: ours %s, theirs %zu", text_of(streams, "ours"),
                    json_array_size(json_object_get(streams, "theirs")));
    json_object_foreach(json_object_get(entry, "topics"), name, topic)
    {
        mesh_print_line("  topic %s: subscribed, %s", name,
                        json_is_true(json_object_get(topic, "has_visitor"))
                            ? "had us in its mesh"
                            : "did not have us in its mesh");
    }
    if (ended != NULL)
        mesh_print_line("  went before the visit was over: %s", ended);
    print_lean(json_object_get(entry, "lean"));
    print_info(entry);
}

static void print_endpoint(const json_t *entry)
{
    printf("%sendpoint%s ", output_colour(stdout, COLOUR_BOLD), output_colour_end(stdout));
    mesh_print_line("%s", text_of(entry, "url"));
    print_lean(json_object_get(entry, "lean"));
    print_info(entry);
}

void mesh_print(const json_t *snapshot)
{
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(snapshot, "nodes"), index, item)
    {
        print_node(item);
    }
    json_array_foreach(json_object_get(snapshot, "foreign"), index, item)
    {
        print_foreign(item);
    }
    json_array_foreach(json_object_get(snapshot, "endpoints"), index, item)
    {
        print_endpoint(item);
    }
    json_array_foreach(json_object_get(snapshot, "unreachable"), index, item)
    {
        printf("%sunreachable%s ", output_colour(stdout, COLOUR_RED), output_colour_end(stdout));
        mesh_print_line("%s", text_of(item, "error"));
    }
    output_flush();
}
