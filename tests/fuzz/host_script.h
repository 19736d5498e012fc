/*
 * What an attacker does to a host, as bytes: records of a step's kind, the size of what follows in
 * two bytes, low one first, and that. A kind stands for its remainder by STEPS; a record that is
 * cut short by the end of the input is shorter. Of what follows the first bytes are arguments; one
 * that is not there is 0. Streams are numbered as in speaker.h.
 */
#ifndef TESTS_FUZZ_HOST_SCRIPT_H
#define TESTS_FUZZ_HOST_SCRIPT_H

#include "common/bytes.h"

enum host_step {
    STEP_WAIT,    /* N: so many milliseconds; from 128 on N - 127 seconds */
    STEP_TLS,     /* level, handshake type; body: that message in CRYPTO frames */
    STEP_CRYPTO,  /* level; TLS data, where the last ended */
    STEP_FRAMES,  /* level, 1 where nothing else is to be in the packet; frames */
    STEP_OPEN,    /* protocol; data: a new stream. A protocol that there is not: only data */
    STEP_WRITE,   /* stream; data */
    STEP_RPC,     /* stream; data behind its size */
    STEP_END,     /* stream, how: FIN, RESET_STREAM and STOP_SENDING, or STOP_SENDING alone */
    STEP_RAW,     /* source; a datagram */
    STEP_REPLAY,  /* which datagram, other connection ids, source, how often */
    STEP_FATE,    /* of the host's, what, argument in two bytes: see wire.h */
    STEP_HOST,    /* what the host is asked for */
    STEP_CLOSE,   /* code; reason: by the attacker */
    STEP_CONNECT, /* another connection, dialled by whoever dials */
    STEP_MUTE,    /* the attacker no longer echoes what is said on the host's streams */
    STEPS,
};

enum { RECORD_HEADER_SIZE = 3 };

struct host_record {
    enum host_step step;
    struct bytes arguments;
};

/* Takes one off SCRIPT; false at its end. */
bool host_record_take(struct bytes *script, struct host_record *record);

/* Carries one out against a host that listens, or else dials, and requires that the host lives,
 * keeps its limits, serves an honest peer as well and lets everything go in the end. */
void host_script_run(bool listens, struct bytes script);

#endif
