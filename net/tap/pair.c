/*
 * A dial through the tap. Where the dialler is known by its address, the back comes first: nothing
 * is read of what it has sent until the listener has answered, so that it meets what it would have
 * met there: a refusal, silence, the listener's limits. Others are known by their certificate
 * alone, and the front comes first.
 */
#include "net/tap/pair.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "net/qlog/events.h"
#include "net/tap/internal.h"

static const struct quic_policy leg_policy = {
    .idle_timeout_ms = TAP_SILENCE_MS,
    .handshake_timeout_ms = TAP_HANDSHAKE_MS,
    .unanswered_ms = TAP_UNANSWERED_MS,
    .stream_window = TAP_STREAM_WINDOW,
    .connection_window = TAP_CONNECTION_WINDOW,
    .remote_streams_max = TAP_STREAMS,
    .credit_by_hand = true,
    .streams_by_hand = true,
    .chunks_apart = true,
    .may_not_ask = true, /* what it cannot know it does not know without a tap, either */
};

enum tap_side tap_pair_side_of(const struct tap_pair *pair,
                               const struct quic_connection *connection)
{
    return pair->legs[TAP_DIALLER] == connection ? TAP_DIALLER : TAP_LISTENER;
}

/* ---- beginning ---- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is kept in all is no more than all windows: where they could be too much, a new one is
 * narrow. */
static void take_windows(struct tap_pair *pair, struct quic_policy *policy)
{
    struct tap *tap = pair->tap;
    if (tap->windows + policy->connection_window > TAP_WINDOWS_MAX) {
        policy->stream_window = smaller(policy->stream_window, TAP_NARROW_STREAM_WINDOW);
        policy->connection_window =
            smaller(policy->connection_window, TAP_NARROW_CONNECTION_WINDOW);
        if (tap->statistics.narrow++ == 0)
            log_warn("the windows of %zu connections could hold %d MiB: further ones are narrow, "
                     "and large messages slower on them",
                     tap->statistics.live, TAP_WINDOWS_MAX >> 20);
    }
    pair->windows += policy->connection_window;
    tap->windows += policy->connection_window;
}

/* What holds for a leg whose node is to meet, as far as we can keep so much for it, what SIDE
 * allows, which is known already. */
static struct quic_policy policy_like(const struct tap_pair *pair, enum tap_side side)
{
    struct quic_policy policy = leg_policy;
    struct quic_limits limits;
    if (!quic_connection_peer_limits(pair->legs[side], &limits))
        return policy;
    policy.stream_window = smaller(limits.stream_window, TAP_STREAM_WINDOW);
    policy.connection_window = smaller(limits.connection_window, TAP_CONNECTION_WINDOW);
    policy.remote_streams_max = (uint32_t)smaller(limits.streams_max, UINT32_MAX);
    if (limits.idle_timeout_ms > 0)
        policy.idle_timeout_ms = smaller(limits.idle_timeout_ms, TAP_SILENCE_MS);
    /* It is announced in place of a shorter one. */
    policy.handshake_timeout_ms = smaller(policy.idle_timeout_ms, TAP_HANDSHAKE_MS);
    return policy;
}

static bool dial_back(struct tap_pair *pair)
{
    struct error error;
    struct quic_policy policy = pair->front_first ? policy_like(pair, TAP_DIALLER) : leg_policy;
    take_windows(pair, &policy);
    pair->allowed[TAP_LISTENER] = policy.remote_streams_max;
    const struct quic_dial dial = {.policy = &policy, .id = pair->id};
    struct multiaddr real = pair->nodes[TAP_LISTENER]->real;
    struct quic_connection *back =
        quic_endpoint_dial_as(pair->nodes[TAP_DIALLER]->endpoint, &real, &dial, &error);
    pair->legs[TAP_LISTENER] = back;
    if (back != NULL)
        quic_connection_set_user(back, pair);
    else
        log_warn("%s -> %s: cannot be dialled: %s", pair->nodes[TAP_DIALLER]->name,
                 pair->nodes[TAP_LISTENER]->name, error.text);
    return back != NULL;
}

