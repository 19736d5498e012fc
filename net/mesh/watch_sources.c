#include "net/mesh/watch_sources.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/mesh/members.h"

struct watch_sources {
    json_t *speakers; /* the ids of nodes that are watched themselves */
    json_t *tapped;   /* of each tap's API an object: the ids of its nodes by their names */
};

struct watch_sources *watch_sources_new(void)
{
    struct watch_sources *sources = memory_new(sizeof(*sources));
    *sources = (struct watch_sources){.speakers = json_object(), .tapped = json_object()};
    return sources;
}

void watch_sources_free(struct watch_sources *sources)
{
    json_decref(sources->speakers);
    json_decref(sources->tapped);
    free(sources);
}

static void note_tapped(json_t *tapped, const json_t *node)
{
    const char *name = text_member(node, "name"), *id = text_member(node, "peer_id");
    if (name != NULL && id != NULL)
        json_object_set_new(tapped, name, json_string(id));
}

void watch_sources_add(struct watch_sources *sources, const char *api, const char *peer_id,
                       const json_t *ready)
{
    const json_t *nodes = member(ready, "nodes"), *node; /* a tap's */
    size_t index;
    if (nodes == NULL) {
        json_object_set_new(sources->speakers, peer_id, json_true());
        return;
    }
    json_t *tapped = json_object();
    json_array_foreach(nodes, index, node)
    {
        note_tapped(tapped, node);
    }
    json_object_set_new(sources->tapped, api, tapped);
}

void watch_sources_hear(struct watch_sources *sources, const char *api, const json_t *event)
{
    json_t *tapped = json_object_get(sources->tapped, api);
    if (tapped != NULL && member(event, "real") != NULL)
        note_tapped(tapped, event);
}

bool watch_sources_is_tap(const struct watch_sources *sources, const char *api)
{
    return json_object_get(sources->tapped, api) != NULL;
}

const char *watch_sources_id(const struct watch_sources *sources, const char *api, const char *name)
{
    return name != NULL ? text_member(json_object_get(sources->tapped, api), name) : NULL;
}

bool watch_sources_tell_twice(const struct watch_sources *sources, const char *api,
                              const struct mesh_event_change *change)
{
    const char *node = watch_sources_id(sources, api, change->node);
    const char *peer = watch_sources_id(sources, api, change->peer);
    return node != NULL && peer != NULL && json_object_get(sources->speakers, node) != NULL &&
           json_object_get(sources->speakers, peer) != NULL;
}
