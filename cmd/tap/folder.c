#include "cmd/tap/folder.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/tap/tell.h"
#include "common/log.h"
#include "common/memory.h"
#include "devnet/genesis_moved.h"

/* ---- its nodes ---- */

_Static_assert((int)GENESIS_NAME_MAX < (int)TAP_NAME_SIZE,
               "a name of the folder is one of the tap");

static bool add_node(struct tap *tap, struct genesis_node *node, struct error *error)
{
    if (node->identity == NULL || node->address.count == 0) {
        log_warn("%s: its %s is not at hand: left out", node->name,
                 node->identity == NULL ? "key" : "address");
        return true;
    }
    struct tap_plan plan = {.identity = node->identity, .real = node->address.at[0]};
    snprintf(plan.name, sizeof(plan.name), "%s", node->name);
    plan.real.has_peer_id = true;
    plan.real.peer_id = *identity_peer_id(node->identity);
    plan.tap = plan.real;
    plan.tap.port = 0;
    bool added = tap_add(tap, &plan, error);
    node->identity = plan.identity; /* NULL where it was taken over */
    return added;
}

bool folder_add(struct tap *tap, struct genesis *genesis, struct error *error)
{
    bool added = true;
    for (size_t i = 0; i < genesis->count && added; i++)
        added = add_node(tap, &genesis->nodes[i], error);
    if (added && tap_node_count(tap) == 0)
        return error_set(error, "%s: holds no node with its key", genesis->folder);
    return added;
}

/* ---- as others are to see it ---- */

bool folder_write(const struct tap *tap, const struct genesis *genesis, const char *out,
                  struct error *error)
{
    size_t count = tap_node_count(tap);
    struct genesis_place *places = memory_new((count + 1) * sizeof(*places));
    char **records = memory_new((count + 1) * sizeof(*records));
    for (size_t i = 0; i < count; i++) {
        const struct tap_node *node = tap_node(tap, i);
        records[i] = teller_enr(node);
        places[i] = (struct genesis_place){.identity = tap_node_identity(node),
                                           .address = tap_node_address(node),
                                           .record = records[i]};
    }
    bool written = genesis_write_moved(genesis, places, count, out, error);
    for (size_t i = 0; i < count; i++)
        free(records[i]);
    free(records);
    free(places);
    return written;
}
