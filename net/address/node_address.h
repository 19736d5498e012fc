/*
 * Where a node is, as people and files say it: a multiaddr, or a node record (ENR), whose signature
 * must be right. What takes the address of a node takes it by this.
 */
#ifndef NET_ADDRESS_NODE_ADDRESS_H
#define NET_ADDRESS_NODE_ADDRESS_H

#include "net/address/enr.h"

enum { NODE_ADDRESS_MAX = 2, NODE_ADDRESS_TOLD_MAX = 120 };

/* One multiaddr, or the two of a record with both kinds of IP address: IPv4 first, each with the
 * same peer id. */
struct node_address {
    struct multiaddr at[NODE_ADDRESS_MAX];
    size_t count;
};

/* The error begins with TEXT, of which what is over NODE_ADDRESS_TOLD_MAX characters is left out.
 */
bool node_address_parse(const char *text, struct node_address *address, struct error *error);
/* Of a record that has been verified. */
bool node_address_of_enr(const struct enr *record, struct node_address *address,
                         struct error *error);
/* Whether TEXT can be nothing else, sound or not. */
bool node_address_looks_like(const char *text);
/* A peer id as it is, or the one that an address ends with; the error as of node_address_parse. */
bool node_address_peer_id(const char *text, struct peer_id *id, struct error *error);

#endif
