/* What happens at a host, as JSON. */
#ifndef NET_API_EVENT_JSON_H
#define NET_API_EVENT_JSON_H

#include <jansson.h>

#include "net/host/host.h"

/* {"event": ..., "t": ..., "peer_id": ..., ...}, as the README documents it, a new reference; NULL
 * for events that are not for people (HOST_GRAFT_ACKNOWLEDGED). */
json_t *host_event_json(const struct host_event *event);

/* Sets "t", when it happened: RFC 3339 in UTC, with milliseconds. */
void event_json_set_time(json_t *object, uint64_t epoch_ms);

#endif