static struct tap_pair *pair_new(struct tap_node *listener, struct quic_connection *front)
{
    struct tap *tap = listener->tap;
    struct tap_pair *pair = memory_new(sizeof(*pair));
    struct quic_connection_facts facts;
    quic_connection_facts(front, &facts);
    memcpy(pair->id, facts.id, sizeof(pair->id));
    pair->tap = tap;
    pair->number = ++tap->last_number;
    pair->began_ns = clock_now_ns();
    pair->nodes[TAP_LISTENER] = listener;
    pair->legs[TAP_DIALLER] = front;
    pair->allowed[TAP_DIALLER] = pair->allowed[TAP_LISTENER] = TAP_STREAMS;
    quic_connection_set_user(front, pair);
    TAILQ_INSERT_TAIL(&tap->pairs, pair, link);
    tap->statistics.pairs++;
    tap->statistics.live++;
    return pair;
}

/* The dialler may have been restarted, and what it had before may be dead: the listener, which may
 * ask just that, is not to be answered for it. */
static void doubt_others(const struct tap_pair *pair)
{
    const struct tap_node *dialler = pair->nodes[TAP_DIALLER];
    const struct tap_node *listener = pair->nodes[TAP_LISTENER];
    const struct tap_pair *other;
    TAILQ_FOREACH(other, &pair->tap->pairs, link)
    {
        enum tap_side side = other->nodes[TAP_DIALLER] == dialler ? TAP_DIALLER : TAP_LISTENER;
        if (other != pair && other->connected && other->nodes[side] == dialler &&
            other->nodes[tap_other(side)] == listener && other->legs[side] != NULL)
            quic_connection_doubt(other->legs[side]);
    }
}

enum quic_admission tap_pair_arrives(struct tap_node *node, struct quic_connection *front,
                                     const struct multiaddr *remote, struct quic_policy *policy)
{
    struct tap *tap = node->tap;
    if (tap->statistics.live >= TAP_PAIRS_MAX) {
        if (tap->statistics.refused_full++ == 0)
            log_warn("%s: a dial is refused: %d pairs are there already; further ones are counted",
                     node->name, TAP_PAIRS_MAX);
        return QUIC_REFUSE;
    }
    struct tap_pair *pair = pair_new(node, front);
    *policy = leg_policy;
    pair->nodes[TAP_DIALLER] = tap_node_at(tap, remote);
    if (pair->nodes[TAP_DIALLER] == NULL) {
        pair->front_first = true;
        take_windows(pair, policy);
        tap->statistics.front_first++;
        return QUIC_ADMIT;
    }
    doubt_others(pair);
    /* Nothing answers where no packet can go. */
    if (!dial_back(pair))
        quic_connection_leave(front);
    return QUIC_HOLD;
}

bool tap_pair_judge(struct tap_pair *pair, enum tap_side side, const struct peer_id *peer,
                    struct error *reason)
{
    char found[PEER_ID_TEXT_SIZE], expected[PEER_ID_TEXT_SIZE];
    peer_id_text(peer, found);
    if (pair->nodes[side] == NULL) {
        pair->nodes[side] = tap_node_called(pair->tap, peer);
        if (pair->nodes[side] != NULL)
            return true;
        pair->tap->statistics.unknown_diallers++;
        return error_set(reason, "no key of that peer is at hand: %s", found);
    }
    const struct peer_id *known = tap_node_peer_id(pair->nodes[side]);
    if (peer_id_equal(known, peer))
        return true;
    peer_id_text(known, expected);
    return error_set(reason, "peer id is %s, not %s, which is %s", found, expected,
                     pair->nodes[side]->name);
}

