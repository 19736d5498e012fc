/*
 * The connections between each two nodes, and the gossipsub streams on them. Who owns which is
 * settled by net/verdict/ownership.h.
 */
#ifndef NET_VERDICT_PEERING_H
#define NET_VERDICT_PEERING_H

#include "net/verdict/negotiation.h"
#include "net/verdict/stack.h"

enum { QLOG_GOSSIP_LIMIT = 4096 }; /* streams between two nodes that are judged */

/* Milliseconds. */
#define QLOG_SILENCE 1000.0 /* after an end by the peer: nothing written since means forgotten */

struct qlog_gossip {
    const struct qlog_connection *connection;
    const struct qlog_joined_stream *stream;
    size_t index;    /* of the stream in its connection */
    unsigned opener; /* which node of the peering opened it: 0 or 1 */
    double base;     /* what makes the connection's times the peering's */
    double arrival, completion;
    double ended[2];  /* by the opener, by the receiver; not those that went with the connection */
    double finished;  /* by the opener's own FIN or reset, and not because it was told to stop */
    double over;      /* the connection ended, or NEVER */
    double grew;      /* the opener's last new byte */
    uint64_t growths; /* how often it wrote */
    bool used;        /* the opener wrote more than its negotiation */
    bool opener_owns, receiver_owns;
    bool opener_exact, receiver_exact;       /* events of ours say so */
    double opener_dropped, receiver_dropped; /* forgot it while it was open, or NEVER */
    const struct qlog_gossip *before;        /* the stream that the receiver was reading already */
    const struct qlog_gossip *rival;         /* the stream that the opener writes on instead */
    const struct qlog_gossip *cause;         /* the stream whose end made a side forget this one */
    const struct qlog_gossip *twin;          /* one more that both use, on another connection */
    unsigned generation; /* how often the opener had forgotten its peer when it opened this */
    bool presumed;       /* the nodes are not named: that they are the same two is presumed */
    bool
        habit_unread; /* that its receiver ignores it is the habit of a stack that may be another */
    bool habit_dropped; /* that a side forgot it, likewise */
    bool habit_rival;   /* that its opener writes on another connection instead, likewise */
    bool reopened;      /* the side that forgot it has opened another since: no doubt is left */
    bool at_end;        /* it was forgotten as the log ends */
    bool one_way;       /* between its two nodes no stream the other way is in use */
};

struct qlog_peering {
    struct qlog_gossip *streams; /* in the order in which their receivers took them */
    size_t count;
    bool presumed;                      /* that its connections are between the same two nodes */
    const struct qlog_stack *stacks[2]; /* by node */
    bool keeps_apart[2]; /* that node has a memory for each connection, not one for the peer */
};

struct qlog_peerings {
    struct qlog_peering *items;
    size_t count;
};

/* Groups the connections between the same two nodes, and settles who owns what. Nodes are known by
 * peer id, or by their folders where each end's logs lie in one of its own. */
struct qlog_peerings qlog_peerings_of(const struct qlog_connections *connections);
void qlog_peerings_clear(struct qlog_peerings *peerings);

#endif
