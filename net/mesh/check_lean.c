/* What a Lean node's own API tells: of its chain, against what others finalized; of its peers,
 * against the nodes that there are. */
#include <stdio.h>
#include <string.h>

#include "net/mesh/check_state.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/members.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

static json_int_t slot_of(const json_t *checkpoint)
{
    return json_integer_value(member(checkpoint, "slot"));
}

/* NAME is what it calls the block: it was not finalized yet, or not longer ago. */
static void check_block(struct check *check, const json_t *lean, const char *name,
                        struct subject who)
{
    const json_t *choice = member(lean, "fork_choice"), *block = member(choice, name);
    const char *url = text_member(lean, "url"), *root = text_member(block, "root");
    json_int_t slot = slot_of(block), finalized = slot_of(member(choice, "finalized"));
    char text[32];
    if (root == NULL)
        return;
    snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, slot);
    if (slot < finalized) {
        check_find(check, MESH_CHAIN_POSSIBLE, MESH_ERROR, who,
                   "%s at slot %s, before slot %" JSON_INTEGER_FORMAT
                   " that it finalized itself (%s)",
                   name, text, finalized, url);
        return;
    }
    const char *other = check_finalized(check, text, &who);
    if (other != NULL && strcmp(root, other) != 0)
        check_find(check, MESH_CHAIN_POSSIBLE, MESH_ERROR, who,
                   "%s %s at slot %s, where %s was finalized (%s)", name, root, text, other, url);
}

static void check_identity(struct check *check, const json_t *entry, struct subject who)
{
    const json_t *lean = member(entry, "lean");
    const char *visited = text_member(entry, "peer_id");
    const char *told = text_member(member(lean, "identity"), "peer_id");
    if (visited != NULL && told != NULL && strcmp(visited, told) != 0)
        check_find(check, MESH_API_OWN, MESH_ERROR, who, "its API, %s, is that of %s",
                   text_member(lean, "url"), told);
}

/* ---- its peers ---- */

/* The ids of those that it is connected to. */
static json_t *connected_of(const json_t *lean)
{
    json_t *connected = json_object();
    size_t index;
    const json_t *peer;
    json_array_foreach(member(lean, "peers"), index, peer)
    {
        if (lean_peer_is_connected(peer))
            json_object_set_new(connected, text_member(peer, "peer_id"), json_true());
    }
    return connected;
}

struct lack {
    size_t others, lacking;
    const char *such; /* one that is lacking */
    bool by_tap;      /* a tap alone knows one of the others */
};

static void count_lacking(const struct check *check, const json_t *nodes, const json_t *connected,
                          const char *own, struct lack *lack)
{
    const char *id;
    json_t *node;
    json_object_foreach((json_t *)nodes, id, node)
    {
        bool counted = nodes == check->foreign && member(check->nodes, id) != NULL;
        if (counted || strcmp(id, own) == 0)
            continue;
        lack->others++;
        lack->by_tap |= tapped_is_node(node);
        if (member(connected, id) != NULL)
            continue;
        lack->lacking++;
        lack->such = id;
    }
}

static void check_peers(struct check *check, const json_t *entry, struct subject who)
{
    const json_t *lean = member(entry, "lean");
    const char *url = text_member(lean, "url");
    json_t *connected = connected_of(lean);
    struct lack lack = {0};
    double sum;
    count_lacking(check, check->nodes, connected, who.node, &lack);
    count_lacking(check, check->foreign, connected, who.node, &lack);
    who.by_tap = lack.by_tap;
    if (json_is_array(member(lean, "peers"))) {
        if (lack.lacking > 0)
            check_find(check, MESH_PEERS_COMPLETE, MESH_WARNING, who,
                       "it lacks %zu of the %zu other nodes among its peers, such as %s (%s)",
                       lack.lacking, lack.others, lack.such, url);
    } else if (prometheus_sum(member(member(entry, "volatile"), "metrics"), "lean_connected_peers",
                              &sum) &&
               sum < (double)lack.others) {
        check_find(check, MESH_PEERS_COMPLETE, MESH_WARNING, who,
                   "it has %.0f peers, while there are %zu other nodes (%s)", sum, lack.others,
                   text_member(member(entry, "volatile"), "metrics_url"));
    }
    json_decref(connected);
}

/* ---- all of them ---- */

/* LIST is of foreign nodes or of endpoints. */
static void check_list(struct check *check, const char *list,
                       void (*look)(struct check *check, const json_t *entry, struct subject who))
{
    size_t index;
    const json_t *entry;
    json_array_foreach(member(check->snapshot, list), index, entry)
    {
        if (member(entry, "lean") != NULL)
            look(check, entry, (struct subject){.node = snapshot_teller(entry)});
    }
}

static void note_finalized(struct check *check, const json_t *entry, struct subject who)
{
    check_status(check, member(member(entry, "lean"), "fork_choice"), who);
}

static void check_entry(struct check *check, const json_t *entry, struct subject who)
{
    check_block(check, member(entry, "lean"), "head", who);
    check_block(check, member(entry, "lean"), "justified", who);
    check_identity(check, entry, who);
    if (who.node != NULL)
        check_peers(check, entry, who);
}

void check_lean_apis(struct check *check)
{
    check_list(check, "foreign", note_finalized);
    check_list(check, "endpoints", note_finalized);
    check_list(check, "foreign", check_entry);
    check_list(check, "endpoints", check_entry);
}
