/* The nodes that a tap stands between, as people write them:
 * NAME=KEY-FILE,TAP-ADDRESS,REAL-ADDRESS. */
#ifndef NET_TAP_NODES_H
#define NET_TAP_NODES_H

#include "net/address/identity.h"
#include "net/address/multiaddr.h"

enum { TAP_NAME_SIZE = 64 + 1, TAP_LOOK_UP_MS = 5000 };

struct tap_plan {
    char name[TAP_NAME_SIZE]; /* letters, digits, - _ and . */
    struct identity *identity;
    struct multiaddr tap;  /* where it is to be dialled; port 0: any */
    struct multiaddr real; /* where it is; maybe a name, until tap_plan_look_up() */
};

/*
 * Addresses are multiaddrs, node records (the real one) or HOST:PORT; the tap's is no name. The key
 * file is read, a pipe only where PIPE, as it is waited for; it is an error where a peer id in an
 * address is not that of the key. Errors name the part.
 */
bool tap_plan_parse(const char *text, bool pipe, struct tap_plan *plan, struct error *error);
/* Gives the node the address that its name has now; waits for it for TAP_LOOK_UP_MS at most. What
 * is no name stays as it is. */
bool tap_plan_look_up(struct tap_plan *plan, struct error *error);
void tap_plan_clear(struct tap_plan *plan);

#endif
