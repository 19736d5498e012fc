/*
 * Who a node is: an identity key, its libp2p encoding, and the peer id made from it.
 * libp2p specification: peer-ids/peer-ids.md.
 */
#ifndef NET_IDENTITY_H
#define NET_IDENTITY_H

#include "common/buffer.h"
#include "common/error.h"

enum key_type { KEY_RSA = 0, KEY_ED25519 = 1, KEY_SECP256K1 = 2, KEY_ECDSA = 3 };

/* "rsa", "ed25519", "secp256k1", "ecdsa". */
const char *key_type_name(enum key_type type);

enum {
    PUBLIC_KEY_SIZE_MAX = 4096, /* protobuf PublicKey; an 8192-bit RSA key has 1,050 bytes */
    PEER_ID_SIZE_MAX = 64,      /* a multihash; 42 + 2 bytes at most among those we accept */
    PEER_ID_TEXT_SIZE = 96,     /* its base58btc text with the NUL */
    IDENTITY_SECRET_SIZE = 32,
};

/* A multihash. Zero-filled behind SIZE, so that two can be compared with memcmp. */
struct peer_id {
    uint8_t size;
    uint8_t bytes[PEER_ID_SIZE_MAX];
};

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);
/* base58btc without a multibase prefix; TEXT has PEER_ID_TEXT_SIZE bytes. */
void peer_id_text(const struct peer_id *id, char *text);
/* Base58btc, or a CIDv1 in base32 (`bafz...`, multicodec libp2p-key). */
bool peer_id_parse(const char *text, struct peer_id *id, struct error *error);
bool peer_id_from_bytes(struct bytes multihash, struct peer_id *id, struct error *error);

/* A public key of any of the four types, as its protobuf says it. */
struct public_key {
    enum key_type type;
    struct bytes data; /* borrowed from what was decoded */
};

bool public_key_decode(struct bytes protobuf, struct public_key *key, struct error *error);
/* The multihash of the PublicKey protobuf: identity up to 42 bytes, sha2-256 beyond. */
void peer_id_of_public_key(struct bytes protobuf, struct peer_id *id);
/*
 * Whether SIGNATURE over MESSAGE was made by KEY. RSA: PKCS#1 v1.5 SHA-256; Ed25519; secp256k1 and
 * ECDSA: SHA-256, DER, high S accepted.
 */
bool public_key_verify(const struct public_key *key, struct bytes message, struct bytes signature,
                       struct error *error);

/* A node's own secp256k1 identity. */
struct identity;

struct identity *identity_generate(void);
/* SECRET has IDENTITY_SECRET_SIZE bytes; NULL with the error set where it is no valid scalar. */
struct identity *identity_from_secret(struct bytes secret, struct error *error);
/*
 * A key file holds the secret as 64 hexadecimal digits and a newline. Where it is absent it is
 * made, with mode 0600. A file that others can read is refused.
 */
struct identity *identity_load_or_create(const char *path, struct error *error);
void identity_free(struct identity *identity);

const struct peer_id *identity_peer_id(const struct identity *identity);
/* The PublicKey protobuf. */
struct bytes identity_public_key(const struct identity *identity);
struct bytes identity_secret(const struct identity *identity);
/* Appends the DER ECDSA-SHA256 signature over MESSAGE. */
void identity_sign(const struct identity *identity, struct bytes message, struct buffer *signature);

#endif
