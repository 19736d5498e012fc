/*
 * What is known of a devnet, kept in devnet.json in its folder; each node has a folder beside it:
 *
 *   DIR/devnet.json   which nodes there are; present as long as the devnet is up. "version" is 1;
 *                     members are added, not changed
 *   DIR/left.json     the same, once it is down
 *   DIR/mesh.json     a snapshot (net/mesh/snapshot.h) of the mesh, as `devnet down` found it;
 *                     who had ended by then, or was paused, is unreachable in it
 *   DIR/commands      what was done, as a script
 *   DIR/devnet.yaml   of `devnet up -f FILE` and `run -f`: a copy of FILE
 *   DIR/steps.jsonl   of `devnet run`: its steps and checks, and what came of them, or why its
 *                     nodes did not come up
 *   DIR/lock          held by whatever starts or stops nodes
 *   DIR/prometheus.json  where the metrics of its nodes are (devnet/scrape.h), while it is up
 *   DIR/nodes.yaml    node records of all nodes (devnet/nodes_yaml.h); a genesis folder's stays its
 *                     own
 *   DIR/relay/        of a process between the nodes (devnet/between.h): events.jsonl and log
 *   DIR/tap/          likewise (devnet/tap.h), and qlog/
 *   DIR/node1/        key, pid, events.jsonl (its standard output), log (its standard error), qlog/
 */
#ifndef DEVNET_STATE_H
#define DEVNET_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "devnet/between.h"
#include "devnet/process.h"
#include "net/address/names.h"

/* In the devnet's folder, of one that is from a file: that file, and what was done, a line each. */
#define DEVNET_EXPERIMENT_FILE "devnet.yaml"
#define DEVNET_STEPS_FILE "steps.jsonl"

enum { DEVNET_NODES_MAX = 500, DEVNET_STATE_MAX = 4 * 1024 * 1024 };

struct devnet_node {
    char *name; /* "node1"; of another program: as --with says */
    struct process process;
    char *peer_id, *api; /* NULL until the node is ready; another program has no API */
    char *enr;           /* likewise */
    char **listen;       /* multiaddrs with /p2p */
    size_t listen_count;
    char *tapped, *tapped_enr; /* its address at the tap, and its record with that, or NULL */
    bool of_genesis;           /* known from a genesis folder alone (devnet/genesis.h): not saved */
    char *lean_api, *metrics;  /* of such a node: the URLs of its API and metrics, or NULL */
    char **arguments; /* ends with NULL; what starts it again where it was, or NULL: not known */
    char *place;      /* the folder in which that is run, or NULL: any */
    char *dials;      /* names of the nodes that it dials when either is started, with spaces
                       * between, or NULL */
    bool stopped;     /* on purpose: it is to stay down */
    bool paused;      /* by us */
    uint64_t *validators; /* indices that a genesis folder says are the node's, in order */
    size_t validator_count;
};

struct devnet {
    char *folder; /* absolute */
    int lock;     /* -1: not held */
    struct devnet_node *nodes;
    size_t count;
    struct devnet_between *between; /* what stands between them */
    size_t between_count;
    char **node_arguments; /* ends with NULL; options that `up` gave every node, or NULL */
    struct names removed;  /* peer ids of the last nodes that it had, of which others still tell */
};

/* FOLDER need not exist. */
void devnet_init(struct devnet *devnet, const char *folder);
void devnet_clear(struct devnet *devnet);

/* Makes the folder and takes the lock, until devnet_clear; false where another process has it. */
bool devnet_lock(struct devnet *devnet, struct error *error);
/* Adds a node called NAME, not running; the pointer holds until the next one is added. */
struct devnet_node *devnet_add(struct devnet *devnet, const char *name);
/* Forgets a node but for its name, and that others dial it: pointers to nodes do not hold any more.
 * Once another is called so, the name is that one's. */
void devnet_remove(struct devnet *devnet, size_t index);
/* From now on NODE dials the one called NAME when either is started. */
void devnet_node_dials(struct devnet_node *node, const char *name);
/* Whether it does. */
bool devnet_node_is_dialler(const struct devnet_node *node, const char *name);
/* NULL where there is none of that name. */
struct devnet_node *devnet_find(const struct devnet *devnet, const char *name);

/* Reads devnet.json, if there is one: otherwise there are no nodes. False where it is unsound, or,
 * with the kind ERROR_CONFLICT, of a version that is not ours. */
bool devnet_load(struct devnet *devnet, struct error *error);
/* Of a devnet that is down: reads what left.json says of it, or else takes the folders that there
 * are for its nodes. Their processes are gone. */
bool devnet_load_left(struct devnet *devnet, struct error *error);
/* "node1, node2 and mine", or "no nodes"; freed with free(). */
char *devnet_names(const struct devnet *devnet);
bool devnet_save(const struct devnet *devnet, struct error *error);
/* Writes DIR/nodes.yaml: the node records of all its nodes that have one. Not where DIR is a
 * genesis folder with validator-config.yaml, whose own file that is. */
bool devnet_write_nodes(const struct devnet *devnet, struct error *error);
/* The same to PATH. */
bool devnet_write_nodes_to(const struct devnet *devnet, const char *path, struct error *error);
/* Writes DIR/NAME/pid, for people with a shell. */
void devnet_write_pid(const struct devnet *devnet, const struct devnet_node *node);
/* Where others are to dial it: at the tap, where one stands between, or else where it listens.
 * NULL before it is ready. */
const char *devnet_node_address(const struct devnet_node *node);
/* The path of its key file: as it is told, or in its folder; freed with free(). */
char *devnet_node_key(const struct devnet *devnet, const struct devnet_node *node);
/* Whether it is another program (devnet/foreign.h). */
bool devnet_node_is_foreign(const struct devnet_node *node);
/* What devnet-mesh is to look at for it (net/mesh/target.h): its API, or its address with the page
 * of its metrics, if there is one. Freed with free(). The node is ready. */
char *devnet_node_target(const struct devnet_node *node);
/* Renames devnet.json to left.json: the devnet is down. */
void devnet_forget(const struct devnet *devnet);
/* Removes what an earlier devnet in this folder, if there was one, left of its state
 * (devnet/own_files.h). */
void devnet_forget_left(const struct devnet *devnet);

/* Adds what NODE is known by: its peer id, its API and its addresses. */
void devnet_name_node(const struct devnet_node *node, struct names *names);
/* The same of all nodes, and the peer ids of those that were removed. */
void devnet_name_all(const struct devnet *devnet, struct names *names);

/* The processes of the nodes, in their order; freed with free(). */
struct process *devnet_processes(const struct devnet *devnet);

/* DIR/NAME/FILE, or DIR/NAME where FILE is NULL; freed with free(). */
char *devnet_path(const struct devnet *devnet, const char *name, const char *file);

#endif
