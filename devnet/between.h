/*
 * Processes that stand between the nodes of a devnet: a relay, a tap. They belong to the devnet and
 * are no nodes. Each has a folder of its own, DIR/KIND, with its log and events.jsonl, as a node
 * has. They come up once the nodes are, whose places they are told, and end with the devnet.
 */
#ifndef DEVNET_BETWEEN_H
#define DEVNET_BETWEEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/shape.h"
#include "devnet/process.h"

enum { BETWEEN_KINDS = 2 };

struct devnet_between {
    char *kind; /* "relay" or "tap" */
    struct process process;
    char *api;        /* URL, or NULL: it said none */
    char **arguments; /* ends with NULL */
};

struct devnet;

/* Whether it is a kind, and so no name for a node: the folder would be the same. */
bool between_is_kind(const char *name);
/* NULL where DEVNET has none of that kind. The pointer holds until another is started. */
struct devnet_between *devnet_find_between(const struct devnet *devnet, const char *kind);

/*
 * Starts ARGUMENTS, which end with NULL, waits until it prints a line {"event": "ready", ...}, and
 * saves the state; "api" of that line, if there is one, is where it is asked things. READY becomes
 * the line, the caller's to release. DEVNET has none of that KIND that runs, and its lock is held.
 * False with the error set where it ends, or is not ready within TIMEOUT_MS: what it wrote last is
 * in its log (devnet_last_lines), and where it runs it is left to the caller, as nodes are.
 */
bool devnet_start_between(struct devnet *devnet, const char *kind, char *const *arguments,
                          uint64_t timeout_ms, json_t **ready, struct error *error);

/* ---- for devnet/state.c ---- */

extern const struct shape between_shape[];

/* All of a devnet's, as devnet.json has them; NULL where it has none. */
json_t *between_describe_all(const struct devnet *devnet);
/* Takes them from there; LIST may be NULL. */
void between_load_all(struct devnet *devnet, const json_t *list);
void between_clear_all(struct devnet *devnet);

#endif
