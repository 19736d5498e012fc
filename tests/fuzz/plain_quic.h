/*
 * Cryptography that hides nothing and costs little: packet protection is the identity, random
 * numbers are the same for every input, and certificates are made once.
 */
#ifndef TESTS_FUZZ_PLAIN_QUIC_H
#define TESTS_FUZZ_PLAIN_QUIC_H

enum { PLAIN_TAG_SIZE = 16 }; /* zeros, behind every packet; not looked at */

/* Random numbers begin anew. */
void plain_quic_begin(void);

#endif
