/* Whether a GRAFT stands between a connection attempt's two ends. */
#include <stdio.h>
#include <string.h>

#include "net/host/attempt_state.h"

/* The next topic from *INDEX on that both sides have and the caller wants; NULL where none is. */
static const struct attempt_topic *next_shared(const struct attempt_turn *turn, size_t *index)
{
    const char *wanted = turn->attempt->settings.topic;
    const struct attempt_view *view = &turn->event->view;
    while (*index < view->topic_count) {
        const struct attempt_topic *topic = &view->topics[(*index)++];
        if (topic->ours && topic->theirs && (wanted == NULL || strcmp(wanted, topic->name) == 0))
            return topic;
    }
    return NULL;
}

bool attempt_shares_topic(const struct attempt_turn *turn)
{
    size_t index = 0;
    return next_shared(turn, &index) != NULL;
}

/* No topic is left on which a GRAFT may stand yet. */
static bool all_pruned(const struct attempt_turn *turn)
{
    size_t index = 0;
    const struct attempt_topic *topic;
    while ((topic = next_shared(turn, &index)) != NULL) {
        if (!topic->pruned)
            return false;
    }
    return attempt_shares_topic(turn);
}

static void set_graft(struct attempt *attempt, const char *topic, enum attempt_grafted_by by)
{
    snprintf(attempt->grafted, sizeof(attempt->grafted), "%s", topic);
    attempt->grafted_by = by;
    attempt->mesh_at_ns = UINT64_MAX;
}

void attempt_find_graft(const struct attempt_turn *turn, enum attempt_grafted_by by)
{
    size_t index = 0;
    const struct attempt_topic *topic;
    set_graft(turn->attempt, "", GRAFTED_BY_NOBODY);
    while ((topic = next_shared(turn, &index)) != NULL) {
        if (topic->meshed) {
            set_graft(turn->attempt, topic->name, by);
            return;
        }
    }
}

void attempt_meshed(const struct attempt_turn *turn)
{
    struct attempt_told *told = attempt_tell(turn, ATTEMPT_MESH);
    told->topic = turn->attempt->grafted;
    told->grafted_by = turn->attempt->grafted_by;
    attempt_complete(turn, ATTEMPT_MESH);
}

/* Both streams are open, and a GRAFT stands, be it for the moment. */
static bool is_near(const struct attempt *attempt)
{
    return attempt->done[ATTEMPT_STREAMS] && !attempt->done[ATTEMPT_MESH] &&
           !attempt_has_failed(attempt) && attempt->grafted_by != GRAFTED_BY_NOBODY;
}

void attempt_go_on_to_mesh(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    if (!is_near(attempt))
        return;
    if (attempt->grafted_by != GRAFTED_BY_US)
        attempt_meshed(turn);
    else if (attempt->acknowledged && attempt->mesh_at_ns == UINT64_MAX)
        attempt->mesh_at_ns = turn->now_ns + attempt->round_trip_us * 1000;
}

bool attempt_graft_stood_to_the_end(const struct attempt_turn *turn)
{
    return is_near(turn->attempt) && turn->attempt->acknowledged &&
           turn->event->loss == ATTEMPT_LOST_LEAVE;
}

static bool is_grafted_on(const struct attempt *attempt, const char *topic)
{
    return attempt->grafted_by != GRAFTED_BY_NOBODY && strcmp(attempt->grafted, topic) == 0;
}

void attempt_on_graft(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    const char *wanted = attempt->settings.topic;
    const char *topic = turn->event->topic;
    if ((wanted != NULL && strcmp(wanted, topic) != 0) || attempt->done[ATTEMPT_MESH])
        return;
    if (turn->event->by_peer) {
        set_graft(attempt, topic, GRAFTED_BY_PEER);
    } else if (attempt->grafted_by == GRAFTED_BY_NOBODY || is_grafted_on(attempt, topic)) {
        set_graft(attempt, topic, GRAFTED_BY_US);
        attempt->acknowledged = false;
    }
    attempt_go_on_to_mesh(turn);
}

static void forget_graft(const struct attempt_turn *turn)
{
    if (!is_grafted_on(turn->attempt, turn->event->topic))
        return;
    attempt_find_graft(turn, GRAFTED_BY_US);
    attempt_go_on_to_mesh(turn);
}

/* Where the mesh is left because our stream has gone, its own event says so, or the connection's.
 */
void attempt_on_mesh_left(const struct attempt_turn *turn)
{
    if (turn->event->by_peer || turn->event->view.outbound_exists)
        forget_graft(turn);
}

void attempt_on_graft_refused(const struct attempt_turn *turn)
{
    const struct attempt *attempt = turn->attempt;
    forget_graft(turn);
    if (attempt->grafted_by == GRAFTED_BY_NOBODY && !attempt->done[ATTEMPT_MESH] &&
        all_pruned(turn))
        attempt_fail(turn, ATTEMPT_MESH_FAILED, ATTEMPT_MESH,
                     "the peer answered PRUNE on %s: its mesh is full, or a backoff has not run "
                     "out",
                     turn->event->topic);
}

void attempt_on_acknowledgement(const struct attempt_turn *turn)
{
    struct attempt *attempt = turn->attempt;
    uint64_t round_trip_us = turn->event->round_trip_us;
    if (attempt->grafted_by == GRAFTED_BY_NOBODY || attempt->acknowledged)
        return;
    attempt->acknowledged = true;
    attempt->round_trip_us =
        round_trip_us > ATTEMPT_ROUND_TRIP_MIN_US ? round_trip_us : ATTEMPT_ROUND_TRIP_MIN_US;
    attempt_go_on_to_mesh(turn);
}
