#include "cmd/mesh/mesh.h"

#include <stdio.h>

#include "common/output.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "-";
}

static void print_topic(const char *name, const json_t *topic)
{
    const json_t *mesh = json_object_get(topic, "mesh");
    printf("  topic %s: %s, %zu in the mesh, %zu subscribed\n", name,
           json_is_true(json_object_get(topic, "subscribed")) ? "subscribed" : "not subscribed",
           json_array_size(mesh), json_array_size(json_object_get(topic, "subscribers")));
    size_t index;
    const json_t *peer;
    json_array_foreach(mesh, index, peer) printf("    mesh -> %s\n", json_string_value(peer));
}

static void print_outbound(const json_t *stream)
{
    printf("    out: %s", stream != NULL ? text_of(stream, "state") : "-");
    if (json_is_integer(json_object_get(stream, "stream_id")))
        printf(", stream %" JSON_INTEGER_FORMAT " of %s",
               json_integer_value(json_object_get(stream, "stream_id")),
               text_of(stream, "connection"));
    printf("\n");
}

static void print_peer(const json_t *peer)
{
    size_t index;
    const json_t *item;
    printf("  peer %s, %s\n", text_of(peer, "peer_id"), text_of(peer, "agent"));
    json_array_foreach(json_object_get(peer, "connections"), index, item)
        printf("    connection %s: %s %s\n", text_of(item, "id"), text_of(item, "direction"),
               text_of(item, "remote"));
    print_outbound(json_object_get(peer, "outbound_stream"));
    json_array_foreach(json_object_get(peer, "inbound_streams"), index, item)
        printf("    in: stream %" JSON_INTEGER_FORMAT " of %s\n",
               json_integer_value(json_object_get(item, "stream_id")), text_of(item, "connection"));
}

static void print_node(const json_t *node)
{
    printf("%snode %s%s, %s, network %s\n", output_colour(stdout, COLOUR_BOLD),
           text_of(node, "peer_id"), output_colour_end(stdout), text_of(node, "agent"),
           text_of(node, "network"));
    size_t index;
    const char *name;
    const json_t *peer;
    json_t *topic;
    json_array_foreach(json_object_get(node, "peers"), index, peer) print_peer(peer);
    json_object_foreach(json_object_get(node, "topics"), name, topic) print_topic(name, topic);
}

void mesh_print(const json_t *snapshot)
{
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(snapshot, "nodes"), index, item) print_node(item);
    json_array_foreach(json_object_get(snapshot, "unreachable"), index, item)
        printf("%sunreachable%s %s\n", output_colour(stdout, COLOUR_RED), output_colour_end(stdout),
               text_of(item, "error"));
    fflush(stdout);
}
