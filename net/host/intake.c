/*
 * Gossip that comes in: each stream of a peer's is cut into RPCs, and these are carried out a slice
 * at a time, so that none of them holds up the loop. What is not done within a turn of it goes on
 * in the next ones, each stream in its order and all streams in turn. Room for more of a stream is
 * made by what has been carried out; for an RPC that its windows have no room for, by shares.h.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/varint.h"
#include "net/host/internal.h"

enum {
    SLICES_AT_ONCE = 8,   /* of one stream, as its bytes arrive */
    SLICES_PER_TURN = 16, /* of all others, which go on */
    TURN_NS = 2000000,    /* after which the rest has to wait for the next turn, too */
};

struct intake {
    struct protocol_stream *stream;
    uint8_t prefix[VARINT_SIZE_MAX]; /* of the next RPC, as far as it has come */
    size_t prefix_size;
    uint8_t *rpc; /* of `size` bytes, of which `have` have come; NULL: none has begun */
    size_t size, have;
    bool carrying_out; /* it, of which all has come */
    struct gossipsub_rpc progress;
    bool wants, granted;  /* a share for it: see shares.h */
    struct buffer behind; /* what came meanwhile, its first bytes done with already */
    size_t done;
    bool finished; /* FIN is behind that */
    /* Bytes that came, and for which no room was made anew; below 0: it was, in advance. */
    int64_t owed;
    bool queued;
    TAILQ_ENTRY(intake) link; /* of those that go on in the next turn */
};

static struct peer *peer_of(const struct intake *intake)
{
    return intake->stream->connection->peer;
}

/* ---- what is kept, and room for more ---- */

static size_t held_by(const struct intake *intake)
{
    return intake->prefix_size + intake->have + intake->behind.size - intake->done;
}

static uint64_t time_of(struct host *host)
{
    return shares_time(&host->shares, clock_now_ms());
}

/* Not at once: deciding may end any stream. */
static void decide_soon(struct host *host)
{
    event_active(host->shares_timer, EV_TIMEOUT, 0);
}

static void watch_shares(struct host *host)
{
    if (event_pending(host->shares_timer, EV_TIMEOUT, NULL))
        return;
    struct timeval delay = clock_timeval((uint64_t)SHARES_PERIOD_MS * 1000);
    event_arm(host->shares_timer, &delay);
}

static void note_held(struct peer *peer)
{
    size_t held = 0;
    for (size_t i = 0; i < peer->inbound_count; i++)
        held += held_by(peer->inbound[i]->state);
    if (share_hold(&peer->host->shares, &peer->share, held, time_of(peer->host)))
        decide_soon(peer->host);
    if (held > SHARE_LITTLE)
        watch_shares(peer->host);
}

/* For what is done with, and for the rest of an RPC that has a share. */
static void make_room(struct intake *intake)
{
    int64_t owed = (int64_t)held_by(intake);
    if (intake->granted)
        owed -= (int64_t)(intake->size + intake->prefix_size);
    if (intake->owed <= owed)
        return;
    quic_stream_credit(intake->stream->quic, (size_t)(intake->owed - owed));
    intake->owed = owed;
}

/* ---- shares ---- */

static struct peer *peer_of_share(struct share *share)
{
    return (struct peer *)((char *)share - offsetof(struct peer, share));
}

/* A peer has one share at a time, for the RPC of one of its streams: the claimant. */
static void want_next(struct peer *peer)
{
    for (size_t i = 0; i < peer->inbound_count && peer->claimant == NULL; i++) {
        struct intake *intake = peer->inbound[i]->state;
        if (!intake->wants)
            continue;
        struct quic_connection_facts facts;
        quic_connection_facts(intake->stream->connection->quic, &facts);
        share_set_patience(&peer->share, facts.rtt_us / 1000);
        share_want(&peer->host->shares, &peer->share, intake->size, time_of(peer->host));
        peer->claimant = intake;
        decide_soon(peer->host);
    }
}

static void drop_claim(struct intake *intake)
{
    struct peer *peer = peer_of(intake);
    intake->wants = intake->granted = false;
    if (peer->claimant != intake)
        return;
    peer->claimant = NULL;
    share_done(&peer->host->shares, &peer->share, time_of(peer->host));
    decide_soon(peer->host);
}

