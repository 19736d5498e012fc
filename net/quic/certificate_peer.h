/* What a peer's certificate, found in order, says. */
#ifndef NET_QUIC_CERTIFICATE_PEER_H
#define NET_QUIC_CERTIFICATE_PEER_H

#include <time.h>

#include "net/address/public_key.h"

struct certificate_peer {
    struct peer_id id;
    enum key_type key_type;
    const char *signature; /* the certificate's own: "ECDSA-SHA256"; static */
    time_t valid_from, valid_until;
    bool extension_critical; /* the libp2p extension is marked so */
    /* S is in the upper half of its range, in which some do not take it: of the identity's
     * signature, where that is secp256k1's; of the certificate's own, where it is P-256's. */
    bool high_s, own_high_s;
};

#endif
