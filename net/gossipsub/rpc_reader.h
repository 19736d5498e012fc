/*
 * How far one RPC has been read. It is read slice by slice (rpc_read of rpc.h), so that no RPC
 * holds up the loop or takes memory of its own, whatever it is made of: a slice has few entries, or
 * one message, and its bytes are views of the RPC.
 */
#ifndef NET_GOSSIPSUB_RPC_READER_H
#define NET_GOSSIPSUB_RPC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* A slice ends with what makes it as large as one of these. */
    RPC_SLICE_ENTRIES = 256,    /* of all kinds together */
    RPC_SLICE_IDS = 1024,       /* in all of them */
    RPC_SLICE_DATA = 64 * 1024, /* bytes of messages */
    RPC_SLICE_FIELDS = 4096,    /* that are walked for it, at any depth */
    RPC_READER_DEPTH = 4,       /* RPC, control, PRUNE, peer */
    RPC_GROUP_DEPTH = 64,       /* groups in groups; what is deeper is malformed */
    RPC_READER_FIELDS = 7,      /* numbers of the fields that we know, and 0 */
};

/* Entries that are lists of ids. */
enum rpc_list { RPC_NO_LIST, RPC_IHAVE, RPC_IWANT, RPC_IDONTWANT };

/* Where a value lies in the RPC. */
struct rpc_span {
    size_t at, size;
};

/* A zeroed one has read nothing yet. Places are offsets: the RPC may be moved meanwhile. */
struct rpc_reader {
    bool valid;   /* well-formed to its end, and read from its beginning again */
    bool seeking; /* for the topic of an IHAVE, which may stand behind the ids */
    size_t at;
    struct {
        uint8_t kind;
        size_t begin, end;
    } open[RPC_READER_DEPTH]; /* the messages that `at` lies in, the RPC itself first */
    unsigned depth;
    uint32_t groups[RPC_GROUP_DEPTH]; /* numbers of unknown fields, open in the innermost */
    unsigned group_depth;
    /* Of the entry that is being read, by field number. */
    uint8_t has; /* a bit each */
    struct rpc_span values[RPC_READER_FIELDS];
    uint64_t number; /* the one value that is no bytes */
    size_t peers;    /* of a PRUNE */
    bool list_begun; /* some of its ids are in a slice */
    /* Of the last slice: its first entry of that kind is the last one of the slice before, with
       more ids. */
    enum rpc_list continued;
};

#endif
