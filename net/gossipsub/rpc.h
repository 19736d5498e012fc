/*
 * The gossipsub RPC: protobuf behind a varint of its length.
 * libp2p specification: pubsub/README.md, "The RPC"; rpc.proto beside this file.
 */
#ifndef NET_GOSSIPSUB_RPC_H
#define NET_GOSSIPSUB_RPC_H

#include "common/buffer.h"
#include "common/chunk.h"
#include "net/gossipsub/arena.h"
#include "net/gossipsub/router.h"
#include "net/gossipsub/rpc.pb-c.h"
#include "net/gossipsub/rpc_reader.h"

enum {
    /* Of subscriptions and control in one RPC that we send: what all peers accept. */
    RPC_CONTROL_SIZE_MAX = 16 * 1024,
    /* Ids in one entry that we send: with the longest topic they fit an RPC of the size above. */
    RPC_IDS_MAX = 700,
    RPC_SLICE_MEMORY = 256 * 1024, /* of a slice: more than its entries can take */
};

enum rpc_read {
    RPC_READ_MORE, /* SLICE holds what comes next, which may be nothing */
    RPC_READ_END,  /* and there is no more */
    RPC_READ_MALFORMED,
};

/*
 * The next slice of an RPC, without its length, from a zeroed READER on. The slices of one hold its
 * entries in their order; where an entry has more ids than fit, the next slice has one of its kind
 * and topic with those that follow, and the reader says so. Nothing is handed out before the whole
 * RPC was found to be well-formed. SLICE is good until the arena is used again, and views the bytes
 * of RPC. Of what PRUNE says of other peers there is no more than n_peers.
 */
enum rpc_read rpc_read(struct rpc_reader *reader, struct bytes rpc, struct arena *arena,
                       Gossipsub__RPC *slice);

/* SLICE is valid until it returns; CONTINUED as the reader has it. */
typedef void rpc_slice_told(void *context, const Gossipsub__RPC *slice, enum rpc_list continued);
/* Gives every slice of the RPC, one after the other; false, with none given, where it is malformed.
 */
bool rpc_read_all(struct bytes rpc, rpc_slice_told *told, void *context);

/* Subscriptions and control to be sent as one RPC. A zeroed struct is an empty one. */
struct rpc_writer {
    struct buffer subscriptions;
    struct buffer control;
    bool has_graft;
    bool gossip_only; /* while it holds nothing but IHAVE, IWANT and IDONTWANT */
};

void rpc_write_subscription(struct rpc_writer *writer, struct bytes topic, bool subscribe);
void rpc_write_graft(struct rpc_writer *writer, struct bytes topic);
/* A backoff of 0 seconds is left out, as version 1.0 wants it. */
void rpc_write_prune(struct rpc_writer *writer, struct bytes topic, uint64_t backoff_seconds);
/* IDS are COUNT, at most RPC_IDS_MAX. */
void rpc_write_ihave_of(struct rpc_writer *writer, struct bytes topic, const struct bytes *ids,
                        size_t count);
void rpc_write_iwant_of(struct rpc_writer *writer, const struct bytes *ids, size_t count);
void rpc_write_idontwant_of(struct rpc_writer *writer, const struct bytes *ids, size_t count);

/* Of the protobuf that rpc_writer_finish would make. */
size_t rpc_writer_size(const struct rpc_writer *writer);
/* The RPC with its length before it, one reference; the writer is empty again, its memory kept. */
struct chunk *rpc_writer_finish(struct rpc_writer *writer);
void rpc_writer_clear(struct rpc_writer *writer);

/* An RPC of one message, with its length before it. NULL where it is over GOSSIPSUB_RPC_SIZE_MAX.
 */
struct chunk *rpc_encode_message(struct bytes topic, struct bytes data);
/* The same of a message as it is. */
struct chunk *rpc_encode_whole(const Gossipsub__Message *message);
/* Where the message's data, of DATA_SIZE bytes, lies in what rpc_encode_message made. */
struct bytes rpc_message_data(const struct chunk *rpc, struct bytes topic, size_t data_size);

#endif
