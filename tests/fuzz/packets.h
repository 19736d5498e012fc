/*
 * QUIC packets whose protection hides nothing (plain_quic.h): found in datagrams, and written with
 * frames of one's own. RFC 9000, section 17.
 */
#ifndef TESTS_FUZZ_PACKETS_H
#define TESTS_FUZZ_PACKETS_H

#include "common/buffer.h"

enum packet_level { LEVEL_INITIAL, LEVEL_HANDSHAKE, LEVEL_APPLICATION, LEVELS };

enum { PACKET_CID_SIZE_MAX = 20, PACKET_HEADER_SIZE_MAX = 512 };

struct packet {
    bool has_level; /* false: Retry, 0-RTT and what is no packet; of these only `whole` is known */
    enum packet_level level;
    struct bytes whole, header, frames; /* the header ends before length and number */
    struct bytes destination, source;   /* connection ids */
    uint32_t number;                    /* as much of it as is in the packet */
    size_t number_size;
};

/* The first packet of a datagram, as one of ours writes it to a peer whose connection ids are of
 * CID_SIZE bytes. */
struct packet packet_find(struct bytes datagram, size_t cid_size);
/* Appends a packet with that header, which is patched for a number of four bytes, and padded where
 * the frames are too few for a sample. */
void packet_append(struct buffer *datagram, enum packet_level level, struct bytes header,
                   uint32_t number, struct bytes frames);
/* The end of the CRYPTO data that the frames carry, as far as they are such as handshakes begin
 * with. */
uint64_t packet_crypto_end(struct bytes frames);
/* RFC 9000, section 16. */
void packet_append_integer(struct buffer *output, uint64_t value);

#endif
