/*
 * Follows the events of running nodes and taps (GET /events of their API), and says which change to
 * the mesh each is, in the words of diff.
 */
#ifndef NET_MESH_WATCH_H
#define NET_MESH_WATCH_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* What is borrowed there is so until the handler returns. */
struct mesh_watch_handlers {
    /* The node asked at API has answered, the first time or again after it was lost; PEER_ID is its
     * own, or API where it does not say. EVENT is its "ready", and is not told again. */
    void (*answered)(void *context, const char *api, const char *peer_id, const json_t *event);
    /* One of its events. PEER_ID is NULL where it comes before `answered`. */
    void (*event)(void *context, const char *api, const char *peer_id, const json_t *event);
    /* Once each time that a node could not be reached or has gone away: why, with its address.
     * PEER_ID is NULL where it has not answered. It is asked again every second as long as others
     * are there. */
    void (*lost)(void *context, const char *api, const char *peer_id, const char *why);
};

struct mesh_watch;

/* Begins to follow COUNT nodes on BASE, which outlives the watch, as does what HANDLERS points to;
 * an API that is named twice is asked once. A node that has not answered within TIMEOUT_MS is lost.
 * No handler is called before this returns. NULL with ERROR set where one is no address of an API.
 */
struct mesh_watch *mesh_watch_new(struct event_base *base, const char *const *apis, size_t count,
                                  uint64_t timeout_ms, const struct mesh_watch_handlers *handlers,
                                  void *context, struct error *error);
/* One more, unless it is followed already, which need not be there yet: it is no loss until it has
 * answered. Not once it is over. */
bool mesh_watch_add(struct mesh_watch *watch, const char *api, struct error *error);
/* Not from a handler. */
void mesh_watch_free(struct mesh_watch *watch);
/* How many times a node could not be reached or has gone away. */
size_t mesh_watch_lost(const struct mesh_watch *watch);
/* Whether all of them are lost: no handler is called any more. */
bool mesh_watch_is_over(const struct mesh_watch *watch);

enum mesh_event_sign { MESH_EVENT_ADDED, MESH_EVENT_REMOVED, MESH_EVENT_OTHER };

struct mesh_event_change {
    enum mesh_event_sign sign;
    const char *kind; /* as in mesh_change_kinds; the event's own name where it is no change */
    bool from_peer;   /* the peer did it towards the node */
    bool traffic;     /* goes on all the time, and changes nothing */
    const char *node, *peer; /* of a tap's event: of whom it is, by the tap's names; or NULL */
};

/* EVENT has a name; it is borrowed for as long as the answer is used. */
struct mesh_event_change mesh_event_change(const json_t *event);

#endif
