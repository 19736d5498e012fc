/* What a connection attempt makes of each event, but for those of the mesh and the time. */
#include "net/host/attempt_state.h"

static void pass_over(const struct attempt_turn *turn, enum attempt_step step, const char *note)
{
    struct attempt_told *told = attempt_tell(turn, step);
    told->not_spoken = true;
    told->text = note;
}

/* ---- before there is a peer ---- */

void attempt_on_name_failed(const struct attempt_turn *turn)
{
    if (turn->event->loss == ATTEMPT_LOST_OURS)
        attempt_fail(turn, ATTEMPT_INTERNAL, ATTEMPT_HANDSHAKE, "%s", turn->event->reason);
    else
        ATTEMPT_FAIL_AWAITED(turn, "%s", turn->event->reason);
}

void attempt_on_dialling(const struct attempt_turn *turn)
{
    turn->attempt->connection = turn->event->connection;
    turn->attempt->state = ATTEMPT_AWAITS_ANSWER;
}

bool attempt_is_tls_failure(enum attempt_loss loss)
{
    return loss == ATTEMPT_LOST_TLS || loss == ATTEMPT_LOST_REFUSED;
}

void attempt_on_dial_failed(const struct attempt_turn *turn)
{
    const struct attempt_event *event = turn->event;
    if (event->loss == ATTEMPT_LOST_UNANSWERED)
        attempt_fail(turn, ATTEMPT_UNREACHABLE, ATTEMPT_HANDSHAKE,
                     "no QUIC answer within %g s (%s)", (double)event->handshake_timeout_ms / 1000,
                     event->reason);
    else
        attempt_fail(turn, attempt_is_tls_failure(event->loss) ? ATTEMPT_TLS : ATTEMPT_UNREACHABLE,
                     ATTEMPT_HANDSHAKE, "%s", event->reason);
    turn->attempt->connection = 0;
}

/* Whoever fails by certificate or identity is the one that was waited for; stray packets are not.
 */
void attempt_on_accept_failed(const struct attempt_turn *turn)
{
    error_set(&turn->attempt->accept_failed, "%s", turn->event->reason);
    if (attempt_is_tls_failure(turn->event->loss))
        attempt_fail(turn, ATTEMPT_TLS, ATTEMPT_HANDSHAKE, "%s", turn->event->reason);
}

/* ---- the connection comes ---- */

static void confirm(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    if (turn->event->connection != attempt->connection || attempt->done[ATTEMPT_CONFIRMED])
        return;
    attempt->done[ATTEMPT_CONFIRMED] = true;
    attempt_tell(turn, ATTEMPT_CONFIRMED);
    attempt_complete(turn, ATTEMPT_HANDSHAKE);
}

static void check_streams(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    attempt->outbound_seen = turn->event->view.outbound_open;
    attempt->inbound_seen = turn->event->view.inbound_open;
    if (!attempt->outbound_seen || !attempt->inbound_seen || attempt->done[ATTEMPT_STREAMS] ||
        attempt_has_failed(attempt) || attempt_waits_for_status(attempt))
        return;
    attempt_tell(turn, ATTEMPT_STREAMS);
    attempt_complete(turn, ATTEMPT_STREAMS);
    attempt_go_on_to_mesh(turn);
}

/* What has happened on another of the peer's connections is told as it stands. Its status is asked
 * again on one that we dial now. */
static void catch_up(const struct attempt_turn *turn)
{
    if (turn->event->view.identified)
        attempt_on_identified(turn);
    attempt_find_graft(turn, GRAFTED_EARLIER);
    check_streams(turn);
}

static void follow(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    attempt->peer = turn->event->peer;
    attempt->connection = turn->event->connection;
    attempt->dialled = turn->event->dialled;
    attempt->done[ATTEMPT_HANDSHAKE] = true;
    attempt_go_on(attempt);
    attempt_tell(turn, ATTEMPT_HANDSHAKE);
    turn->output->ask_identify = attempt->settings.until == ATTEMPT_IDENTIFY;
    catch_up(turn);
}

void attempt_on_connected(const struct attempt_turn *turn)
{
    turn->attempt->started_ns = turn->event->started_ns;
    follow(turn);
}

static void end_status(const struct attempt_turn *turn)
{
    attempt_complete(turn, ATTEMPT_STATUS);
    check_streams(turn);
    attempt_end_if_whole(turn);
}

