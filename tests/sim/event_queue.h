/* What is going to happen, in the order of its time; what is due at one time, in the order in which
 * it was put: so a run can be had again. */
#ifndef TESTS_SIM_EVENT_QUEUE_H
#define TESTS_SIM_EVENT_QUEUE_H

#include "net/gossipsub/router.h"

enum event_kind {
    EVENT_LINK,      /* of node and link: it opens */
    EVENT_HEARTBEAT, /* of node */
    EVENT_ARRIVAL,   /* of rpc at node, by its link */
    EVENT_SAMPLE,    /* a look at the mesh while it is built */
    EVENT_SETTLED,   /* from here on figures count */
    EVENT_PUBLISH,   /* of message */
    EVENT_CLOSE,     /* of message: who has it by now has it */
    EVENT_LEAVE,     /* of node */
    EVENT_RETURN,
    EVENT_STOP, /* it stops reading */
    EVENT_READ_ON,
    EVENT_SLOW, /* it has much to read, of every link, and reads it slowly */
    EVENT_READ, /* of node and link: it reads some */
    EVENT_UNSUBSCRIBE,
    EVENT_SUBSCRIBE, /* of node */
};

struct event {
    uint64_t due_us;
    uint64_t sequence; /* the queue's */
    enum event_kind kind;
    uint32_t node, link, message;
    /* Of an arrival: */
    uint32_t connection; /* of the link, the number that it was sent on */
    enum gossipsub_priority priority;
    bool by_iwant;
    bool counts;       /* among what the other has to read */
    struct chunk *rpc; /* one reference */
};

/* A binary heap. A zeroed struct is an empty one. */
struct event_queue {
    struct event *events;
    size_t count, capacity;
    uint64_t next_sequence;
};

void event_queue_put(struct event_queue *queue, struct event event);
/* The next; false where there is none. */
bool event_queue_take(struct event_queue *queue, struct event *event);
void event_queue_clear(struct event_queue *queue);

#endif