static void admit_front(struct tap_pair *pair)
{
    struct quic_policy policy = policy_like(pair, TAP_LISTENER);
    take_windows(pair, &policy);
    pair->allowed[TAP_DIALLER] = policy.remote_streams_max;
    quic_connection_admit(pair->legs[TAP_DIALLER], &policy, pair->legs[TAP_LISTENER]);
}

static bool is_up(const struct quic_connection *leg)
{
    return leg != NULL && quic_connection_is_established(leg);
}

static struct qlog_field text_field(const char *name, const char *text)
{
    return (struct qlog_field){.name = name, .kind = QLOG_TEXT, .text = text};
}

/* In both legs' logs, by which they are known as a tap's. */
static void log_connection(const struct tap_pair *pair)
{
    char peers[TAP_SIDES][PEER_ID_TEXT_SIZE];
    for (size_t i = 0; i < TAP_SIDES; i++)
        peer_id_text(tap_node_peer_id(pair->nodes[i]), peers[i]);
    for (size_t i = 0; i < TAP_SIDES; i++) {
        const struct qlog_field fields[] = {
            text_field("leg", i == TAP_DIALLER ? "front" : "back"),
            text_field("dialler", pair->nodes[TAP_DIALLER]->name),
            text_field("dialler_peer", peers[TAP_DIALLER]),
            text_field("listener", pair->nodes[TAP_LISTENER]->name),
            text_field("listener_peer", peers[TAP_LISTENER]),
        };
        quic_connection_log(pair->legs[i], QLOG_TAP_CONNECTION, fields,
                            sizeof(fields) / sizeof(*fields));
    }
}

void tap_pair_established(struct tap_pair *pair, enum tap_side side)
{
    if (pair->ending)
        return;
    if (side == TAP_DIALLER && pair->front_first)
        doubt_others(pair);
    if (side == TAP_DIALLER && pair->front_first && !dial_back(pair)) {
        quic_connection_leave(pair->legs[TAP_DIALLER]);
        return;
    }
    if (side == TAP_LISTENER && !pair->front_first)
        admit_front(pair);
    if (!is_up(pair->legs[TAP_DIALLER]) || !is_up(pair->legs[TAP_LISTENER]))
        return;
    pair->connected = true;
    pair->tap->statistics.connected++;
    log_connection(pair);
    const struct tap_settings *settings = &pair->tap->settings;
    if (settings->watcher->connected != NULL)
        settings->watcher->connected(settings->context, pair);
    tap_streams_begin(pair);
}

/* ---- the end ---- */

static void tell_closed(struct tap_pair *pair, enum tap_side side, const struct quic_close *close)
{
    const struct tap_settings *settings = &pair->tap->settings;
    if (pair->closed_told)
        return;
    pair->closed_told = true;
    if (settings->watcher->closed != NULL)
        settings->watcher->closed(settings->context, pair, side, close);
}

static struct quic_connection *left_over(const struct tap_pair *pair)
{
    return pair->legs[pair->legs[TAP_DIALLER] != NULL ? TAP_DIALLER : TAP_LISTENER];
}

/* A held front has heard nothing, and hears it in its first answer. */
static void close_alike(struct quic_connection *leg, const struct quic_close *close)
{
    quic_connection_refuse_as(leg, close);
    quic_connection_close_as(leg, close);
}

void tap_pair_end(struct tap_pair *pair)
{
    struct quic_connection *leg = left_over(pair);
    if (!pair->ending || leg == NULL || !tap_streams_are_out(pair, tap_pair_side_of(pair, leg)))
        return;
    pair->ending = false;
    pair->tap->ending_count--;
    close_alike(leg, &pair->close);
}

/* Everything that was said before the close, held on purpose or not, goes before it. */
static void begin_end(struct tap_pair *pair, const struct quic_close *close)
{
    pair->said_at_close = chunk_new(close->said.data, close->said.size);
    pair->close = *close;
    pair->close.said = chunk_bytes(pair->said_at_close);
    pair->ending = true;
    pair->tap->ending_count++;
    tap_streams_release(pair);
    tap_pair_end(pair);
}

