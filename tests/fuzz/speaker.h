/*
 * A peer that speaks QUIC as the library does and libp2p as it is told: an endpoint of its own on
 * the virtual network. Where a peer opens a stream it echoes the first words, which accepts
 * whatever was proposed.
 */
#ifndef TESTS_FUZZ_SPEAKER_H
#define TESTS_FUZZ_SPEAKER_H

#include "net/quic/stream.h"

enum { SPEAKER_STREAMS_MAX = 64 };

struct speaker {
    struct quic_endpoint *endpoint;
    struct quic_connection *connection; /* the newest; NULL once it is gone */
    bool dialled, established, confirmed, mute;
    struct quic_stream *streams[SPEAKER_STREAMS_MAX]; /* of all connections, oldest first */
    size_t stream_count;
};

void speaker_begin(struct speaker *speaker, const struct identity *identity,
                   const struct multiaddr *address);
void speaker_end(struct speaker *speaker);
void speaker_dial(struct speaker *speaker, const struct multiaddr *address);
/* Whether the newest connection can be spoken on. */
bool speaker_is_live(const struct speaker *speaker);
/* Has a packet sent at once, for which a moment passes. */
void speaker_ping(struct speaker *speaker);
/* NULL where there is none to be had. */
struct quic_stream *speaker_open(struct speaker *speaker);
/* An even INDEX stands for one of its own, an odd one for one of the peer's, counted from the
 * newest, over and over; NULL where there is none. */
struct quic_stream *speaker_stream(const struct speaker *speaker, size_t index);
/* The beginning of a negotiation for PROTOCOL. */
void speaker_propose(struct quic_stream *stream, const char *protocol);

#endif
