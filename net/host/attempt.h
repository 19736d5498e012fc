/*
 * One connection attempt, from the first packet to the mesh, told step by step: what devnet-connect
 * prints, and what POST /connect answers.
 *
 * Steps come in the order in which they happen: handshake (complete and verified), confirmed (the
 * peer has accepted us too), status, streams (gossipsub open both ways), mesh, and identify, which
 * is never on the path to the mesh and is asked once our gossipsub stream is open, or at once where
 * it is what the caller wants.
 *
 * mesh means: the peer's GRAFT arrived, or ours drew no PRUNE for one round trip after it was
 * acknowledged.
 */
#ifndef NET_HOST_ATTEMPT_H
#define NET_HOST_ATTEMPT_H

#include <jansson.h>

#include "net/address/resolver.h"
#include "net/host/host.h"

enum attempt_step {
    ATTEMPT_HANDSHAKE,
    ATTEMPT_IDENTIFY,
    ATTEMPT_STATUS,
    ATTEMPT_STREAMS,
    ATTEMPT_MESH,
};

/* "handshake", ..., NULL at the end. */
extern const char *const attempt_step_names[];

/* Exit codes of devnet-connect. */
enum attempt_exit {
    ATTEMPT_REACHED = 0,
    ATTEMPT_INTERNAL = 1,
    ATTEMPT_UNREACHABLE = 3,
    ATTEMPT_TLS = 4,
    ATTEMPT_PROTOCOL = 5,
    ATTEMPT_STATUS_FAILED = 6,
    ATTEMPT_STREAM_FAILED = 7,
    ATTEMPT_MESH_FAILED = 8,
};

struct attempt_settings {
    enum attempt_step until;
    const char *topic; /* expanded; NULL: any topic that both subscribe */
    uint64_t timeout_ms;
};

struct attempt_handlers {
    /* {"step": ..., "ok": bool, "ms": real, ...}; borrowed. */
    void (*step)(void *context, const json_t *step);
    /* Once, at the end: {"target", "reached", "exit", "error", "steps": [...], ...}; borrowed. */
    void (*done)(void *context, const json_t *result);
};

struct attempt;

/* Dials ADDRESS, or looks at the connection where its peer is connected already. The attempt frees
 * itself after `done`, which is never called before this returns. */
struct attempt *attempt_dial(struct host *host, struct resolver *resolver,
                             const struct multiaddr *address,
                             const struct attempt_settings *settings,
                             const struct attempt_handlers *handlers, void *context);
/* Follows the next peer that dials us. */
struct attempt *attempt_accept(struct host *host, const struct attempt_settings *settings,
                               const struct attempt_handlers *handlers, void *context);
/* Ends it soon as failed where it stands, with `done`; a goal that is reached stays so. */
void attempt_abandon(struct attempt *attempt, int code, const char *reason);
/* Ends it without `done`; a dial that has led nowhere yet is given up. */
void attempt_cancel(struct attempt *attempt);

#endif
