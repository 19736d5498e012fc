/*
 * Enumerates every world that two peers with a given module can get into (common/state_search.h).
 * Pure; takes some 100 MB while it is there. No program plays the ways yet: it is there for the one
 * that will play them against a peer.
 */
#ifndef NET_HOST_LIFECYCLE_SEARCH_H
#define NET_HOST_LIFECYCLE_SEARCH_H

#include "common/state_search.h"
#include "net/host/lifecycle_model.h"

enum { LIFECYCLE_SEARCH_STATES_MAX = 1 << 21 };

/* From every world, once nothing hostile happens, it must end with exactly one stream each way.
 * SEARCH is cleared by the caller with state_search_clear(). */
void lifecycle_search_run(struct state_search *search, const struct lifecycle_module *module);
/* The event that first led to the world numbered STATE, and that world's key. */
struct lifecycle_model_event lifecycle_search_event(const struct state_search *search,
                                                    uint32_t state);
uint64_t lifecycle_search_key(const struct state_search *search, uint32_t state);

#endif
