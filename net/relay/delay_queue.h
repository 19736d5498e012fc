/* Datagrams that wait for their time: a binary heap, one allocation a datagram. */
#ifndef NET_RELAY_DELAY_QUEUE_H
#define NET_RELAY_DELAY_QUEUE_H

#include "common/bytes.h"

/* Of all datagrams waiting, their headers included: over half a second of 1 Gbit/s. */
enum { DELAY_QUEUE_BYTES_MAX = 64 << 20 };

struct delayed {
    uint64_t release_ns;
    uint64_t sequence; /* keeps the order of those released at the same time */
    void *owner;       /* the caller's: where it goes */
    unsigned copies;   /* the caller's: how often it is sent */
    size_t size;
    uint8_t data[];
};

/* A zeroed struct is an empty queue. */
struct delay_queue {
    struct delayed **heap;
    size_t count;
    size_t capacity;
    size_t bytes;
    uint64_t sequence;
};

/* Copies DATAGRAM; NULL where the queue is full. */
struct delayed *delay_queue_push(struct delay_queue *queue, uint64_t release_ns,
                                 struct bytes datagram);
/* The next datagram whose time has come, freed by the caller with free(); NULL where none is. */
struct delayed *delay_queue_pop(struct delay_queue *queue, uint64_t now_ns);
/* When the next datagram is due; UINT64_MAX: never. */
uint64_t delay_queue_next(const struct delay_queue *queue);
void delay_queue_clear(struct delay_queue *queue);

#endif