static void grant(struct peer *peer)
{
    struct intake *intake = peer->claimant;
    intake->wants = false;
    intake->granted = true;
    make_room(intake);
}

/* Of all its streams that hold something: what one lost another of them could hold again. */
static void take_back(struct peer *peer, const char *why)
{
    size_t streams = 0, held = 0;
    for (size_t i = peer->inbound_count; i-- > 0;) {
        struct protocol_stream *stream = peer->inbound[i];
        size_t part = held_by(stream->state);
        if (part == 0)
            continue;
        streams++;
        held += part;
        protocol_stream_abort(stream, PROTOCOL_TIMED_OUT);
    }
    peer->host->intake_resets += streams;
    log_warn("peer %s: its gossipsub stream is reset (%zu of them): %zu bytes of RPCs %s",
             peer->name, streams, held, why);
}

static void probe(struct peer *peer)
{
    struct peer_connection *connection;
    LIST_FOREACH(connection, &peer->connections, link)
    quic_connection_probe(connection->quic);
}

static void carry_out_decision(enum share_decision decision, struct peer *peer)
{
    if (decision == SHARE_GRANT)
        grant(peer);
    else if (decision == SHARE_RESET)
        take_back(peer, "are kept, and they do not go on");
    else if (decision == SHARE_RESET_OVER)
        take_back(peer, "are kept, which is more than its share");
    else if (decision == SHARE_RESET_UNMET)
        take_back(peer, "are kept, and for the rest there was no room in time");
    else if (decision == SHARE_PROBE)
        probe(peer);
}

static void on_shares_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct host *host = argument;
    struct share *share;
    enum share_decision decision;
    host->shares.elsewhere = chunk_total();
    while ((decision = shares_decide(&host->shares, time_of(host), &share)) != SHARE_NONE) {
        carry_out_decision(decision, peer_of_share(share));
        want_next(peer_of_share(share));
    }
    if (shares_pending(&host->shares))
        watch_shares(host);
}

/* ---- RPCs ---- */

void intake_limit_unsent(struct host *host)
{
    gossipsub_limit_unsent(host->router, shares_unsent_limit(&host->shares, chunk_total()));
}

/* The peer keeps its connection, as with other implementations: it may open another stream. */
static void reset_malformed(struct protocol_stream *stream)
{
    error_set(&stream->error, "malformed gossipsub RPC");
    log_warn("peer %s: its gossipsub stream %lld is reset: %s", stream->connection->peer->name,
             (long long)protocol_stream_id(stream), stream->error.text);
    protocol_stream_abort(stream, PROTOCOL_MALFORMED);
}

/* Carries out a slice; true where there is more of it. The stream has ended where it is malformed.
 */
static bool carry_out_slice(struct intake *intake, struct bytes rpc)
{
    struct protocol_stream *stream = intake->stream;
    struct host *host = stream->connection->host;
    if (!intake->progress.counted)
        gossip_trace_in(peer_of(intake), rpc);
    intake_limit_unsent(host);
    enum gossipsub_rpc_state state =
        gossipsub_rpc_slice(host->router, clock_now_ms(), peer_of(intake)->router_handle, rpc,
                            &intake->progress, &host->actions);
    if (state == GOSSIPSUB_RPC_MALFORMED)
        reset_malformed(stream);
    driver_run(host);
    return state == GOSSIPSUB_RPC_MORE;
}

static void forget_rpc(struct intake *intake)
{
    free(intake->rpc);
    intake->rpc = NULL;
    intake->size = intake->have = intake->prefix_size = 0;
    intake->carrying_out = false;
    drop_claim(intake);
}

/* What does not fit the windows, beside what else of the peer is under way, wants a share. */
static bool is_larger_than_windows(const struct intake *intake, size_t size)
{
    const struct peer *peer = peer_of(intake);
    size += intake->prefix_size;
    for (size_t i = 0; i < peer->inbound_count; i++) {
        const struct intake *other = peer->inbound[i]->state;
        if (other != intake)
            size += other->size;
    }
    return size > HOST_STREAM_WINDOW;
}

static void begin_rpc(struct intake *intake, size_t size)
{
    intake->progress = (struct gossipsub_rpc){0};
    intake->rpc = memory_resize(NULL, size); /* as it comes, it is there */
    intake->size = size;
    intake->have = 0;
    intake->carrying_out = size == 0;
    intake->wants = is_larger_than_windows(intake, size);
}

