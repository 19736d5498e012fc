/* What devnet-mesh is asked to look at, as people write it. */
#ifndef NET_MESH_TARGET_H
#define NET_MESH_TARGET_H

#include "net/address/node_address.h"

struct mesh_target {
    const char *text; /* borrowed: all of it */
    char *api;        /* of a node of ours, or a Lean node's own, or NULL */
    bool has_address; /* a node that is visited */
    struct node_address address;
    char *page; /* URL of metrics, or NULL; beside an address they are that node's */
    char *lean; /* URL of a Lean node's own API, or NULL; likewise */
    bool page_may_be_missing, lean_may_be_missing;
};

/*
 * An API ("http://127.0.0.1:8080": of a node of ours, or a Lean node's own), a multiaddr or node
 * record, a page of metrics ("http://127.0.0.1:8008/metrics": a URL with a path), or ADDRESS=URL of
 * either, or ADDRESS=URL=URL of both; with =?URL it is no trouble where nobody serves it. An API
 * beside an address is taken for a Lean node's here: whether it is ours is seen when it is asked.
 * Cleared by the caller in either case.
 */
bool mesh_target_parse(const char *text, struct mesh_target *target, struct error *error);
void mesh_target_clear(struct mesh_target *target);

/* How many bytes at the start of the page's URL are what an API's would be. */
size_t mesh_target_page_path(const char *page);

#endif