static void fail_not_spoken(const struct attempt_turn *turn, enum attempt_step step,
                            enum protocol_end end)
{
    attempt_fail(turn, ATTEMPT_PROTOCOL, step, "the peer does not speak it (%s)",
                 end == PROTOCOL_REJECTED ? "`na`" : protocol_end_text(end));
}

static void status_not_spoken(const struct attempt_turn *turn, enum protocol_end end)
{
    if (turn->attempt->settings.until == ATTEMPT_STATUS) {
        fail_not_spoken(turn, ATTEMPT_STATUS, end);
        return;
    }
    pass_over(turn, ATTEMPT_STATUS, "the peer does not speak status: passed over");
    end_status(turn);
}

/* What we believe of a connection may be out of date: nothing is told before the peer has answered
 * on it. */
void attempt_on_already_there(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    attempt->peer = turn->event->peer;
    attempt->connection = turn->event->connection;
    attempt->state = ATTEMPT_AWAITS_ECHO;
    turn->output->ping = true;
}

/* Its steps are told as they stand. */
void attempt_on_pong(const struct attempt_turn *turn)
{
    follow(turn);
    turn->output->told[0].existed = true;
    if (turn->event->confirmed)
        confirm(turn);
    if (turn->event->status == ATTEMPT_STATUS_UNKNOWN || turn->attempt->done[ATTEMPT_STATUS])
        return;
    confirm(turn);
    if (turn->event->status == ATTEMPT_STATUS_REFUSED) {
        status_not_spoken(turn, PROTOCOL_REJECTED);
    } else {
        attempt_tell(turn, ATTEMPT_STATUS);
        end_status(turn);
    }
}

static void fail_unproven(const struct attempt_turn *turn)
{
    ATTEMPT_FAIL_AWAITED(turn, "already connected, but the peer did not answer a ping: %s",
                         turn->event->reason);
}

/* Whoever refuses a ping lives. */
void attempt_on_ping_failed(const struct attempt_turn *turn)
{
    enum protocol_end end = turn->event->end;
    if (end == PROTOCOL_TIMED_OUT || end == PROTOCOL_CONNECTION_LOST)
        fail_unproven(turn);
    else
        attempt_on_pong(turn);
}

/* ---- status and identify; where the connection was lost, that event says why ---- */

/* An answer of any kind to what we asked says that, too: before it has accepted us, a peer cannot
 * read the question. */
void attempt_on_confirmed(const struct attempt_turn *turn)
{
    confirm(turn);
}

void attempt_on_status(const struct attempt_turn *turn)
{
    if (turn->attempt->done[ATTEMPT_STATUS])
        return;
    confirm(turn);
    attempt_tell(turn, ATTEMPT_STATUS);
    end_status(turn);
}

/* The answer was one, and something that has no place came behind it. */
static bool goes_on_behind_status(const struct attempt_turn *turn)
{
    const struct attempt_event *event = turn->event;
    return turn->attempt->done[ATTEMPT_STATUS] && event->end == PROTOCOL_UNINTELLIGIBLE &&
           !event->by_peer && event->connection == turn->attempt->connection;
}

void attempt_on_status_failed(const struct attempt_turn *turn)
{
    const struct attempt_event *event = turn->event;
    if (goes_on_behind_status(turn))
        attempt_fail(turn, ATTEMPT_STATUS_FAILED, ATTEMPT_STATUS, "%s", event->reason);
    if (event->end == PROTOCOL_CONNECTION_LOST || turn->attempt->done[ATTEMPT_STATUS])
        return;
    if (event->end != PROTOCOL_TIMED_OUT)
        confirm(turn);
    if (protocol_not_spoken(event->end))
        status_not_spoken(turn, event->end);
    else
        attempt_fail(turn, ATTEMPT_STATUS_FAILED, ATTEMPT_STATUS, "%s%s",
                     event->by_peer ? "the peer's request: " : "", event->reason);
}

void attempt_on_identified(const struct attempt_turn *turn)
{
    if (turn->attempt->done[ATTEMPT_IDENTIFY])
        return;
    attempt_tell(turn, ATTEMPT_IDENTIFY);
    attempt_complete(turn, ATTEMPT_IDENTIFY);
    attempt_end_if_whole(turn);
}

static void identify_was_the_goal(const struct attempt_turn *turn)
{
    const struct attempt_event *event = turn->event;
    if (protocol_not_spoken(event->end))
        fail_not_spoken(turn, ATTEMPT_IDENTIFY, event->end);
    else
        attempt_fail(turn, ATTEMPT_PROTOCOL, ATTEMPT_IDENTIFY, "%s", event->reason);
}

