/* What is not known of a foreign node is not held against it: its meshes, its peers, its streams to
 * others. */
#include "net/gossipsub/lean_topic.h"
#include "net/mesh/check_state.h"
#include "net/mesh/members.h"

static void check_network(struct check *check, const json_t *entry, struct subject subject)
{
    struct bytes other = {0}, network;
    bool shared = false, mixed = false;
    const char *topic;
    json_t *value;
    json_object_foreach(json_object_get(entry, "topics"), topic, value)
    {
        if (!lean_topic_network(topic, &network))
            continue;
        shared |= check->network == NULL || bytes_equal(network, bytes_of_text(check->network));
        mixed |= other.data != NULL && !bytes_equal(network, other);
        other = network;
    }
    if (other.data != NULL && check->network == NULL && !mixed) {
        check->foreign_network = json_stringn((const char *)other.data, other.size);
        check->network = json_string_value(check->foreign_network);
    }
    subject.by_tap |= check->network_by_tap;
    if (other.data != NULL && !shared)
        check_find(check, MESH_SAME_NETWORK, MESH_ERROR, subject,
                   "subscribed to topics of network %.*s, while the first node has %s",
                   (int)other.size, (const char *)other.data, check->network);
}

static void check_streams(struct check *check, const json_t *visit, struct subject subject)
{
    const json_t *streams = member(visit, "streams");
    size_t theirs = json_array_size(member(streams, "theirs"));
    bool whole = json_string_value(member(visit, "ended")) == NULL;
    if (theirs > 1)
        check_find(check, MESH_INBOUND_STREAM, MESH_WARNING, subject,
                   "it opened %zu gossipsub streams to its visitor", theirs);
    if (theirs == 0 && whole && json_is_string(member(streams, "ours")))
        check_find(check, MESH_OUTBOUND_STREAM, MESH_WARNING, subject,
                   "it opened no gossipsub stream to its visitor, whose own it reads");
}

void check_foreign_nodes(struct check *check)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(member(check->snapshot, "foreign"), index, entry)
    {
        struct subject subject = {.node = json_string_value(member(entry, "peer_id"))};
        if (member(check->nodes, subject.node) != NULL)
            continue; /* it has told us itself */
        check_status(check, member(entry, "status"), subject);
        check_network(check, entry, subject);
        check_streams(check, member(entry, "visit"), subject);
    }
}

bool check_foreign_lacks(const struct check *check, const char *peer_id, const char *topic)
{
    const json_t *entry = member(check->foreign, peer_id);
    return member(member(entry, "sources"), "topics") != NULL &&
           member(member(entry, "topics"), topic) == NULL;
}
