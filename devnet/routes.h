/*
 * Where a node is to dial another: through what stands between them, or else where that one
 * listens. Whatever hands out a node's address to another node asks here.
 */
#ifndef DEVNET_ROUTES_H
#define DEVNET_ROUTES_H

#include "devnet/state.h"

struct route {
    const struct devnet_node *from, *to; /* `to` listens somewhere */
    char *address;                       /* a multiaddr with /p2p; freed by routes_clear */
    bool cut;                            /* nothing passes there now: a partition */
};

/* Fills in the addresses of COUNT routes; of two nodes it is always the same. False with the error
 * set where what stands between does not answer; then there are none. */
bool devnet_find_routes(const struct devnet *devnet, struct route *routes, size_t count,
                        struct error *error);
/* One of them, freed with free(); NULL with the error set. */
char *devnet_find_route(const struct devnet *devnet, const struct devnet_node *from,
                        const struct devnet_node *to, struct error *error);
void routes_clear(struct route *routes, size_t count);

/*
 * The node record of TO by which FROM finds it, freed with free(): as TO's own, but for the place,
 * and signed by its key, which is in its folder. NULL where it has no record, or, with the error
 * set, where its key cannot be had; ERROR is empty otherwise.
 */
char *route_record(const struct devnet *devnet, const struct route *route, struct error *error);

#endif
