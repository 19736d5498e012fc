/*
 * Gossipsub routers by the thousand, in one process and on virtual time.
 *
 * Every node dials some others at random, over links that delay each RPC by a fixed time and some
 * jitter, keep its order, and may lose it. All are subscribed to one topic. The links open within
 * the first second; when the meshes have settled, messages are published by nodes at random, evenly
 * over the time that is left. What happens follows from the settings, the seed among them, alone.
 */
#ifndef TESTS_SIM_SIMULATION_H
#define TESTS_SIM_SIMULATION_H

#include "common/random.h"
#include "tests/sim/event_queue.h"

enum {
    OPENING_MS = 1000, /* in which the links open */
    SETTLING_MS = 10000,
    WINDOW_MS = 5000,        /* in which a message must come: longer than gossip offers it */
    AWAY_MS = 3000,          /* that a node which leaves is gone */
    STOPPED_MS = 3000,       /* that a node which stops reading does */
    STOPPED_BYTES = 2 << 20, /* that wait for it all the while */
    SLOW_MS_MIN = 2000,      /* that a slow reader takes for as much of one link */
    SLOW_MS_MAX = 6000,
    READ_MS = 100,     /* after which its neighbours hear how far it is */
    CHANGED_MS = 1000, /* after its stop its neighbours unsubscribe, and subscribe again */
    DURATION_MIN_MS = SETTLING_MS + WINDOW_MS + AWAY_MS + 2000,
    SAMPLE_MS = 10,
    NODES_MAX = 100000,
    HOPS_MAX = 63,
    DEGREE_MAX = 255, /* links of one node */
    SIZE_MIN = 16,    /* bytes of a message: its number, and luck */
};

struct settings {
    uint64_t nodes, links, seed;
    uint64_t latency_ms, jitter_ms; /* of an RPC's way over a link */
    double loss, control_loss;      /* shares */
    double churn;                   /* share of the nodes that leaves once, and comes back */
    double stopping;                /* share that stops reading once, while neighbours change */
    double slow;                    /* share that reads slowly once, while neighbours change */
    uint64_t messages, size;
    uint64_t duration_ms;
    struct gossipsub_parameters parameters;
};

/* One node's end of a link. */
struct link {
    uint32_t other, reverse; /* the node there, and the place among its links */
    gossipsub_peer handle;   /* of the other at this node */
    uint32_t connection;     /* counts; what was sent on an older one does not arrive */
    uint64_t last_due_us;    /* of what this node sent: a stream keeps its order */
    /* What the other has to read before anything that is sent now, and at which pace. */
    size_t backlog, backlog_step; /* bytes, and those of READ_MS */
    bool counts; /* from the first such on: the router hears how far the stream has come */
    size_t unread;
    uint64_t read_bytes;
    bool dialled, up, in_mesh;
};

struct node {
    struct gossipsub *router; /* NULL while it is away */
    struct link *links;
    uint32_t *links_by_handle;
    uint32_t link_count;
    uint32_t mesh_degree;
    bool met;                        /* scratch, of mesh_look */
    uint64_t stopped_until_us;       /* 0: it reads */
    uint64_t up_since_us, leaves_us; /* UINT64_MAX: does not leave */
    uint64_t sent_bytes, received_bytes;
};

/* How a node came by a message. */
struct receipt {
    uint32_t delay_us;
    uint8_t hops;
    bool there, by_iwant;
};

struct message {
    uint32_t publisher;
    uint64_t published_us;
    struct receipt *receipts; /* of each node; NULL before it is published and once it is closed */
};

/* Of RPCs of one priority. */
struct traffic {
    uint64_t rpcs, bytes, lost;
};

/* Messages that came to nodes. */
struct arrivals {
    uint64_t all, first; /* the others are duplicates */
};

/* The mesh as it is at one time; a link is in it when both ends say so. */
struct mesh_state {
    uint64_t degrees[DEGREE_MAX + 1]; /* nodes by the size of their mesh */
    uint64_t links, one_sided;
    uint64_t beliefs_that_differ; /* ends of links: whether the other is subscribed */
    bool connected;               /* from every node that is up to every other */
};

struct figures {
    uint64_t connected_ms, full_ms; /* UINT64_MAX: never */
    struct mesh_state settled, last;
    struct traffic opening[GOSSIPSUB_DATA + 1]; /* before it was settled */
    struct traffic traffic[GOSSIPSUB_DATA + 1]; /* from then on */
    struct arrivals by_mesh, by_iwant;
    /* Nodes that were there from a message's publication to its closing, but the publisher. */
    uint64_t expected, delivered, recovered; /* recovered: delivered by IWANT */
    uint64_t complete;                       /* messages that came to all of them */
    uint64_t hops[HOPS_MAX + 1];             /* deliveries */
    uint64_t delays[WINDOW_MS + 1];          /* deliveries by milliseconds */
    uint64_t delivered_twice, dropped_peers; /* must be 0 */
    uint64_t left;
};

struct simulation {
    struct settings settings;
    struct random random;
    uint64_t now_us;
    struct event_queue queue;
    struct gossipsub_actions actions;
    struct node *nodes;
    struct message *messages;
    uint32_t *stack; /* scratch, of mesh_look */
    struct figures figures;
};

struct simulation *simulation_new(const struct settings *settings);
void simulation_run(struct simulation *simulation);
void simulation_free(struct simulation *simulation);

/* ---- topology.c ---- */

/* Gives every node its links, none of them open. */
void topology_make(struct simulation *simulation);

/* ---- network.c: nodes, links, and what crosses them ---- */

/* What made a router act. */
struct cause {
    bool message; /* one arrived or was published: what goes out in turn is no answer to an IWANT */
    bool by_iwant;
    uint32_t from; /* who sent it */
};

void node_start(struct simulation *simulation, uint32_t node);
void node_stop(struct simulation *simulation, uint32_t node);
/* Its neighbours hear that nothing is read any more, and then that it is. */
void node_stop_reading(struct simulation *simulation, uint32_t node);
void node_read_on(struct simulation *simulation, uint32_t node);
/* STOPPED_BYTES of each link are before it, which it reads at a pace of the link's own. */
void node_read_slowly(struct simulation *simulation, uint32_t node);
void node_read(struct simulation *simulation, uint32_t node, uint32_t link);
void node_unsubscribe(struct simulation *simulation, uint32_t node);
void node_subscribe(struct simulation *simulation, uint32_t node);
void link_open(struct simulation *simulation, uint32_t node, uint32_t link);
void network_arrival(struct simulation *simulation, const struct event *event);
void network_heartbeat(struct simulation *simulation, uint32_t node);
/* Sends, counts and forgets what the router of NODE put into the actions. */
void network_execute(struct simulation *simulation, uint32_t node, struct cause cause);

/* ---- messages.c ---- */

extern const char simulation_topic[];

void message_publish(struct simulation *simulation, uint32_t message);
/* NODE was delivered a message. */
void message_delivered(struct simulation *simulation, uint32_t node, struct bytes payload,
                       struct cause cause);
/* NODE begins anew, without any message. */
void messages_forget(struct simulation *simulation, uint32_t node);
/* Counts who has it, and forgets it. */
void message_close(struct simulation *simulation, uint32_t message);

/* ---- mesh_state.c ---- */

void mesh_look(struct simulation *simulation, struct mesh_state *state);

#endif
