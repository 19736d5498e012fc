/* A connection attempt's insides: one event on its way through. */
#ifndef NET_HOST_ATTEMPT_STATE_H
#define NET_HOST_ATTEMPT_STATE_H

#include "net/host/attempt.h"

struct attempt_turn {
    struct attempt *attempt;
    uint64_t now_ns;
    const struct attempt_event *event; /* that is handled */
    struct attempt_output *output;     /* what is told and to be done is appended to it */
};

/* ---- attempt.c ---- */

/* To be filled in further. */
struct attempt_told *attempt_tell(const struct attempt_turn *turn, enum attempt_step step);
/* The step is done: the state is the next, or the goal is reached. */
void attempt_complete(const struct attempt_turn *turn, enum attempt_step step);
/* Ends it, as failed at STEP. The first failure counts, and none after the goal. */
void attempt_fail(const struct attempt_turn *turn, int code, enum attempt_step step,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The step that the state awaits, and the exit code that stands for its want. */
enum attempt_step attempt_awaited_step(const struct attempt *attempt);
int attempt_awaited_exit(const struct attempt *attempt);
/* Fails at that step with that code: what is awaited has not come. */
#define ATTEMPT_FAIL_AWAITED(turn, ...)                                                            \
    attempt_fail(turn, attempt_awaited_exit((turn)->attempt),                                      \
                 attempt_awaited_step((turn)->attempt), __VA_ARGS__)
/* Nothing more is awaited, whether or not the goal is reached; of a status that has not come it is
 * told that it was passed over. */
void attempt_end(const struct attempt_turn *turn);
/* Ends it where the goal is reached and nothing more is awaited beside it. */
void attempt_end_if_whole(const struct attempt_turn *turn);
/* To the state that follows from the goal and from what is done. */
void attempt_go_on(struct attempt *attempt);
/* A failure was told: the first one, which stands. */
bool attempt_has_failed(const struct attempt *attempt);
/* Status comes before gossip where we ask; a peer that dialled us may leave it out. */
bool attempt_waits_for_status(const struct attempt *attempt);

/* ---- attempt_events.c: what is made of ATTEMPT_HEARD_... ---- */

/* One side did not accept the other. */
bool attempt_is_tls_failure(enum attempt_loss loss);
void attempt_on_name_failed(const struct attempt_turn *turn);
void attempt_on_dialling(const struct attempt_turn *turn);
void attempt_on_dial_failed(const struct attempt_turn *turn);
void attempt_on_accept_failed(const struct attempt_turn *turn);
void attempt_on_connected(const struct attempt_turn *turn);
void attempt_on_already_there(const struct attempt_turn *turn);
void attempt_on_pong(const struct attempt_turn *turn);
void attempt_on_ping_failed(const struct attempt_turn *turn);
void attempt_on_confirmed(const struct attempt_turn *turn);
void attempt_on_status(const struct attempt_turn *turn);
void attempt_on_status_failed(const struct attempt_turn *turn);
void attempt_on_identified(const struct attempt_turn *turn);
void attempt_on_identify_failed(const struct attempt_turn *turn);
void attempt_on_stream_opened(const struct attempt_turn *turn);
void attempt_on_stream_refused(const struct attempt_turn *turn);
void attempt_on_stream_closed(const struct attempt_turn *turn);
void attempt_on_disconnected(const struct attempt_turn *turn);
void attempt_on_abandoned(const struct attempt_turn *turn);

/* ---- attempt_mesh.c: the GRAFT that stands, or does not ---- */

void attempt_on_graft(const struct attempt_turn *turn);
void attempt_on_mesh_left(const struct attempt_turn *turn);
void attempt_on_graft_refused(const struct attempt_turn *turn);
/* Of our GRAFT: it stands if it draws no PRUNE within a round trip from now. */
void attempt_on_acknowledgement(const struct attempt_turn *turn);
/* Takes any topic in whose mesh the peer is, or none. */
void attempt_find_graft(const struct attempt_turn *turn, enum attempt_grafted_by by);
/* Whatever came before both streams were open counts once they are. */
void attempt_go_on_to_mesh(const struct attempt_turn *turn);
/* A peer that has our GRAFT and takes its leave without PRUNE was content: one that connects only
 * to see whether it can is gone before the round trip is over. */
bool attempt_graft_stood_to_the_end(const struct attempt_turn *turn);
/* The step of the mesh is done, by the GRAFT that stands. */
void attempt_meshed(const struct attempt_turn *turn);
/* Whether there is a topic to mesh on. */
bool attempt_shares_topic(const struct attempt_turn *turn);

/* ---- attempt_time.c ---- */

/* Time has come to now_ns: what it was awaited until then is over. */
void attempt_on_time(const struct attempt_turn *turn);

#endif
