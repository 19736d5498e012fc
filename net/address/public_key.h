/*
 * A node's public key as its peers send it, and what it signed.
 * libp2p specification: peer-ids/peer-ids.md.
 */
#ifndef NET_ADDRESS_PUBLIC_KEY_H
#define NET_ADDRESS_PUBLIC_KEY_H

#include "common/buffer.h"
#include "net/address/peer_id.h"

enum key_type { KEY_RSA = 0, KEY_ED25519 = 1, KEY_SECP256K1 = 2, KEY_ECDSA = 3 };

/* "rsa", "ed25519", "secp256k1", "ecdsa". */
const char *key_type_name(enum key_type type);

enum {
    PUBLIC_KEY_SIZE_MAX = 4096, /* protobuf PublicKey; an 8192-bit RSA key has 1,050 bytes */
    RSA_BITS_MIN = 2048,        /* as go and rust demand */
    RSA_BITS_MAX = 8192,
};

/* A public key of any of the four types, as its protobuf says it. */
struct public_key {
    enum key_type type;
    struct bytes data; /* borrowed from what was decoded */
};

/*
 * message PublicKey { required KeyType Type = 1; required bytes Data = 2; }
 * Unknown fields are skipped. Whether DATA is a key of its type shows when it verifies something.
 */
bool public_key_decode(struct bytes protobuf, struct public_key *key, struct error *error);
/* Appends the one encoding that the specification allows. */
void public_key_encode(const struct public_key *key, struct buffer *protobuf);
/* The multihash of the PublicKey protobuf: identity up to 42 bytes, sha2-256 beyond. Of a peer's
 * key, give it what public_key_encode makes, or one key has many peer ids. */
void peer_id_of_public_key(struct bytes protobuf, struct peer_id *id);
/*
 * Whether SIGNATURE over MESSAGE was made by KEY. RSA: PKCS#1 v1.5 SHA-256; Ed25519; secp256k1 and
 * ECDSA: SHA-256, DER, high S accepted.
 */
bool public_key_verify(const struct public_key *key, struct bytes message, struct bytes signature,
                       struct error *error);
/* Whether SIGNATURE, of a secp256k1 key, has its S in the upper half of the range: rust-libp2p and
 * others take none such. False of other types' keys and of what is no signature. */
bool public_key_is_high_s(const struct public_key *key, struct bytes signature);

#endif
