/* What a host is doing, as the API tells it. Every function returns a new reference. */
#ifndef NET_API_HOST_JSON_H
#define NET_API_HOST_JSON_H

#include <jansson.h>

#include "net/host/host.h"

/* GET /health: {"status": "ok", "peer_id", "agent", "version", "uptime_ms", "peers", "connections"}
 */
json_t *host_health_json(const struct host *host, uint64_t uptime_ms);
/* What a node says first: {"event": "ready", "peer_id", "listen", "api"}; API may be NULL. */
json_t *host_ready_json(const struct host *host, const char *api);
/* One peer: what it said of itself, its connections and its gossipsub streams. */
json_t *host_peer_json(const struct peer *peer);
/* A stream, as every answer, event and step has it: {"connection", "stream_id", "protocol"}. */
json_t *host_stream_json(const struct protocol_stream *stream);
/* GET /peers: {"peers": [...]}, sorted by peer id. */
json_t *host_peers_json(const struct host *host);
/* GET /mesh: all of the node's networking state; topics with their mesh, subscribers, fanout and
 * backoff, and the peers. Lists are sorted. */
json_t *host_mesh_json(const struct host *host);

#endif
