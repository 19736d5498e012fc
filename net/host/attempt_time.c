/* What a connection attempt makes of time: a GRAFT that has stood, or the end of it all with the
 * best guess why. */
#include <stdio.h>

#include "net/host/attempt_state.h"

/* Names of our topics, or of the peer's. */
struct topic_list {
    char text[ERROR_TEXT_SIZE];
};

static void append(struct topic_list *list, size_t *length, const char *before, const char *text)
{
    if (*length < sizeof(list->text))
        *length += (size_t)snprintf(list->text + *length, sizeof(list->text) - *length, "%s%s",
                                    before, text);
}

static struct topic_list topics_of(const struct attempt_view *view, bool ours)
{
    struct topic_list list = {.text = "none"};
    char rest[32];
    size_t count = 0, length = 0;
    for (size_t i = 0; i < view->topic_count; i++) {
        const struct attempt_topic *topic = &view->topics[i];
        if (!(ours ? topic->ours : topic->theirs))
            continue;
        if (count++ < ATTEMPT_TOPICS_SHOWN_MAX)
            append(&list, &length, count > 1 ? ", " : "", topic->name);
    }
    if (count > ATTEMPT_TOPICS_SHOWN_MAX) {
        snprintf(rest, sizeof(rest), "%zu more", count - ATTEMPT_TOPICS_SHOWN_MAX);
        append(&list, &length, " and ", rest);
    }
    return list;
}

static void time_out_mesh(const struct attempt_turn *turn, double seconds)
{
    const struct attempt *attempt = turn->attempt;
    const char *wanted = attempt->settings.topic;
    struct topic_list ours = topics_of(&turn->event->view, true);
    struct topic_list theirs = topics_of(&turn->event->view, false);
    if (!attempt_shares_topic(turn))
        ATTEMPT_FAIL_AWAITED(turn, "no topic in common within %g s (ours: %s; the peer's: %s)%s%s",
                             seconds, ours.text, theirs.text, wanted != NULL ? "; asked for " : "",
                             wanted != NULL ? wanted : "");
    else
        ATTEMPT_FAIL_AWAITED(
            turn,
            "no GRAFT stood within %g s: none came from the peer%s (ours: %s; the peer's: %s)",
            seconds,
            attempt->grafted_by != GRAFTED_BY_NOBODY ? ", and ours was not acknowledged in time"
                                                     : "",
            ours.text, theirs.text);
}

static void time_out_streams(const struct attempt_turn *turn, double seconds)
{
    const char *what = "no gossipsub stream opened either way";
    if (turn->attempt->outbound_seen)
        what = "one-way: the peer opened no gossipsub stream to us";
    else if (turn->attempt->inbound_seen)
        what = "one-way: the peer did not accept our gossipsub stream";
    ATTEMPT_FAIL_AWAITED(turn, "%s within %g s", what, seconds);
}

static void time_out_dialler(const struct attempt_turn *turn, double seconds)
{
    const char *failed = turn->attempt->accept_failed.text;
    ATTEMPT_FAIL_AWAITED(turn, "nobody dialled within %g s%s%s%s", seconds,
                         *failed != '\0' ? " (a handshake failed: " : "", failed,
                         *failed != '\0' ? ")" : "");
}

static void time_out_answer(const struct attempt_turn *turn, double seconds)
{
    const char *beside = turn->event->reason != NULL ? turn->event->reason : "";
    if (attempt_is_tls_failure(turn->event->loss))
        attempt_fail(turn, ATTEMPT_TLS, ATTEMPT_HANDSHAKE,
                     "no handshake was completed within %g s%s", seconds, beside);
    else if (turn->event->answered)
        ATTEMPT_FAIL_AWAITED(turn,
                             "the peer answered, and did not complete the handshake within %g s%s",
                             seconds, beside);
    else
        ATTEMPT_FAIL_AWAITED(turn, "no QUIC answer within %g s (handshake timed out%s)", seconds,
                             beside);
}

static void time_out_status(const struct attempt_turn *turn, double seconds)
{
    if (turn->attempt->dialled)
        ATTEMPT_FAIL_AWAITED(turn, "no answer within %g s", seconds);
    else
        ATTEMPT_FAIL_AWAITED(
            turn, "the peer, which dialled, did not ask for our status within %g s", seconds);
}

static void time_out(const struct attempt_turn *turn)
{
    double seconds = (double)turn->attempt->settings.timeout_ms / 1000;
    switch (turn->attempt->state) {
    case ATTEMPT_AWAITS_NAME:
        ATTEMPT_FAIL_AWAITED(turn, "the name was not resolved within %g s", seconds);
        break;
    case ATTEMPT_AWAITS_ANSWER:
        time_out_answer(turn, seconds);
        break;
    case ATTEMPT_AWAITS_DIALLER:
        time_out_dialler(turn, seconds);
        break;
    case ATTEMPT_AWAITS_ECHO:
        ATTEMPT_FAIL_AWAITED(
            turn, "already connected, but the peer did not answer a ping within %g s", seconds);
        break;
    case ATTEMPT_AWAITS_CONFIRMATION:
        ATTEMPT_FAIL_AWAITED(turn, "the peer did not confirm the handshake within %g s", seconds);
        break;
    case ATTEMPT_AWAITS_IDENTIFY:
        ATTEMPT_FAIL_AWAITED(turn, "no answer within %g s", seconds);
        break;
    case ATTEMPT_AWAITS_STATUS:
        time_out_status(turn, seconds);
        break;
    case ATTEMPT_AWAITS_STREAMS:
        time_out_streams(turn, seconds);
        break;
    case ATTEMPT_AWAITS_MESH:
        time_out_mesh(turn, seconds);
        break;
    case ATTEMPT_AWAITS_STRAGGLERS:
    case ATTEMPT_ENDS:
    case ATTEMPT_STATES:
        attempt_end(turn);
        break;
    }
}

void attempt_on_time(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    if (turn->now_ns >= attempt->mesh_at_ns) {
        attempt->mesh_at_ns = UINT64_MAX;
        if (!attempt->done[ATTEMPT_MESH])
            attempt_meshed(turn);
    }
    if (attempt->state != ATTEMPT_ENDS && turn->now_ns >= attempt->deadline_ns)
        time_out(turn);
}