/* Reads the length of the RPC that INPUT begins with: its bytes, 0 where it has not come whole, or
 * -1 where it is not legal. */
static int read_length(struct bytes input, uint64_t *size)
{
    int prefix = varint_read(input, size);
    return prefix > 0 && *size > GOSSIPSUB_RPC_SIZE_MAX ? -1 : prefix;
}

static size_t refuse(struct intake *intake, struct bytes input)
{
    struct peer *peer = peer_of(intake);
    log_warn("peer %s: gossipsub RPC of an illegal length", peer->name);
    host_disconnect(peer->host, peer, "gossipsub RPC of an illegal length");
    return input.size;
}

/* An RPC that is there as a whole is read from where it is, its first slice at any rate. */
static size_t take_whole(struct intake *intake, struct bytes rpc, unsigned *slices)
{
    const struct protocol_stream *stream = intake->stream;
    intake->progress = (struct gossipsub_rpc){0};
    --*slices;
    if (carry_out_slice(intake, rpc) && !stream->ended) {
        intake->rpc = memory_resize(NULL, rpc.size);
        memcpy(intake->rpc, rpc.data, rpc.size);
        intake->size = intake->have = rpc.size;
        intake->carrying_out = true;
    }
    return rpc.size;
}

/* Of a length that comes in pieces, the next byte. */
static size_t take_prefix(struct intake *intake, struct bytes input)
{
    uint64_t size;
    intake->prefix[intake->prefix_size++] = *input.data;
    int prefix = read_length(bytes_of(intake->prefix, intake->prefix_size), &size);
    if (prefix < 0)
        return refuse(intake, input);
    if (prefix > 0)
        begin_rpc(intake, (size_t)size);
    return 1;
}

static size_t take_part(struct intake *intake, struct bytes input)
{
    size_t missing = intake->size - intake->have;
    size_t step = input.size < missing ? input.size : missing;
    memcpy(intake->rpc + intake->have, input.data, step);
    intake->have += step;
    intake->carrying_out = intake->have == intake->size;
    return step;
}

/* Takes something of INPUT, which is not empty; how many bytes. */
static size_t take(struct intake *intake, struct bytes input, unsigned *slices)
{
    if (intake->rpc != NULL)
        return take_part(intake, input);
    uint64_t size;
    int prefix = intake->prefix_size == 0 ? read_length(input, &size) : 0;
    if (prefix < 0)
        return refuse(intake, input);
    if (prefix == 0 || input.size - (size_t)prefix < size)
        return take_prefix(intake, input);
    return (size_t)prefix + take_whole(intake, bytes_of(input.data + prefix, (size_t)size), slices);
}

/* Works on what is there, and then on INPUT, for as many SLICES; the bytes taken. The stream may
 * end meanwhile, and its intake with it. */
static size_t work(struct intake *intake, struct bytes input, unsigned *slices)
{
    const struct protocol_stream *stream = intake->stream;
    size_t taken = 0;
    while (*slices > 0 && !stream->ended && (intake->carrying_out || taken < input.size)) {
        if (!intake->carrying_out) {
            taken += take(intake, bytes_after(input, taken), slices);
            continue;
        }
        --*slices;
        if (!carry_out_slice(intake, bytes_of(intake->rpc, intake->size)) && !stream->ended)
            forget_rpc(intake);
    }
    return taken;
}

/* ---- turns of the loop ---- */

static bool has_more(const struct intake *intake)
{
    return intake->carrying_out || intake->behind.size > 0;
}

/* By a timer, since libevent looks for nothing else before what is active is done. */
static void ask_for_turn(struct host *host)
{
    struct timeval at_once = {0};
    event_arm(host->intake_turn, &at_once);
}

static void enqueue(struct intake *intake)
{
    struct host *host = intake->stream->connection->host;
    if (TAILQ_EMPTY(&host->intakes))
        ask_for_turn(host);
    TAILQ_INSERT_TAIL(&host->intakes, intake, link);
    intake->queued = true;
}

static void dequeue(struct intake *intake)
{
    if (intake->queued)
        TAILQ_REMOVE(&intake->stream->connection->host->intakes, intake, link);
    intake->queued = false;
}

