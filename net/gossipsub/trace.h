/*
 * What an RPC says, in short: made once, told as text here and as JSON by the API. Pure: the time
 * and the peer's name are the caller's.
 */
#ifndef NET_GOSSIPSUB_TRACE_H
#define NET_GOSSIPSUB_TRACE_H

#include "common/buffer.h"
#include "net/gossipsub/router.h"

enum {
    TRACE_ENTRIES_MAX = 16, /* shown of each kind; a longer list tells how many are left out */
    TRACE_IDS_MAX = 4,      /* shown of each entry */
};

/* In the order in which they are told. */
enum rpc_trace_kind {
    TRACE_SUBSCRIPTIONS,
    TRACE_MESSAGES,
    TRACE_IHAVE,
    TRACE_IWANT,
    TRACE_GRAFT,
    TRACE_PRUNE,
    TRACE_IDONTWANT,
    TRACE_KINDS,
};

/* What the entries of a kind have. */
struct rpc_trace_form {
    const char *list; /* their list's name: "messages" */
    const char *name; /* what one says: "message", "subscribe" */
    bool topic;
    bool message; /* id and size */
    bool ids;     /* id_count and ids */
};

extern const struct rpc_trace_form rpc_trace_forms[TRACE_KINDS];

/* What the kind's form does not have is zero. The views hold whatever the peer wrote, no UTF-8. */
struct rpc_trace_entry {
    struct bytes topic; /* GOSSIPSUB_TOPIC_SIZE_MAX bytes of it at most */
    bool subscribe;     /* of a subscription; otherwise it is an unsubscription */
    struct gossipsub_wire_id id;
    size_t size;                     /* of the message's data, as sent */
    size_t id_count;                 /* of which the first TRACE_IDS_MAX are there: */
    struct bytes ids[TRACE_IDS_MAX]; /* GOSSIPSUB_WIRE_ID_SIZE_MAX bytes of each at most */
    bool has_backoff;                /* of a PRUNE */
    uint64_t backoff;                /* seconds, at most INT64_MAX */
    size_t peers;                    /* offered by a PRUNE */
};

struct rpc_trace {
    /* The caller's: */
    uint64_t time_ms; /* since 1970 */
    const char *peer; /* borrowed: its peer id, or what else it is called */
    bool out;         /* to the peer */
    bool dropped;     /* it does not go out: the peer's queue is full */
    /* The RPC's: */
    size_t bytes; /* without the length before it */
    bool malformed;
    struct rpc_trace_list {
        size_t count; /* of which the first TRACE_ENTRIES_MAX are there: */
        struct rpc_trace_entry entries[TRACE_ENTRIES_MAX];
    } lists[TRACE_KINDS];
};

/* Fills in what RPC, protobuf without the length before it, says, at the cost of a slice's memory,
 * and of a message's where one is shown. TRACE is zero but for what is the caller's; its views are
 * into RPC. */
void rpc_trace_read(struct rpc_trace *trace, struct bytes rpc);
/* How many of the list, or of the entry's ids, are there. */
size_t rpc_trace_shown(const struct rpc_trace_list *list);
size_t rpc_trace_ids_shown(const struct rpc_trace_entry *entry);
/* Appends "12:00:00.000 rpc out PEER 42 bytes; subscribe TOPIC; ...", without a newline. It is safe
 * for a terminal where the peer's name is. */
void rpc_trace_text(const struct rpc_trace *trace, struct buffer *line);

#endif
