/*
 * Who a node is: its own key, made, kept in a file, and signed with. Ours are of secp256k1; those
 * of other nodes may be of any type.
 * libp2p specification: peer-ids/peer-ids.md.
 */
#ifndef NET_ADDRESS_IDENTITY_H
#define NET_ADDRESS_IDENTITY_H

#include "common/buffer.h"
#include "common/error.h"
#include "net/address/peer_id.h"
#include "net/address/public_key.h"

enum { IDENTITY_SECRET_SIZE = 32, IDENTITY_DIGEST_SIZE = 32, IDENTITY_SIGNATURE_SIZE = 64 };

struct identity;

struct identity *identity_generate(void);
/* SECRET has IDENTITY_SECRET_SIZE bytes; NULL with the error set where it is no valid scalar. */
struct identity *identity_from_secret(struct bytes secret, struct error *error);
/*
 * A key file holds the secret as 64 hexadecimal digits and a newline. Where it is absent it is
 * made, with mode 0600, and through no link; of several processes that make it at once all get the
 * same key. A file that others can read is refused. Errors name PATH; errno is the file system's,
 * or EINVAL where there is no fit key.
 */
struct identity *identity_load_or_create(const char *path, struct error *error);
/*
 * The same of a key file that somebody else made: one that is absent is an error, one that others
 * can read is taken. *SHARED tells whether they can.
 */
struct identity *identity_load(const char *path, bool *shared, struct error *error);
/*
 * The same of a key of any type, in any form that is in use: 64 hexadecimal digits, for secp256k1;
 * `ed25519:` and 64 digits; libp2p's PrivateKey protobuf, raw; PEM without a password. Where PIPE,
 * it may be one, for which it waits: see file_read_pipe().
 */
struct identity *identity_load_any(const char *path, bool pipe, bool *shared, struct error *error);
/* Of secp256k1 alone: writes its key file whole, in the place of what is there. Errors name PATH;
 * errno is the file system's. */
bool identity_save(const struct identity *identity, const char *path, struct error *error);
/* NULL is allowed. */
void identity_free(struct identity *identity);

const struct peer_id *identity_peer_id(const struct identity *identity);
/* The PublicKey protobuf. */
struct bytes identity_public_key(const struct identity *identity);
enum key_type identity_key_type(const struct identity *identity);
/* Of other types than secp256k1, what is derived from it. */
struct bytes identity_secret(const struct identity *identity);
/* Appends the signature over MESSAGE, of secp256k1 DER ECDSA-SHA256 with low S; of other types what
 * public_key_verify() takes. */
void identity_sign(const struct identity *identity, struct bytes message, struct buffer *signature);
/* Of secp256k1 alone. Signs a digest as it is: 64 bytes, r and s; low S. The same digest has the
 * same signature. */
void identity_sign_digest(const struct identity *identity,
                          const uint8_t digest[IDENTITY_DIGEST_SIZE],
                          uint8_t signature[IDENTITY_SIGNATURE_SIZE]);

#endif
