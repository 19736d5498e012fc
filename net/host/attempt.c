#include "net/host/attempt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "net/host/attempt_state.h"

enum { NS_PER_MS = 1000000 };

/* ---- the states, and what each hears ---- */

/* The step that is awaited, and the exit code that stands for its want. */
static const struct {
    enum attempt_step step;
    enum attempt_exit exit;
} states[ATTEMPT_STATES] = {
    [ATTEMPT_AWAITS_NAME] = {ATTEMPT_HANDSHAKE, ATTEMPT_UNREACHABLE},
    [ATTEMPT_AWAITS_ANSWER] = {ATTEMPT_HANDSHAKE, ATTEMPT_UNREACHABLE},
    [ATTEMPT_AWAITS_DIALLER] = {ATTEMPT_HANDSHAKE, ATTEMPT_UNREACHABLE},
    [ATTEMPT_AWAITS_ECHO] = {ATTEMPT_HANDSHAKE, ATTEMPT_UNREACHABLE},
    [ATTEMPT_AWAITS_CONFIRMATION] = {ATTEMPT_CONFIRMED, ATTEMPT_TLS},
    [ATTEMPT_AWAITS_IDENTIFY] = {ATTEMPT_IDENTIFY, ATTEMPT_PROTOCOL},
    [ATTEMPT_AWAITS_STATUS] = {ATTEMPT_STATUS, ATTEMPT_STATUS_FAILED},
    [ATTEMPT_AWAITS_STREAMS] = {ATTEMPT_STREAMS, ATTEMPT_STREAM_FAILED},
    [ATTEMPT_AWAITS_MESH] = {ATTEMPT_MESH, ATTEMPT_MESH_FAILED},
    [ATTEMPT_AWAITS_STRAGGLERS] = {ATTEMPT_HANDSHAKE, ATTEMPT_REACHED},
    [ATTEMPT_ENDS] = {ATTEMPT_HANDSHAKE, ATTEMPT_REACHED},
};

#define IN(state) (1U << ATTEMPT_##state)
enum {
    CONNECTED = IN(AWAITS_CONFIRMATION) | IN(AWAITS_IDENTIFY) | IN(AWAITS_STATUS) |
                IN(AWAITS_STREAMS) | IN(AWAITS_MESH) | IN(AWAITS_STRAGGLERS),
    ALIVE = CONNECTED | IN(AWAITS_NAME) | IN(AWAITS_ANSWER) | IN(AWAITS_DIALLER) | IN(AWAITS_ECHO),
};

static const struct {
    unsigned states; /* in which it is heard */
    void (*take)(const struct attempt_turn *turn);
} events[ATTEMPT_EVENT_KINDS] = {
    [ATTEMPT_HEARD_NAME_FAILED] = {IN(AWAITS_NAME), attempt_on_name_failed},
    [ATTEMPT_HEARD_DIALLING] = {IN(AWAITS_NAME) | IN(AWAITS_ANSWER), attempt_on_dialling},
    [ATTEMPT_HEARD_DIAL_FAILED] = {IN(AWAITS_ANSWER), attempt_on_dial_failed},
    [ATTEMPT_HEARD_ACCEPT_FAILED] = {IN(AWAITS_DIALLER), attempt_on_accept_failed},
    [ATTEMPT_HEARD_CONNECTED] = {IN(AWAITS_ANSWER) | IN(AWAITS_DIALLER), attempt_on_connected},
    [ATTEMPT_HEARD_ALREADY_THERE] = {IN(AWAITS_NAME), attempt_on_already_there},
    [ATTEMPT_HEARD_PONG] = {IN(AWAITS_ECHO), attempt_on_pong},
    [ATTEMPT_HEARD_PING_FAILED] = {IN(AWAITS_ECHO), attempt_on_ping_failed},
    [ATTEMPT_HEARD_CONFIRMED] = {CONNECTED, attempt_on_confirmed},
    [ATTEMPT_HEARD_STATUS] = {CONNECTED, attempt_on_status},
    [ATTEMPT_HEARD_STATUS_FAILED] = {CONNECTED, attempt_on_status_failed},
    [ATTEMPT_HEARD_IDENTIFIED] = {CONNECTED, attempt_on_identified},
    [ATTEMPT_HEARD_IDENTIFY_FAILED] = {CONNECTED, attempt_on_identify_failed},
    [ATTEMPT_HEARD_STREAM_OPENED] = {CONNECTED, attempt_on_stream_opened},
    [ATTEMPT_HEARD_STREAM_REFUSED] = {CONNECTED, attempt_on_stream_refused},
    [ATTEMPT_HEARD_STREAM_CLOSED] = {CONNECTED, attempt_on_stream_closed},
    [ATTEMPT_HEARD_GRAFT] = {CONNECTED, attempt_on_graft},
    [ATTEMPT_HEARD_MESH_LEFT] = {CONNECTED, attempt_on_mesh_left},
    [ATTEMPT_HEARD_GRAFT_REFUSED] = {CONNECTED, attempt_on_graft_refused},
    [ATTEMPT_HEARD_ACKNOWLEDGEMENT] = {CONNECTED, attempt_on_acknowledgement},
    [ATTEMPT_HEARD_DISCONNECTED] = {CONNECTED | IN(AWAITS_ECHO) | IN(ENDS),
                                    attempt_on_disconnected},
    [ATTEMPT_HEARD_ABANDONED] = {ALIVE, attempt_on_abandoned},
    [ATTEMPT_HEARD_TIME] = {ALIVE, attempt_on_time},
};

