#include "net/mesh/tapped_event.h"

#include <string.h>

#include "net/mesh/members.h"

static const struct meaning {
    const char *event;
    struct mesh_event_change change;
    bool of_other; /* of the node to which it was said */
} meanings[] = {
    {"connected", {MESH_EVENT_ADDED, .kind = "connection"}, false},
    {"closed", {MESH_EVENT_REMOVED, .kind = "connection"}, false},
    {"subscribed", {MESH_EVENT_ADDED, .kind = "subscriber", .from_peer = true}, true},
    {"unsubscribed", {MESH_EVENT_REMOVED, .kind = "subscriber", .from_peer = true}, true},
    {"mesh_joined", {MESH_EVENT_ADDED, .kind = "mesh"}, false},
    {"mesh_left", {MESH_EVENT_REMOVED, .kind = "mesh"}, false},
    {"gossip_opened", {MESH_EVENT_ADDED, .kind = "stream"}, false},
    {"gossip_ended", {MESH_EVENT_REMOVED, .kind = "stream"}, false},
    {"node_added", {MESH_EVENT_OTHER, .kind = "node_added"}, false},
    {"node_moved", {MESH_EVENT_OTHER, .kind = "node_moved"}, false},
    {"node_left", {MESH_EVENT_OTHER, .kind = "node_left"}, false},
    {"refused", {MESH_EVENT_OTHER, .kind = "refused"}, false},
    {"illegible", {MESH_EVENT_OTHER, .kind = "illegible"}, false},
    {"malformed", {MESH_EVENT_OTHER, .kind = "malformed"}, false},
};

/* Whether it changes what it usually does: connections that never came to be are in no snapshot. */
static bool counts(const json_t *event, const struct mesh_event_change *change)
{
    return change->sign != MESH_EVENT_REMOVED || json_is_true(member(event, "connected")) ||
           strcmp(change->kind, "connection") != 0;
}

static void set_ends(const json_t *event, bool of_other, struct mesh_event_change *change)
{
    const char *dialler = text_member(event, "dialler"), *name = text_member(event, "name");
    const char *from = text_member(event, "from"), *to = text_member(event, "to");
    if (from != NULL) {
        change->node = of_other ? to : from;
        change->peer = of_other ? from : to;
    } else {
        change->node = dialler != NULL ? dialler : name;
        change->peer = text_member(event, "listener");
    }
}

bool tapped_event_change(const json_t *event, struct mesh_event_change *change)
{
    const char *name = text_member(event, "event");
    bool taps = member(event, "from") != NULL || member(event, "dialler") != NULL ||
                member(event, "real") != NULL;
    if (name == NULL || !taps)
        return false;
    *change = (struct mesh_event_change){MESH_EVENT_OTHER, .kind = name, .traffic = true};
    bool of_other = false;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
        if (strcmp(meanings[i].event, name) != 0)
            continue;
        if (counts(event, &meanings[i].change))
            *change = meanings[i].change;
        of_other = meanings[i].of_other;
    }
    if (strcmp(name, "closed") == 0)
        change->traffic = false; /* who was refused is of interest */
    set_ends(event, of_other, change);
    return true;
}
