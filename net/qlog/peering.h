/*
 * Who owns each gossipsub stream between two nodes. Where events of ours do not say, both nodes are
 * played through by the rules of real implementations: the first stream that is answered is the one
 * that is read, a second one is ignored for good; the opener writes on the one whose negotiation it
 * completed first; and a stream that its opener ends makes the other side forget the peer, its own
 * stream with it.
 */
#ifndef NET_QLOG_PEERING_H
#define NET_QLOG_PEERING_H

#include "net/qlog/negotiation.h"

enum { QLOG_GOSSIP_LIMIT = 4096 }; /* streams between two nodes that are judged */

/* Milliseconds. */
#define QLOG_TEARDOWN 500.0 /* what ends so shortly before the connection ended with it */
#define QLOG_SILENCE 1000.0 /* after an end by the peer: nothing written since means forgotten */
#define QLOG_SETTLING 100.0 /* a log that stops so soon after a negotiation cannot tell */

struct qlog_gossip {
    const struct qlog_connection *connection;
    const struct qlog_joined_stream *stream;
    size_t index;    /* of the stream in its connection */
    unsigned opener; /* which node of the peering opened it: 0 or 1 */
    double base;     /* what makes the connection's times the peering's */
    double arrival, completion;
    double ended[2];  /* by the opener, by the receiver; not those that went with the connection */
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
    unsigned generation; /* how often the opener had forgotten its peer when it opened this */
    bool presumed;       /* the nodes are not named: that they are the same two is presumed */
    bool reopened;       /* the side that forgot it has opened another since: no doubt is left */
};

struct qlog_peering {
    struct qlog_gossip *streams; /* in the order in which their receivers took them */
    size_t count;
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
