/*
 * The name of a node: a multihash of its public key.
 * libp2p specification: peer-ids/peer-ids.md. Nothing here needs cryptography.
 */
#ifndef NET_ADDRESS_PEER_ID_H
#define NET_ADDRESS_PEER_ID_H

#include "common/bytes.h"
#include "common/error.h"

enum {
    PEER_ID_SIZE_MAX = 64,     /* a multihash; 42 + 2 bytes at most among those we accept */
    PEER_ID_TEXT_SIZE = 96,    /* its base58btc text with the NUL */
    PEER_ID_IDENTITY_MAX = 42, /* bytes of a public key that stand in the peer id as they are */
};

/* A multihash. Zero-filled behind SIZE, so that two can be compared with memcmp. */
struct peer_id {
    uint8_t size;
    uint8_t bytes[PEER_ID_SIZE_MAX];
};

/* The multihash codes that peer ids use. */
enum { MULTIHASH_IDENTITY = 0x00, MULTIHASH_SHA2_256 = 0x12 };

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);
/* base58btc without a multibase prefix; TEXT has PEER_ID_TEXT_SIZE bytes. */
void peer_id_text(const struct peer_id *id, char *text);
/* Base58btc, or a CIDv1 in base32 (`bafz...`, multicodec libp2p-key); no other base is read. */
bool peer_id_parse(const char *text, struct peer_id *id, struct error *error);
/* The identity hash of 1 to PEER_ID_IDENTITY_MAX bytes, or sha2-256. */
bool peer_id_from_bytes(struct bytes multihash, struct peer_id *id, struct error *error);

#endif
