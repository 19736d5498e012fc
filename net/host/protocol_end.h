/* How a protocol's exchange on a stream came to its end. */
#ifndef NET_HOST_PROTOCOL_END_H
#define NET_HOST_PROTOCOL_END_H

#include <stdbool.h>

enum protocol_end {
    PROTOCOL_REJECTED,         /* the peer answered `na` to our proposal */
    PROTOCOL_UNINTELLIGIBLE,   /* its negotiation was malformed */
    PROTOCOL_RESET,            /* RESET_STREAM or STOP_SENDING from the peer */
    PROTOCOL_RESET_UNANSWERED, /* the same in place of an answer to our proposal */
    PROTOCOL_TIMED_OUT,        /* the deadline passed */
    PROTOCOL_CLOSED,           /* over on both sides, as it should be */
    PROTOCOL_CONNECTION_LOST,
    PROTOCOL_MALFORMED, /* what the peer said on it was, and we reset it */
};

const char *protocol_end_text(enum protocol_end end);
/* The peer answered `na`, or has reset the stream without an answer: what follows our proposal at
 * once is garbage to a peer that does not speak the protocol, and its reset can overtake its `na`.
 */
bool protocol_not_spoken(enum protocol_end end);

#endif
