/* A UDP endpoint as people write it: a multiaddr, or HOST:PORT with [brackets] around IPv6. */
#ifndef CMD_RELAY_ENDPOINT_H
#define CMD_RELAY_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/error.h"

enum { ENDPOINT_TEXT_SIZE = INET6_ADDRSTRLEN + 8 };

struct endpoint {
    struct sockaddr_storage address;
    socklen_t size;
};

/* Looks names up, and waits for the answer. */
bool endpoint_parse(const char *text, struct endpoint *endpoint, struct error *error);
uint16_t endpoint_port(const struct endpoint *endpoint);
/* 127.0.0.1:4001 or [::1]:4001; TEXT has ENDPOINT_TEXT_SIZE bytes. */
void endpoint_text(const struct endpoint *endpoint, char *text);

#endif
