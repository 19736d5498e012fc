/* The HTTP API of a node: what each route asks of the host. The README documents it. */
#ifndef NET_API_NODE_H
#define NET_API_NODE_H

#include "net/host/dialer.h"

enum { API_TIMEOUT_DEFAULT_MS = 10000, API_TIMEOUT_MAX_MS = 600000 };

struct node_api;

/* Host, dialer and resolver are borrowed; LISTEN as api_server_new takes it. */
struct node_api *node_api_new(struct host *host, struct dialer *dialer, struct resolver *resolver,
                              const char *listen, struct error *error);
/* Serves /metrics at LISTEN, too, and nothing else; once. */
bool node_api_serve_metrics(struct node_api *api, const char *listen, struct error *error);
/* Serves anybody at LISTEN, which may be any address, what Lean's nodes are asked, and /metrics;
 * once.
 */
bool node_api_serve_public(struct node_api *api, const char *listen, struct error *error);
/* How many validators a Lean node's fork choice is to tell of, up to INT64_MAX (default: 0). */
void node_api_tell_validators(struct node_api *api, uint64_t count);
/* Requests that are still being answered are cut off. */
void node_api_free(struct node_api *api);
const char *node_api_url(const struct node_api *api);

#endif