/* Whether it is about the connection or the peer that is dialled or followed. */
static bool concerns(const struct attempt *attempt, const struct attempt_event *event)
{
    switch (event->kind) {
    case ATTEMPT_HEARD_NAME_FAILED:
    case ATTEMPT_HEARD_DIALLING:
    case ATTEMPT_HEARD_ALREADY_THERE:
    case ATTEMPT_HEARD_ACCEPT_FAILED:
    case ATTEMPT_HEARD_ABANDONED:
    case ATTEMPT_HEARD_TIME:
        return true;
    case ATTEMPT_HEARD_DIAL_FAILED:
    case ATTEMPT_HEARD_PONG:
    case ATTEMPT_HEARD_PING_FAILED:
        return event->connection == attempt->connection;
    case ATTEMPT_HEARD_CONNECTED:
        return attempt->state == ATTEMPT_AWAITS_DIALLER ? !event->dialled
                                                        : event->connection == attempt->connection;
    default:
        return attempt->peer != ATTEMPT_NO_PEER && event->peer == attempt->peer;
    }
}

bool attempt_hears(const struct attempt *attempt, const struct attempt_event *event)
{
    return (events[event->kind].states & 1U << attempt->state) != 0 && concerns(attempt, event);
}

void attempt_take(struct attempt *attempt, uint64_t now_ns, const struct attempt_event *event,
                  struct attempt_output *output)
{
    const struct attempt_turn turn = {attempt, now_ns, event, output};
    *output = (struct attempt_output){0};
    if (attempt_hears(attempt, event))
        events[event->kind].take(&turn);
}

uint64_t attempt_next_time(const struct attempt *attempt)
{
    if (attempt->state == ATTEMPT_ENDS)
        return UINT64_MAX;
    return attempt->mesh_at_ns < attempt->deadline_ns ? attempt->mesh_at_ns : attempt->deadline_ns;
}

/* ---- from state to state ---- */

void attempt_init(struct attempt *attempt, const struct attempt_settings *settings, bool accept,
                  uint64_t now_ns)
{
    *attempt = (struct attempt){
        .settings = *settings,
        .state = accept ? ATTEMPT_AWAITS_DIALLER : ATTEMPT_AWAITS_NAME,
        .peer = ATTEMPT_NO_PEER,
        .started_ns = accept ? 0 : now_ns,
        .deadline_ns = now_ns + settings->timeout_ms * NS_PER_MS,
        .mesh_at_ns = UINT64_MAX,
    };
}

bool attempt_has_failed(const struct attempt *attempt)
{
    return attempt->exit != ATTEMPT_REACHED;
}

static bool has_reached(const struct attempt *attempt)
{
    return attempt->state >= ATTEMPT_AWAITS_STRAGGLERS && !attempt_has_failed(attempt);
}

bool attempt_waits_for_status(const struct attempt *attempt)
{
    return !attempt->done[ATTEMPT_STATUS] &&
           (attempt->dialled || attempt->settings.until == ATTEMPT_STATUS);
}

void attempt_go_on(struct attempt *attempt)
{
    if (attempt->settings.until == ATTEMPT_HANDSHAKE)
        attempt->state = ATTEMPT_AWAITS_CONFIRMATION;
    else if (attempt->settings.until == ATTEMPT_IDENTIFY)
        attempt->state = ATTEMPT_AWAITS_IDENTIFY;
    else if (attempt_waits_for_status(attempt))
        attempt->state = ATTEMPT_AWAITS_STATUS;
    else if (!attempt->done[ATTEMPT_STREAMS])
        attempt->state = ATTEMPT_AWAITS_STREAMS;
    else
        attempt->state = ATTEMPT_AWAITS_MESH;
}

