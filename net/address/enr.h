/*
 * A node record: who a node is and where, signed by its key. EIP-778, with the identity scheme v4;
 * consensus specification: p2p-interface, "ENR structure", for the keys eth2 and attnets.
 */
#ifndef NET_ADDRESS_ENR_H
#define NET_ADDRESS_ENR_H

#include "net/address/multiaddr.h"

enum {
    ENR_SIZE_MAX = 300,
    ENR_TEXT_SIZE = 4 + 400 + 1, /* "enr:", the digits of 300 bytes, and the NUL */
    ENR_SIGNATURE_SIZE = 64,
    ENR_PUBLIC_KEY_SIZE = 33, /* secp256k1, compressed */
    ENR_NODE_ID_SIZE = 32,
};

/* A record of sound form. It may be copied. */
struct enr {
    uint64_t sequence;
    size_t size;
    uint8_t rlp[ENR_SIZE_MAX];
};

/* The fork that the key eth2 tells. */
struct enr_fork {
    uint8_t digest[4];
    uint8_t next_version[4];
    uint64_t next_epoch;
};

/*
 * Takes the one canonical encoding alone: keys sorted and unique, no byte behind. Whether the
 * signature is right and the scheme known is not looked at: see enr_verify.
 */
bool enr_decode(struct bytes rlp, struct enr *record, struct error *error);
/* "enr:" and base64url without padding. */
bool enr_parse(const char *text, struct enr *record, struct error *error);
/* TEXT has ENR_TEXT_SIZE bytes. */
void enr_text(const struct enr *record, char *text);

/* Whether the record is of the scheme v4 and was signed by its own key. */
bool enr_verify(const struct enr *record, struct error *error);
/* What discovery knows the node by: keccak-256 of its key. False without a key on the curve. */
bool enr_node_id(const struct enr *record, uint8_t id[ENR_NODE_ID_SIZE]);
/* The peer id of its public key; false where there is none. */
bool enr_peer_id(const struct enr *record, struct peer_id *id);
/* /ip4/A/udp/P/quic-v1, P being the port of the key quic, else of udp, and /p2p where there is a
 * public key. False with the error set without an address and a port. */
bool enr_multiaddr(const struct enr *record, struct multiaddr *address, struct error *error);
/* The same of ip6, P being the port of quic6, else of quic, udp6 or udp. */
bool enr_multiaddr6(const struct enr *record, struct multiaddr *address, struct error *error);

/*
 * What the record says of itself, views into it. Each is false where there is nothing of that name
 * or it has no meaning, by its size or its value.
 */
bool enr_value(const struct enr *record, const char *key, struct bytes *value);
/* The pair behind what REST holds of the record, which begins as enr_pairs gives it. */
bool enr_next_pair(struct bytes *rest, struct bytes *key, struct bytes *value);
struct bytes enr_pairs(const struct enr *record);
bool enr_public_key(const struct enr *record, struct bytes *key);
bool enr_ip4(const struct enr *record, struct bytes *address);
bool enr_ip6(const struct enr *record, struct bytes *address);
/* KEY is "udp", "quic" or another one that names a port. */
bool enr_port(const struct enr *record, const char *key, uint16_t *port);
bool enr_fork(const struct enr *record, struct enr_fork *fork);
/* Bit N of SUBNETS: attestations of subnet N. */
bool enr_attestation_subnets(const struct enr *record, uint64_t *subnets);
bool enr_is_aggregator(const struct enr *record);

#endif
