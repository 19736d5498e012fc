/* A UDP endpoint as people write it: a multiaddr, a node record (its first
 * address), or HOST:PORT with [brackets] around IPv6. */
#ifndef NET_RELAY_ENDPOINT_H
#define NET_RELAY_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/error.h"

enum { RELAY_ENDPOINT_TEXT_SIZE = INET6_ADDRSTRLEN + 8 };

struct relay_endpoint {
    struct sockaddr_storage address;
    socklen_t size;
};

/* Looks names up, and waits for the answer. False with ERROR set, TEXT before it, where it is no
 * such thing or the name has no address. */
bool relay_endpoint_parse(const char *text, struct relay_endpoint *endpoint, struct error *error);
/* In host byte order. */
uint16_t relay_endpoint_port(const struct relay_endpoint *endpoint);
/* 127.0.0.1:4001 or [::1]:4001; TEXT has RELAY_ENDPOINT_TEXT_SIZE bytes. */
void relay_endpoint_text(const struct relay_endpoint *endpoint, char *text);

#endif
