/* Starts the nodes of a devnet and waits until they say that they are ready. */
#ifndef DEVNET_START_H
#define DEVNET_START_H

#include <stdint.h>

#include "devnet/state.h"

enum { READY_LINE_MAX = 65536 };

/* Of a connection's QUIC log, where the options for nodes do not say another: --qlog-limit. */
#define START_QLOG_LIMIT "1M"
/* The last that ARGUMENTS, a list that ends with NULL, or NULL, have; START_QLOG_LIMIT where none
 * does. A view of it. */
const char *start_qlog_limit(char *const *arguments);

/* Whether our nodes can be told COUNT more ARGUMENTS: options, and none that takes from them the
 * key or the API by which the devnet knows them. */
bool start_options_check(char *const *arguments, size_t count, struct error *error);

/* Where a node listens and has its API that is told no places: any free ports. Ends with NULL. */
enum { START_ANYWHERE = 4 };
extern const char *const start_anywhere[START_ANYWHERE + 1];

/* What a node is told beside what every one is. */
struct start_node {
    const char *name;
    char *key;        /* the path of its key file */
    char **arguments; /* where it listens, its API and more */
    size_t argument_count;
};

struct start_options {
    const char *program;    /* the path of devnet-node */
    char *const *arguments; /* more options for every node */
    size_t argument_count;
    uint64_t timeout_ms;
    const struct start_node *nodes; /* NULL: node1 and so on, at any free ports */
    bool *refused; /* becomes true where a node ends with 2: it does not take its arguments */
};

/*
 * Starts node1 to nodeCOUNT, or those that OPTIONS name, and adds them to DEVNET, which has none
 * of these names yet and whose lock is held; the state is saved as they start, so that they can be
 * stopped whatever becomes of us. Keys of an earlier devnet in the same folder are kept, its logs
 * are not. False with the error set where one cannot be started, ends, or is not ready in time;
 * CULPRIT is that node then, or NULL. Nodes that run are left to the caller.
 */
bool devnet_start(struct devnet *devnet, size_t count, const struct start_options *options,
                  const struct devnet_node **culprit, struct error *error);

/*
 * Starts COUNT of our nodes that have been up, where they were: with the arguments, key and ports
 * that they had, and after what they have logged. Of OPTIONS the time and `refused` are looked at.
 * Otherwise as above.
 */
bool devnet_start_again(struct devnet *devnet, struct devnet_node *const *nodes, size_t count,
                        const struct start_options *options, const struct devnet_node **culprit,
                        struct error *error);

/* The last COUNT lines, at most, of what the node called NAME, or what stands between, wrote to its
 * log; freed with free(). */
char *devnet_last_lines(const struct devnet *devnet, const char *name, size_t count);

/* The same of its stdout, where our own programs have events. */
char *devnet_last_printed(const struct devnet *devnet, const char *name, size_t count);

#endif
