/*
 * Private keys of other types than secp256k1, as nodes of other stacks have them: read, and signed
 * with. libp2p specification: peer-ids/peer-ids.md.
 */
#ifndef NET_ADDRESS_OTHER_KEY_H
#define NET_ADDRESS_OTHER_KEY_H

#include "common/buffer.h"
#include "common/error.h"
#include "net/address/public_key.h"

struct other_key;

/* Of 32 bytes, as RFC 8032 calls them secret, which those of the public key may follow. */
struct other_key *other_key_ed25519(struct bytes secret, struct error *error);
/* RSA as PKCS#1 has it and ECDSA as RFC 5915, in DER: what libp2p's PrivateKey protobuf holds. */
struct other_key *other_key_der(enum key_type type, struct bytes der, struct error *error);
/* PEM of any of the three, without a password. */
struct other_key *other_key_pem(struct bytes pem, struct error *error);
/* NULL is allowed. */
void other_key_free(struct other_key *key);

enum key_type other_key_type(const struct other_key *key);
/* Appends the PublicKey protobuf. */
void other_key_public(const struct other_key *key, struct buffer *protobuf);
/* Appends what public_key_verify() takes; nothing where GnuTLS cannot sign. */
void other_key_sign(const struct other_key *key, struct bytes message, struct buffer *signature);

#endif
