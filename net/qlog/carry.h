/*
 * What the parts of a rotated log repeat, so that each says by itself all that is known: behind its
 * header, our own events of every stream that may still matter, a tap's of who is connected, what
 * the packets before it told of the streams, and where the log stood (net/qlog/events.h).
 */
#ifndef NET_QLOG_CARRY_H
#define NET_QLOG_CARRY_H

#include <jansson.h>

#include "common/buffer.h"
#include "net/qlog/log.h"

enum { QLOG_CLOSED_CARRIED = 4 }; /* streams that ended both ways, and as many of gossipsub */

/* A part of a log, from the second on. */
struct qlog_part {
    uint64_t number;          /* the first is 1 */
    uint64_t parts_dropped;   /* of those before it */
    uint64_t packets_dropped; /* that were in them */
};

/* Appends the records with which PART begins behind its header. LOG is what all before it says; it
 * forgets the streams that closed longest ago. */
void qlog_carry_write(struct qlog_log *log, const struct qlog_part *part, struct buffer *output);
/* Whether NAME is of an event that carries something over. */
bool qlog_carry_is(const char *name);
/* Takes in such an event; what stands where it should not is passed over. False where a limit is
 * passed. */
bool qlog_carry_read(struct qlog_log *log, const char *name, const json_t *data,
                     struct error *error);

#endif
