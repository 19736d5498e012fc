/*
 * Where a node is: /ip4/A/udp/P/quic-v1[/p2p/PEERID], also /ip6, /dns, /dns4, /dns6. An
 * IPv4-mapped IPv6 address is read as the IPv4 address that it is.
 * libp2p specification: addressing/README.md; multiformats: multiaddr.
 */
#ifndef NET_ADDRESS_MULTIADDR_H
#define NET_ADDRESS_MULTIADDR_H

#include <sys/socket.h>

#include "common/buffer.h"
#include "net/address/peer_id.h"

enum { MULTIADDR_TEXT_SIZE = 512, MULTIADDR_HOST_SIZE = 256 };

enum multiaddr_host { MULTIADDR_IP4, MULTIADDR_IP6, MULTIADDR_DNS, MULTIADDR_DNS4, MULTIADDR_DNS6 };

struct multiaddr {
    enum multiaddr_host kind;
    char host[MULTIADDR_HOST_SIZE]; /* address or name; an IPv6 zone is refused */
    uint16_t port;                  /* 0 is allowed for listening */
    bool has_peer_id;
    struct peer_id peer_id;
};

/* Errors say which part is wrong and what is expected. `/quic-v1` may be left out; tcp and other
 * transports are refused by name. */
bool multiaddr_parse(const char *text, struct multiaddr *address, struct error *error);
/* Always with /quic-v1; with /p2p where there is a peer id. TEXT has MULTIADDR_TEXT_SIZE bytes. */
void multiaddr_text(const struct multiaddr *address, char *text);
/* Whether both are the same host and port, whoever is there. */
bool multiaddr_same_place(const struct multiaddr *a, const struct multiaddr *b);
/* Of an IP multiaddr; returns the length of the address, or 0 where the host is a name. */
socklen_t multiaddr_to_sockaddr(const struct multiaddr *address, struct sockaddr_storage *output);
/* Without a peer id. False for other families. */
bool multiaddr_from_sockaddr(const struct sockaddr *input, struct multiaddr *address);
/* The binary form, as identify sends it; with /p2p where there is a peer id. */
void multiaddr_encode(const struct multiaddr *address, struct buffer *output);
/* Reads the binary forms that multiaddr_parse can read as text. */
bool multiaddr_decode(struct bytes input, struct multiaddr *address, struct error *error);

#endif
