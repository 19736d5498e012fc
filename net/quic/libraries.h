/* The libraries that QUIC is of, as they run: others than those that we were built with, maybe. */
#ifndef NET_QUIC_LIBRARIES_H
#define NET_QUIC_LIBRARIES_H

/* Their versions, such as "1.11.0": of the libraries, static. */
const char *quic_ngtcp2_version(void);
const char *quic_gnutls_version(void);

#endif
