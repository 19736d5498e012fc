/*
 * Cuts what a peer says on a gossipsub stream into RPCs, in whatever pieces it comes, without
 * keeping what their messages hold: for whoever looks on. What is kept of one RPC is RPC_SKIM_MAX
 * at most, however large it is. Pure.
 */
#ifndef NET_GOSSIPSUB_RPC_SKIM_H
#define NET_GOSSIPSUB_RPC_SKIM_H

#include "common/buffer.h"
#include "net/gossipsub/trace.h"

enum {
    RPC_SKIM_DATA_MAX = 64 * 1024, /* of one message's data; longer ones are left out */
    RPC_SKIM_MAX = 512 * 1024,     /* of one RPC, without what is left out */
    RPC_SKIM_HEAD = 2 * 10,        /* a tag and a length, each a varint */
};

struct skimmed_rpc {
    struct bytes rpc;      /* well-formed protobuf, without data that is left out; borrowed */
    uint64_t size;         /* of the whole, without the length before it */
    uint64_t at;           /* where the length before it began, in what the peer said */
    size_t signed_count;   /* messages that have an author, number, signature or key */
    uint64_t largest_data; /* of a message's */
    bool malformed;        /* it is no protobuf: `rpc` is empty */
    bool cut;              /* more than RPC_SKIM_MAX is left: `rpc` lacks what came then */
    /* Of the messages that a trace shows: sizes of their data, and whether it was left out. */
    uint64_t data_sizes[TRACE_ENTRIES_MAX];
    bool left_out[TRACE_ENTRIES_MAX];
    size_t message_count;
};

typedef void rpc_skim_told(void *context, const struct skimmed_rpc *skimmed);

enum rpc_skim_state {
    RPC_SKIM_SIZE,
    RPC_SKIM_TAG,
    RPC_SKIM_NUMBER,
    RPC_SKIM_LENGTH,
    RPC_SKIM_BODY,
    RPC_SKIM_REST, /* of an RPC that is no protobuf */
    RPC_SKIM_LOST, /* where the next RPC begins is not known */
};

/* A zeroed one is at the start of a stream. */
struct rpc_skim {
    enum rpc_skim_state state;
    uint8_t head[RPC_SKIM_HEAD]; /* what has come of the varint */
    size_t head_size;
    uint64_t read; /* bytes of the stream */
    uint64_t rpc_left, message_left, body_left;
    uint64_t field;
    bool in_message, keeps_body, is_signed;
    uint64_t data_size;
    bool data_left_out;
    struct buffer kept, message;
    size_t whole; /* of what is kept: fields that have ended */
    struct skimmed_rpc rpc;
};

/* Takes more of what the peer says, and tells of each RPC that is whole now. */
void rpc_skim(struct rpc_skim *skim, struct bytes data, rpc_skim_told *told, void *context);
/* Whether an RPC has begun and not ended. */
bool rpc_skim_is_within(const struct rpc_skim *skim);
/* How large that RPC is to be, by the length before it; 0 where there is none, or it is not known.
 */
uint64_t rpc_skim_announced(const struct rpc_skim *skim);
void rpc_skim_clear(struct rpc_skim *skim);
/* rpc_trace_read() of it, with the sizes that its messages have. */
void rpc_skim_trace(const struct skimmed_rpc *skimmed, struct rpc_trace *trace);

#endif
