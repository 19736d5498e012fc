/*
 * The HTTP API of devnet-relay where it is many paths between named nodes, on loopback:
 *
 *   GET  /paths      what holds: {"all", "paths": [{"nodes", ...}], "partition": ["a,b", ...]}
 *   POST /paths      {"path": "node1,node2:delay=50ms"}, a rule (net/relay/path_rule.h)
 *   GET  /links      who dials whom by which address, and what became of the datagrams
 *   POST /links      {"links": [{"from", "to", "address"}]} opens those that are not there yet, and
 *                    tells of each "listen", with /p2p/ID where "address" has it, and "cut"
 *   POST /partition  {"groups": ["a,b", "c"]}
 *   POST /heal       ends it
 *
 * What changes something is told on stdout, as a line of JSON, too.
 */
#ifndef CMD_RELAY_API_H
#define CMD_RELAY_API_H

#include "net/relay/links.h"

struct relay_api;

/* Serves LISTEN, as api_server_new() takes it; LINKS is borrowed and outlives it. */
struct relay_api *relay_api_new(struct event_base *base, struct relay_links *links,
                                const char *listen, struct error *error);
void relay_api_free(struct relay_api *api);
/* "http://127.0.0.1:PORT" */
const char *relay_api_url(const struct relay_api *api);

#endif
