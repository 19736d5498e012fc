/*
 * What of the peer's CRYPTO frames TLS may see: the handshake up to its Finished, and nothing
 * behind it. RFC 9001, sections 4.1.3, 4.4 and 6; RFC 8446, section 4.6.
 *
 * Nothing is resumed here, so that no message after the handshake has a use, and a KeyUpdate makes
 * GnuTLS install keys that ngtcp2 has installed: it ends the process by an assertion. Pure: bytes
 * go in, a decision comes out.
 */
#ifndef NET_QUIC_CRYPTO_GUARD_H
#define NET_QUIC_CRYPTO_GUARD_H

#include "common/bytes.h"
#include "common/error.h"

enum {
    /* Servers send one to four of some 250 bytes, or of 2 KiB with a certificate chain within. */
    CRYPTO_TICKET_BYTES_MAX = 65536,
    TLS_HEADER_SIZE = 4, /* a type and three bytes of length */
};

enum crypto_level { CRYPTO_INITIAL, CRYPTO_HANDSHAKE, CRYPTO_APPLICATION };

enum crypto_decision {
    CRYPTO_PASS,   /* to TLS */
    CRYPTO_DROP,   /* session tickets, which were counted */
    CRYPTO_REFUSE, /* the connection is to be closed with `code` */
};

/* Where in a sequence of TLS messages one stands. */
struct crypto_place {
    uint8_t header[TLS_HEADER_SIZE];
    size_t header_size;
    uint32_t left; /* of the message whose header was read */
};

/* Begins zeroed, but for `server`. */
struct crypto_guard {
    bool server;   /* we are */
    bool finished; /* the peer's Finished was read to its end */
    struct crypto_place handshake, application;
    uint64_t tickets, ticket_bytes;
    /* Set by CRYPTO_REFUSE: a transport error code, and what was wrong in words. */
    uint64_t code;
    struct error reason;
};

/* DATA is what comes next at LEVEL. Not to be asked again after a refusal. */
enum crypto_decision crypto_guard_decide(struct crypto_guard *guard, enum crypto_level level,
                                         struct bytes data);

#endif