/* The stream has come further, and is there still. */
static void note_progress(struct intake *intake)
{
    struct peer *peer = peer_of(intake);
    note_held(peer);
    make_room(intake);
    want_next(peer);
    if (has_more(intake) && !intake->queued)
        enqueue(intake);
    else if (!has_more(intake) && intake->finished)
        protocol_stream_finish(intake->stream);
}

/* A slice, or what else is behind. */
static void go_on(struct intake *intake)
{
    struct protocol_stream *stream = intake->stream;
    unsigned slices = 1;
    dequeue(intake);
    size_t taken = work(intake, bytes_after(buffer_bytes(&intake->behind), intake->done), &slices);
    if (stream->ended)
        return;
    intake->done += taken;
    if (intake->done == intake->behind.size) {
        buffer_clear(&intake->behind);
        intake->done = 0;
    }
    note_progress(intake);
}

static void on_turn(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct host *host = argument;
    uint64_t end = clock_now_ns() + TURN_NS;
    for (unsigned i = 0; i < SLICES_PER_TURN && !TAILQ_EMPTY(&host->intakes); i++) {
        go_on(TAILQ_FIRST(&host->intakes));
        if (clock_now_ns() >= end)
            break;
    }
    if (!TAILQ_EMPTY(&host->intakes))
        ask_for_turn(host);
}

/* ---- the stream ---- */

void intake_open(struct protocol_stream *stream)
{
    struct intake *intake = memory_new(sizeof(*intake));
    intake->stream = stream;
    stream->state = intake;
}

void intake_receive(struct protocol_stream *stream, struct bytes data)
{
    struct intake *intake = stream->state;
    unsigned slices = SLICES_AT_ONCE;
    intake->owed += (int64_t)data.size;
    size_t taken = intake->queued ? 0 : work(intake, data, &slices);
    if (stream->ended)
        return;
    buffer_append(&intake->behind, data.data + taken, data.size - taken);
    note_progress(intake);
}

void intake_finish(struct protocol_stream *stream)
{
    struct intake *intake = stream->state;
    intake->finished = true;
    if (!has_more(intake))
        protocol_stream_finish(stream);
}

void intake_close(struct protocol_stream *stream)
{
    struct intake *intake = stream->state;
    struct peer *peer = peer_of(intake);
    dequeue(intake);
    drop_claim(intake);
    if (intake->owed > 0)
        quic_stream_credit(stream->quic, (size_t)intake->owed);
    else
        quic_stream_owe(stream->quic, (size_t)-intake->owed);
    free(intake->rpc);
    buffer_clear(&intake->behind);
    stream->state = NULL;
    free(intake);
    note_held(peer);
    want_next(peer);
}

/* ---- the host ---- */

struct host_kept host_kept(const struct host *host)
{
    size_t chunks = chunk_total(); /* in which what is acknowledged in part counts as a whole */
    return (struct host_kept){
        .budget = host->shares.budget,
        .granted = host->shares.granted,
        .waiting = host->shares.waiting,
        .rpcs = host->shares.held,
        .messages = chunks - (host->answers_kept < chunks ? host->answers_kept : chunks),
        .blocks = host->answers_kept,
        .answers_waiting = host->answers_waiting_count,
        .resets = host->intake_resets};
}

size_t host_peer_kept(const struct peer *peer)
{
    return peer->share.held;
}

/* A siege has ended, or one large message is over. */
void intake_maintain(struct host *host)
{
    enum { CONNECTION_SIZE = 100 * 1024, FALL = 4 * 1024 * 1024 };
    size_t size = host->shares.held + chunk_total() +
                  CONNECTION_SIZE * quic_endpoint_connection_count(host->endpoint);
    if (size > host->most_kept)
        host->most_kept = size;
    if (host->most_kept - size < FALL)
        return;
    host->most_kept = size;
    memory_give_back();
}

void intake_start(struct host *host)
{
    TAILQ_INIT(&host->intakes);
    shares_init(&host->shares, host->settings.budget);
    host->intake_turn = event_new(host->settings.base, -1, 0, on_turn, host);
    host->shares_timer = event_new(host->settings.base, -1, 0, on_shares_timer, host);
}

void intake_stop(struct host *host)
{
    if (host->intake_turn != NULL)
        event_free(host->intake_turn);
    if (host->shares_timer != NULL)
        event_free(host->shares_timer);
}
