/*
 * The little of ASN.1's distinguished encoding (X.690) that certificates need from us: GnuTLS reads
 * them, but does not hand out the bytes that signatures are made over. libtasn1, which it brings,
 * does not do: even its strict decoding (ASN1_DECODE_FLAG_STRICT_DER) takes lengths that are not in
 * their shortest form, and it wants a definition of each structure.
 */
#ifndef NET_QUIC_DER_H
#define NET_QUIC_DER_H

#include "common/buffer.h"

enum der_tag {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_SEQUENCE = 0x30,
};

/* Context-specific and constructed, as optional parts of a sequence are. */
#define DER_CONTEXT(number) (0xa0 | (number))

struct der_value {
    struct bytes whole;    /* tag, length and content */
    struct bytes contents; /* the content alone */
};

/*
 * Takes a value with TAG off the front of INPUT. False, with INPUT as it was, where there is
 * another tag, the length is not in its one shortest form, or INPUT ends too soon.
 */
bool der_take(struct bytes *input, unsigned tag, struct der_value *value);
/* A bit string of whole bytes: its contents without the count of unused bits, which must be 0. */
bool der_take_bits(struct bytes *input, struct bytes *bits);
/* Appends a value of fewer than 65,536 bytes of contents. */
void der_append(struct buffer *output, unsigned tag, struct bytes contents);

#endif
