/*
 * Two ends for tests, of which A dials B: directly, or through a tap that stands between them. What
 * arrives at each is kept in a journal, in words that are the same either way.
 */
#ifndef TESTS_UNIT_TAP_SCENE_H
#define TESTS_UNIT_TAP_SCENE_H

#include "common/clock.h"
#include "common/memory.h"
#include "net/quic/stream.h"
#include "net/relay/impairment.h"
#include "net/tap/tap.h"

#include "tests/unit/support.h"

enum { PATIENCE_MS = 30000, STREAMS = 16, LINE_SIZE = 200 };

/* How A reaches B. All zero: directly, over IPv4, with keys of secp256k1. */
struct way {
    bool tapped, over_ipv6, ed25519;
    size_t before_retry;                 /* of B: see quic_settings.handshakes_before_retry */
    const struct impairment *front_path; /* from A to the tap, or to B where there is none */
    const struct impairment *back_path;  /* from the tap to B */
    const struct tap_watcher *watcher;
};

struct line {
    char text[LINE_SIZE];
    uint64_t at_us; /* since the scene began */
};

struct heard { /* of a stream */
    uint64_t size, sum;
};

struct side {
    const char *name;
    struct identity *identity;
    struct quic_endpoint *endpoint;
    struct multiaddr address;
    enum quic_admission admission;
    struct quic_policy policy; /* no PINGs, and a STREAM frame for each piece */
    bool refusing;             /* by its judgement of the certificate */
    bool sums; /* of a stream's bytes the journal has the checksum, as the path has cut them */
    struct quic_connection *connection;
    struct quic_stream *streams[STREAMS]; /* by id / 4, those of both */
    struct heard heard[STREAMS];
    struct line *journal;
    size_t lines;
    unsigned established, closed, opened, ends, pings, stops, data;
    size_t received;
    struct quic_close close;
};

extern struct event_base *base;
extern struct side a, b;
extern struct tap *tap;

void begin(const struct way *way);
void end_all(void);
/* Opens B's endpoint anew where it was, as a process does that was started again. */
void open_again(struct side *side);
/* Runs the loop until VALUE is COUNT at least. */
void await(const unsigned *value, unsigned count);
void run_ms(uint64_t milliseconds);
void dial(void); /* A dials B */
void connect_both(void);
void say(struct quic_stream *stream, const char *text);
struct quic_stream *stream_at(const struct side *side, int64_t id);

#endif
