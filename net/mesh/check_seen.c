/* What a tap did not see is no sign that all is well: a node that only a tap knows has to be seen.
 */
#include "net/mesh/check_state.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

static void note(json_t *told_of, const char *id)
{
    if (id != NULL)
        json_object_set_new(told_of, id, json_true());
}

/* Of whose connections the Lean nodes' own APIs, of those in LIST, tell. */
static void note_lean(json_t *told_of, const json_t *list)
{
    size_t i, k;
    const json_t *entry, *peer;
    json_array_foreach(list, i, entry)
    {
        const char *teller = snapshot_teller(entry);
        json_array_foreach(member(member(entry, "lean"), "peers"), k, peer)
        {
            if (teller == NULL || !lean_peer_is_connected(peer))
                continue;
            note(told_of, teller);
            note(told_of, snapshot_item_name(peer));
        }
    }
}

static json_t *list_told_of(const json_t *snapshot)
{
    json_t *told_of = json_object();
    size_t i, k;
    const json_t *node, *peer;
    json_array_foreach(member(snapshot, "nodes"), i, node)
    {
        json_array_foreach(member(node, "peers"), k, peer)
        {
            note(told_of, snapshot_item_name(peer));
        }
    }
    note_lean(told_of, member(snapshot, "foreign"));
    note_lean(told_of, member(snapshot, "endpoints"));
    return told_of;
}

/* Whether anybody who tells of itself tells of a connection of the node called ID. */
static bool is_told_of(struct check *check, const char *id)
{
    if (check->told_of == NULL)
        check->told_of = list_told_of(check->snapshot);
    return member(check->told_of, id) != NULL;
}

/* More than a tap keeps of two nodes. */
static void check_left_out(struct check *check, const json_t *node, struct subject subject)
{
    const char *peer;
    json_t *told;
    json_object_foreach(member(member(node, "volatile"), "peers"), peer, told)
    {
        json_int_t count = json_integer_value(member(told, "not_seen"));
        subject.peer = peer;
        if (count > 0)
            check_find(check, MESH_SEEN_BY_TAP, MESH_ERROR, subject,
                       "the tap left out %" JSON_INTEGER_FORMAT
                       " things that the two said to each other: more topics, streams or "
                       "connections than it keeps, or RPCs too long to be read whole",
                       count);
    }
}

void check_seen(struct check *check, const json_t *node)
{
    const struct subject subject = {.node = text_member(node, "peer_id"), .by_tap = true};
    bool stopped = check_item(member(check->snapshot, "stopped"), subject.node) != NULL;
    if (!tapped_is_node(node) || stopped)
        return;
    if (json_array_size(member(node, "peers")) == 0 && !is_told_of(check, subject.node))
        check_find(check, MESH_SEEN_BY_TAP, MESH_ERROR, subject,
                   "no connection of it goes through the tap: it does not run, has lost its peers, "
                   "or is connected past the tap");
    check_left_out(check, node, subject);
}
