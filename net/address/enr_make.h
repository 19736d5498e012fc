/* Making node records (EIP-778) of the identity scheme v4, which is for secp256k1 keys alone. */
#ifndef NET_ADDRESS_ENR_MAKE_H
#define NET_ADDRESS_ENR_MAKE_H

#include "net/address/enr.h"
#include "net/address/identity.h"

enum { ENR_PAIRS_MAX = 64, ENR_KEY_SIZE_MAX = 64 };

/* A zeroed struct is empty; cleared by its owner. */
struct enr_draft {
    uint64_t sequence; /* 0 is taken for 1 */
    struct enr_pair {
        char *key;
        struct buffer value;
    } pairs[ENR_PAIRS_MAX]; /* sorted */
    size_t count;
};

/* False with the error set where KEY is there already, is no key, or comes with the signing key
 * (id, secp256k1), or there are too many. */
bool enr_draft_set(struct enr_draft *draft, const char *key, struct bytes value,
                   struct error *error);
/*
 * The same of VALUE as people write it: an address for ip and ip6, a port for tcp, udp, quic and
 * the same with a 6; true or false; a number, which loses its leading zeros; or 0x and hexadecimal
 * digits, for bytes as they are.
 */
bool enr_draft_set_text(struct enr_draft *draft, const char *key, const char *value,
                        struct error *error);
/* The same of a port. */
bool enr_draft_set_port(struct enr_draft *draft, const char *key, uint64_t port,
                        struct error *error);
/* Whether a port is KEY's value: tcp, udp, quic and the same with a 6. */
bool enr_key_is_port(const char *key);
/* Adds ip or ip6, and quic or quic6, as ADDRESS has them. A name is refused. */
bool enr_draft_set_place(struct enr_draft *draft, const struct multiaddr *address,
                         struct error *error);
/* Signs it; the same draft and identity make the same record. False where that is too large. */
bool enr_draft_sign(const struct enr_draft *draft, const struct identity *identity,
                    struct enr *record, struct error *error);
void enr_draft_clear(struct enr_draft *draft);
/* A record that says all that OWN, one in text, does, its sequence number, too, but for the place,
 * which is ADDRESS alone; IDENTITY signs it. Freed with free(); NULL with the error set where OWN
 * is no record, or as the above. */
char *enr_move(const char *own, const struct multiaddr *address, const struct identity *identity,
               struct error *error);

#endif