void attempt_complete(const struct attempt_turn *turn, enum attempt_step step)
{
    struct attempt *attempt = turn->attempt;
    attempt->done[step] = true;
    if (attempt->state >= ATTEMPT_AWAITS_STRAGGLERS)
        return;
    if (step != attempt->settings.until) {
        attempt_go_on(attempt);
        return;
    }
    attempt->state = ATTEMPT_AWAITS_STRAGGLERS;
    attempt->deadline_ns = turn->now_ns + (uint64_t)ATTEMPT_GRACE_MS * NS_PER_MS;
    attempt_end_if_whole(turn);
}

/* A peer that dialled us and gossips already may ask for our status yet. */
static bool status_may_come(const struct attempt *attempt)
{
    return !attempt->dialled && !attempt->done[ATTEMPT_STATUS] &&
           attempt->settings.until > ATTEMPT_STATUS;
}

static bool something_is_under_way(const struct attempt_turn *turn)
{
    const struct attempt *attempt = turn->attempt;
    return attempt->peer != ATTEMPT_NO_PEER &&
           ((turn->event->view.identify_asked && !attempt->done[ATTEMPT_IDENTIFY]) ||
            status_may_come(attempt));
}

void attempt_end_if_whole(const struct attempt_turn *turn)
{
    if (turn->attempt->state == ATTEMPT_AWAITS_STRAGGLERS && !something_is_under_way(turn))
        attempt_end(turn);
}

void attempt_end(const struct attempt_turn *turn)
{
    if (has_reached(turn->attempt) && status_may_come(turn->attempt)) {
        struct attempt_told *told = attempt_tell(turn, ATTEMPT_STATUS);
        told->not_spoken = true;
        told->text = "the peer did not ask for it: passed over";
    }
    turn->attempt->state = ATTEMPT_ENDS;
}

/* ---- what is told ---- */

static uint64_t microseconds(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    uint64_t passed = attempt->started_ns < turn->now_ns ? turn->now_ns - attempt->started_ns : 0;
    uint64_t now = attempt->started_ns == 0 ? 0 : passed / 1000;
    if (now > attempt->last_us)
        attempt->last_us = now;
    return attempt->last_us;
}

struct attempt_told *attempt_tell(const struct attempt_turn *turn, enum attempt_step step)
{
    struct attempt_told *told = &turn->output->told[turn->output->count++];
    *told = (struct attempt_told){.step = step, .ok = true, .after_us = microseconds(turn)};
    return told;
}

/* TEXT is RAW made safe. */
static void set_safe(char text[ATTEMPT_TEXT_SIZE], const struct error *raw)
{
    char *safe = utf8_safe_text(bytes_of_text(raw->text));
    snprintf(text, ATTEMPT_TEXT_SIZE, "%s", safe);
    free(safe);
}

/* Of the handshake it goes without saying where it failed. */
static bool names_itself(enum attempt_step step)
{
    return step == ATTEMPT_HANDSHAKE || step == ATTEMPT_CONFIRMED;
}

void attempt_fail(const struct attempt_turn *turn, int code, enum attempt_step step,
                  const char *format, ...)
{
    struct attempt *attempt = turn->attempt;
    if (attempt->state >= ATTEMPT_AWAITS_STRAGGLERS)
        return;
    struct error raw;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw.text, sizeof(raw.text), format, arguments);
    va_end(arguments);
    set_safe(attempt->failed_text, &raw);
    if (!names_itself(step))
        error_prefix(&raw, "%s", attempt_step_name(step));
    set_safe(attempt->error, &raw);
    attempt->exit = code;
    struct attempt_told *told = attempt_tell(turn, step);
    told->ok = false;
    told->text = attempt->failed_text;
    attempt_end(turn);
}

enum attempt_step attempt_awaited_step(const struct attempt *attempt)
{
    return states[attempt->state].step;
}

int attempt_awaited_exit(const struct attempt *attempt)
{
    return (int)states[attempt->state].exit;
}

/* ---- names, and the outcome ---- */

const char *const attempt_step_names[] = {"handshake", "identify", "status",
                                          "streams",   "mesh",     NULL};

const char *attempt_step_name(enum attempt_step step)
{
    return step == ATTEMPT_CONFIRMED ? "confirmed" : attempt_step_names[step];
}

static const char *reached_name(const struct attempt *attempt)
{
    static const enum attempt_step path[] = {ATTEMPT_MESH, ATTEMPT_STREAMS, ATTEMPT_STATUS,
                                             ATTEMPT_HANDSHAKE};
    if (has_reached(attempt))
        return attempt_step_name(attempt->settings.until);
    for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++) {
        if (attempt->done[path[i]])
            return attempt_step_name(path[i]);
    }
    return "none";
}

struct attempt_outcome attempt_outcome(const struct attempt *attempt)
{
    return (struct attempt_outcome){.reached = reached_name(attempt),
                                    .exit = attempt->exit,
                                    .error = attempt_has_failed(attempt) ? attempt->error : NULL};
}