void attempt_on_identify_failed(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    const struct attempt_event *event = turn->event;
    if (event->end == PROTOCOL_CONNECTION_LOST || attempt->done[ATTEMPT_IDENTIFY])
        return;
    if (attempt->settings.until == ATTEMPT_IDENTIFY) {
        identify_was_the_goal(turn);
        return;
    }
    if (protocol_not_spoken(event->end)) {
        pass_over(turn, ATTEMPT_IDENTIFY, "the peer does not speak identify: passed over");
    } else {
        struct attempt_told *told = attempt_tell(turn, ATTEMPT_IDENTIFY);
        told->ok = false;
        told->text = event->reason;
    }
    attempt->done[ATTEMPT_IDENTIFY] = true;
    attempt_end_if_whole(turn);
}

/* ---- the gossipsub streams ---- */

void attempt_on_stream_opened(const struct attempt_turn *turn)
{
    check_streams(turn);
}

void attempt_on_stream_refused(const struct attempt_turn *turn)
{
    const struct attempt_event *event = turn->event;
    bool says_how = event->end == PROTOCOL_UNINTELLIGIBLE && event->reason[0] != '\0';
    if (event->end == PROTOCOL_CONNECTION_LOST)
        return;
    if (event->end == PROTOCOL_REJECTED)
        attempt_fail(turn, ATTEMPT_PROTOCOL, ATTEMPT_STREAMS,
                     "the peer does not speak gossipsub (`na`)");
    else
        attempt_fail(turn, ATTEMPT_STREAM_FAILED, ATTEMPT_STREAMS, "our gossipsub stream: %s",
                     says_how ? event->reason : protocol_end_text(event->end));
}

void attempt_on_stream_closed(const struct attempt_turn *turn)
{
    const char *reason = turn->event->reason;
    if (!turn->event->by_peer && turn->event->end == PROTOCOL_RESET)
        attempt_fail(turn, ATTEMPT_STREAM_FAILED, ATTEMPT_STREAMS,
                     "our gossipsub stream was reset by the peer%s%s",
                     reason != NULL && *reason != '\0' ? ": " : "", reason != NULL ? reason : "");
}

/* ---- the end ---- */

static void say_why_it_went(const struct attempt_turn *turn)
{
    enum attempt_loss loss = turn->event->loss;
    const char *reason = turn->event->reason;
    if (turn->attempt->state == ATTEMPT_AWAITS_ECHO)
        fail_unproven(turn);
    else if (attempt_graft_stood_to_the_end(turn))
        attempt_meshed(turn);
    else if (loss == ATTEMPT_LOST_REFUSED)
        attempt_fail(turn, ATTEMPT_TLS, ATTEMPT_CONFIRMED,
                     "the peer did not accept our certificate: %s", reason);
    else if (turn->attempt->state == ATTEMPT_AWAITS_CONFIRMATION)
        attempt_fail(turn, attempt_is_tls_failure(loss) ? ATTEMPT_TLS : ATTEMPT_UNREACHABLE,
                     ATTEMPT_CONFIRMED, "connection lost: %s", reason);
    else
        ATTEMPT_FAIL_AWAITED(turn, "connection lost: %s", reason);
}

/* What is awaited comes on this connection, or not at all. */
static bool was_needed(const struct attempt_turn *turn)
{
    const struct attempt *attempt = turn->attempt;
    return turn->event->connection == attempt->connection &&
           (attempt->state == ATTEMPT_AWAITS_ECHO ||
            attempt->state == ATTEMPT_AWAITS_CONFIRMATION ||
            attempt->state == ATTEMPT_AWAITS_IDENTIFY || attempt->state == ATTEMPT_AWAITS_STATUS);
}

/* The connection went in the middle of things: the exit code is that of what was waited for. With
 * another between the same peers all goes on there, but for a status that was asked on this one. */
void attempt_on_disconnected(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    bool last = turn->event->last;
    if (attempt->state != ATTEMPT_ENDS && (last || was_needed(turn)))
        say_why_it_went(turn);
    if (!last)
        return;
    attempt->peer = ATTEMPT_NO_PEER;
    attempt->connection = 0;
    attempt_end_if_whole(turn);
}

void attempt_on_abandoned(const struct attempt_turn *turn)
{
    attempt_fail(turn, turn->event->exit, attempt_awaited_step(turn->attempt), "%s",
                 turn->event->reason);
    attempt_end(turn);
}
