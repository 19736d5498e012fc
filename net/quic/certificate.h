/*
 * The certificate that binds a TLS session to a peer id.
 * libp2p specification: tls/tls.md.
 */
#ifndef NET_QUIC_CERTIFICATE_H
#define NET_QUIC_CERTIFICATE_H

#include <gnutls/gnutls.h>

#include "net/address/identity.h"
#include "net/quic/certificate_peer.h"

enum { CERTIFICATE_SIZE_MAX = 16384 };

/*
 * Makes a fresh P-256 key and a self-signed certificate with the libp2p extension signed by
 * IDENTITY, and sets both on new credentials, which the caller frees with
 * gnutls_certificate_free_credentials. NULL with the error set on failure.
 */
gnutls_certificate_credentials_t certificate_credentials(const struct identity *identity,
                                                         struct error *error);

/*
 * Checks one DER certificate as the specification demands (validity at NOW, self-signature,
 * extension, its signature, no unknown critical extension) and tells whose it is. The error says
 * which demand was not met.
 */
bool certificate_verify(struct bytes der, time_t now, struct certificate_peer *peer,
                        struct error *error);

/* As above, of the one certificate that SESSION's peer presented; none or several are errors. */
bool certificate_verify_session(gnutls_session_t session, struct certificate_peer *peer,
                                struct error *error);

#endif
