/* From names to addresses: /dns, /dns4 and /dns6 multiaddrs, by the system's resolver settings. */
#ifndef NET_ADDRESS_RESOLVER_H
#define NET_ADDRESS_RESOLVER_H

#include <event2/event.h>

#include "net/address/node_address.h"

enum { RESOLVER_ADDRESSES_MAX = 64 }; /* of one name; more are left out */

struct resolver;
struct resolver_query;

/* ADDRESSES are IP multiaddrs with the port and peer id of the one asked for, no two the same, in
 * the order in which they are to be tried, and LEFT_OUT how many there are beyond; COUNT is 0, with
 * the error, where there is none. */
typedef void (*resolver_done)(void *context, const struct multiaddr *addresses, size_t count,
                              size_t left_out, const char *error);

struct resolver *resolver_new(struct event_base *base);
/* Queries under way are cancelled without a word. */
void resolver_free(struct resolver *resolver);
/*
 * Calls DONE once, perhaps before it returns (IP multiaddrs are their own answer). The query may be
 * cancelled until then; NULL where it is over already.
 */
struct resolver_query *resolver_ask(struct resolver *resolver, const struct node_address *where,
                                    resolver_done done, void *context);
void resolver_cancel(struct resolver_query *query);

#endif
