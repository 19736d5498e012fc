/*
 * What a peer says of itself. libp2p specification: identify/README.md.
 * The answer is one protobuf message with its varint length before it, then FIN; several messages
 * in one answer are merged, as the specification asks.
 */
#ifndef NET_PROTOCOLS_IDENTIFY_H
#define NET_PROTOCOLS_IDENTIFY_H

#include <jansson.h>

#include "net/address/multiaddr.h"

#define IDENTIFY_PROTOCOL "/ipfs/id/1.0.0"
#define IDENTIFY_PUSH_PROTOCOL "/ipfs/id/push/1.0.0"

enum {
    IDENTIFY_SIZE_MAX = 64 * 1024, /* the whole answer */
    IDENTIFY_PROTOCOLS_MAX = 256,
    IDENTIFY_ADDRESSES_MAX = 64,
    IDENTIFY_TEXT_MAX = 256, /* agent, protocol version, one protocol; longer ones are cut */
};

struct identify {
    char *agent; /* may be NULL, as may protocol_version */
    char *protocol_version;
    struct buffer public_key; /* PublicKey protobuf; empty where absent */
    char **protocols;
    size_t protocol_count;
    struct multiaddr *listen; /* those that we can read; others are passed over */
    size_t listen_count;
    bool has_observed;
    struct multiaddr observed;
};

/* Appends the length-prefixed message. */
void identify_encode(const struct identify *identify, struct buffer *output);
/* Decodes the whole answer, as it stands at the peer's FIN. IDENTIFY is cleared first. */
bool identify_decode(struct bytes input, struct identify *identify, struct error *error);
void identify_clear(struct identify *identify);
/* A push: what UPDATE says takes the place of what was known, and what it leaves out stays. UPDATE
 * is cleared. */
void identify_update(struct identify *identify, struct identify *update);
/* Text that a peer sent, made safe for a terminal and for JSON: invalid UTF-8 and control
 * characters become U+FFFD. Freed with free(). */
char *identify_safe_text(struct bytes text);

#endif
