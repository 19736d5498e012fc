/*
 * Of whom the APIs that are watched (net/mesh/watch.h) tell: a node's of itself, a tap's of the
 * nodes that it stands between, which it calls by names. What both say is told twice.
 */
#ifndef NET_MESH_WATCH_SOURCES_H
#define NET_MESH_WATCH_SOURCES_H

#include <jansson.h>
#include <stdbool.h>

#include "net/mesh/watch.h"

struct watch_sources;

struct watch_sources *watch_sources_new(void);
void watch_sources_free(struct watch_sources *sources);

/* READY is the first event of the API, a node's PEER_ID its own. */
void watch_sources_add(struct watch_sources *sources, const char *api, const char *peer_id,
                       const json_t *ready);
/* Takes from EVENT, a further one of the API, whom a tap stands for, if it tells. */
void watch_sources_hear(struct watch_sources *sources, const char *api, const json_t *event);

bool watch_sources_is_tap(const struct watch_sources *sources, const char *api);
/* The peer id of what the tap at API calls NAME, borrowed; NULL where it is none of its nodes, or
 * NAME is NULL. */
const char *watch_sources_id(const struct watch_sources *sources, const char *api,
                             const char *name);
/* Whether CHANGE, which a tap tells of, is told by both that it is about, too. */
bool watch_sources_tell_twice(const struct watch_sources *sources, const char *api,
                              const struct mesh_event_change *change);

#endif