/* What became of one leg becomes of the other. */
static void pass_close(struct tap_pair *pair, struct quic_connection *leg,
                       const struct quic_close *close)
{
    switch (close->cause) {
    case QUIC_IDLE_TIMEOUT:
    case QUIC_HANDSHAKE_TIMEOUT:
        quic_connection_leave(leg); /* silence stays silence */
        break;
    case QUIC_STATELESS_RESET:
        if (quic_connection_is_established(leg))
            quic_connection_reset(leg);
        else
            quic_connection_leave(leg);
        break;
    default:
        begin_end(pair, close);
        break;
    }
}

/* Who hears nothing, as the other does not answer, falls silent because of that one. */
static enum tap_side whose_end(const struct tap_pair *pair, enum tap_side side,
                               const struct quic_close *close)
{
    bool by_other = close->cause == QUIC_IDLE_TIMEOUT && pair->unanswered[tap_other(side)];
    return by_other ? tap_other(side) : side;
}

static void free_pair(struct tap_pair *pair)
{
    struct tap *tap = pair->tap;
    tap->ending_count -= pair->ending;
    tap_streams_free(pair);
    chunk_unref(pair->said_at_close);
    TAILQ_REMOVE(&tap->pairs, pair, link);
    tap->statistics.live--;
    tap->windows -= pair->windows;
    free(pair);
}

/* A dialler whose close was among what was held of it, or all of which was noise: the listener,
 * which had not answered yet, would have met no more than that, and is not to see a connection. */
static bool gave_up(const struct tap_pair *pair, enum tap_side side, const struct quic_close *close)
{
    struct quic_connection_facts facts;
    if (side != TAP_DIALLER || pair->front_first)
        return false;
    quic_connection_facts(pair->legs[side], &facts);
    bool by_dialler = close->cause == QUIC_CLOSED_BY_PEER || close->cause == QUIC_REFUSED_BY_PEER;
    bool is_noise = close->cause == QUIC_PROTOCOL_ERROR && close->code == 0;
    return facts.bytes_out == 0 && (by_dialler || is_noise);
}

void tap_pair_leg_closed(struct tap_pair *pair, enum tap_side side, const struct quic_close *close)
{
    bool unheard = gave_up(pair, side, close);
    pair->legs[side] = NULL;
    struct quic_connection *other = pair->legs[tap_other(side)];
    if (pair->ending || pair->closed_told) {
        if (other == NULL)
            free_pair(pair);
        return;
    }
    tell_closed(pair, whose_end(pair, side, close), close);
    if (other == NULL)
        free_pair(pair);
    else if (unheard)
        quic_connection_leave(other);
    else
        pass_close(pair, other, close);
}

/* ---- what others ask ---- */

uint64_t tap_pair_number(const struct tap_pair *pair)
{
    return pair->number;
}

const char *tap_pair_id(const struct tap_pair *pair)
{
    return pair->id;
}

bool tap_pair_is_connected(const struct tap_pair *pair)
{
    return pair->connected && !pair->closed_told;
}

bool tap_pair_was_connected(const struct tap_pair *pair)
{
    return pair->connected;
}

const struct tap_node *tap_pair_node(const struct tap_pair *pair, enum tap_side side)
{
    return pair->nodes[side];
}

bool tap_pair_front_first(const struct tap_pair *pair)
{
    return pair->front_first;
}

struct quic_connection *tap_pair_leg(const struct tap_pair *pair, enum tap_side side)
{
    return pair->legs[side];
}

uint64_t tap_pair_began_ns(const struct tap_pair *pair)
{
    return pair->began_ns;
}

uint64_t tap_pair_said(const struct tap_pair *pair, enum tap_side side)
{
    return pair->said[side];
}

size_t tap_pair_streams(const struct tap_pair *pair)
{
    return HASH_COUNT(pair->streams);
}

struct tap_pair *tap_pair_next(const struct tap_pair *pair)
{
    return TAILQ_NEXT(pair, link);
}
