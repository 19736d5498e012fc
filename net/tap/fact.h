/* What was seen of a connection through the tap, one thing at a time. */
#ifndef NET_TAP_FACT_H
#define NET_TAP_FACT_H

#include "net/gossipsub/rpc_skim.h"
#include "net/protocols/status.h"
#include "net/tap/side.h"

enum tap_fact_kind {
    TAP_FACT_OPENED,     /* a stream, by its opener */
    TAP_FACT_PROPOSED,   /* a protocol, by the opener */
    TAP_FACT_AGREED,     /* by the other side, with its echo */
    TAP_FACT_REFUSED,    /* `na` */
    TAP_FACT_ILLEGIBLE,  /* no multistream-select: `problem` says what */
    TAP_FACT_SPEAKS,     /* the first byte of the protocol's, of that side */
    TAP_FACT_RPC,        /* of gossipsub: `rpc` */
    TAP_FACT_STATUS,     /* `status`, and whether it and the other side's can both be true */
    TAP_FACT_BLOCKS,     /* a request for blocks, or the answer's end: `size` */
    TAP_FACT_ERROR_CODE, /* an answer with another code than success: `code`, `text` */
    TAP_FACT_AGENT,      /* of identify: `text` */
    TAP_FACT_MALFORMED,  /* what a protocol does not allow: `problem`; `size` of an RPC that is not
                          * whole, where it is known */
    TAP_FACT_ENDED,      /* a side's half: `how`, `code` */
    TAP_FACT_CLOSED,     /* the stream is over; `unfinished` where a side had not ended its half */
    TAP_FACT_KINDS,
};

struct tap_fact {
    enum tap_fact_kind kind;
    uint64_t time_us; /* the caller's clock */
    int64_t stream;
    enum tap_side by, opener;
    uint64_t at;          /* where it begins in what that side says on the stream, in bytes */
    uint64_t size;        /* bytes */
    const char *protocol; /* proposed last; "" before; borrowed, as all that follows */
    bool gossip;          /* that is gossipsub, or what came before it */
    const struct skimmed_rpc *rpc;
    const struct status *status;
    bool contradicts;
    bool answer; /* of the responder */
    enum tap_end how;
    uint64_t code;
    struct bytes text;   /* whatever the node wrote */
    const char *problem; /* static */
    bool unfinished;
};

/* "proposed", "rpc" and so on, as events have it; static. */
const char *tap_fact_name(enum tap_fact_kind kind);

#endif
