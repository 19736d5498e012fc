/*
 * What is said on a stream: told to the watcher, then carried. A chunk in is a STREAM frame out,
 * and a FIN that came by itself goes by itself: some stacks are broken by others. Room is made for
 * a side's bytes once the other has acknowledged them, so that the windows bound what is kept here.
 */
#include <stdlib.h>

#include "net/tap/internal.h"

enum { STREAM_KINDS = 4 }; /* RFC 9000, section 2.1: an id's lowest two bits */

static const struct tap_watcher *watcher_of(const struct tap_stream *stream)
{
    return stream->pair->tap->settings.watcher;
}

static void *context_of(const struct tap_stream *stream)
{
    return stream->pair->tap->settings.context;
}

static enum tap_side opener_of(int64_t id)
{
    return (id & 1) == 0 ? TAP_DIALLER : TAP_LISTENER;
}

struct tap_stream *tap_stream_find(const struct tap_pair *pair, int64_t id)
{
    struct tap_stream *stream;
    HASH_FIND(hh, pair->streams, &id, sizeof(id), stream);
    return stream;
}

static struct tap_stream *stream_for(struct tap_pair *pair, int64_t id)
{
    struct tap_stream *stream = tap_stream_find(pair, id);
    if (stream != NULL)
        return stream;
    stream = memory_new(sizeof(*stream));
    stream->pair = pair;
    stream->id = id;
    for (size_t i = 0; i < TAP_SIDES; i++) {
        STAILQ_INIT(&stream->from[i].waiting);
        stream->from[i].hold_from = TAP_HOLDS_NOTHING;
    }
    HASH_ADD(hh, pair->streams, id, sizeof(stream->id), stream);
    pair->tap->statistics.streams++;
    return stream;
}

/* ---- room for more ---- */

/* The other side has taken what the half had up to END, or never will. */
static void credit(struct tap_stream *stream, enum tap_side from, uint64_t end)
{
    struct tap_half *half = &stream->from[from];
    if (end <= half->credited)
        return;
    size_t size = (size_t)(end - half->credited);
    half->credited = end;
    if (stream->on[from] != NULL)
        quic_stream_credit(stream->on[from], size);
    else if (stream->pair->legs[from] != NULL)
        quic_connection_credit(stream->pair->legs[from], size);
}

static void drop_first(struct tap_half *half)
{
    struct tap_piece *piece = STAILQ_FIRST(&half->waiting);
    STAILQ_REMOVE_HEAD(&half->waiting, link);
    chunk_unref(piece->chunk);
    free(piece);
}

static void drop_waiting(struct tap_stream *stream, enum tap_side from)
{
    struct tap_half *half = &stream->from[from];
    while (!STAILQ_EMPTY(&half->waiting))
        drop_first(half);
    half->passed = half->arrived;
    credit(stream, from, half->arrived);
}

/* ---- telling ---- */

static void tell_opened(struct tap_stream *stream)
{
    if (stream->opened_told)
        return;
    stream->opened_told = true;
    if (watcher_of(stream)->stream_opened != NULL)
        watcher_of(stream)->stream_opened(context_of(stream), stream->pair, stream->id,
                                          opener_of(stream->id));
}

static void tell_data(struct tap_stream *stream, enum tap_side from)
{
    struct tap_half *half = &stream->from[from];
    uint64_t end = half->passed;
    struct tap_piece *piece;
    STAILQ_FOREACH(piece, &half->waiting, link)
    {
        uint64_t begin = end;
        end += piece->chunk->size;
        if (begin < half->told)
            continue;
        half->told = end;
        if (watcher_of(stream)->stream_data != NULL)
            watcher_of(stream)->stream_data(context_of(stream), stream->pair, stream->id, from,
                                            chunk_bytes(piece->chunk));
    }
}

static void tell_end(struct tap_stream *stream, enum tap_side by, enum tap_end how, uint64_t code)
{
    if (watcher_of(stream)->stream_ended != NULL)
        watcher_of(stream)->stream_ended(context_of(stream), stream->pair, stream->id, by, how,
                                         code);
}

static void tell_half(struct tap_stream *stream, enum tap_side from)
{
    struct tap_half *half = &stream->from[from];
    tell_data(stream, from);
    if (half->ended && !half->end_told) {
        half->end_told = true;
        tell_end(stream, from, half->how, half->code);
    }
    if (half->stopped && !half->stop_told) {
        half->stop_told = true;
        tell_end(stream, tap_other(from), TAP_STOP, half->stop_code);
    }
}

/* Of a stream that was opened to reach the next there is nothing to tell. */
static bool was_heard_of(const struct tap_stream *stream)
{
    return stream->was_on[opener_of(stream->id)];
}

static void tell(struct tap_stream *stream)
{
    if (!stream->pair->connected || !was_heard_of(stream))
        return;
    tell_opened(stream);
    tell_half(stream, opener_of(stream->id));
    tell_half(stream, tap_other(opener_of(stream->id)));
}

/* ---- carrying ---- */

void tap_stream_mark(struct tap_stream *stream)
{
    struct tap *tap = stream->pair->tap;
    if (stream->due)
        return;
    stream->due = true;
    TAILQ_INSERT_TAIL(&tap->due, stream, due_link);
    tap->due_count++;
}

static void unmark(struct tap_stream *stream)
{
    struct tap *tap = stream->pair->tap;
    if (!stream->due)
        return;
    stream->due = false;
    TAILQ_REMOVE(&tap->due, stream, due_link);
    tap->due_count--;
}

/* Cuts the half's first piece in two. */
static void cut_first(struct tap_half *half, size_t size)
{
    struct tap_piece *piece = STAILQ_FIRST(&half->waiting);
    struct tap_piece *rest = memory_new(sizeof(*rest));
    struct chunk *whole = piece->chunk;
    rest->chunk = chunk_new(whole->data + size, whole->size - size);
    piece->chunk = chunk_new(whole->data, size);
    STAILQ_INSERT_AFTER(&half->waiting, piece, rest, link);
    chunk_unref(whole);
}

static void pass_bytes(struct tap_half *half, struct quic_stream *to)
{
    struct tap_piece *piece;
    while ((piece = STAILQ_FIRST(&half->waiting)) != NULL && half->passed < half->hold_from) {
        uint64_t may_go = half->hold_from - half->passed;
        if (piece->chunk->size > may_go)
            cut_first(half, (size_t)may_go);
        quic_stream_write(to, piece->chunk);
        half->passed += piece->chunk->size;
        drop_first(half);
    }
}

/* A RESET_STREAM overtakes what is unsent, which came before it: that goes first, unless the other
 * side has no room for it. */
static void pass_end(struct tap_stream *stream, struct tap_half *half, struct quic_stream *to)
{
    if (half->how == TAP_RESET && quic_stream_unsent(to) > 0 && !quic_stream_is_blocked(to)) {
        tap_stream_mark(stream);
        return;
    }
    half->end_passed = true;
    if (half->how == TAP_RESET)
        quic_stream_reset_write(to, half->code);
    else if (half->fin_apart)
        quic_stream_finish_apart(to);
    else
        quic_stream_finish(to);
}

static void carry_half(struct tap_stream *stream, enum tap_side from)
{
    struct tap_half *half = &stream->from[from];
    struct quic_stream *to = stream->on[tap_other(from)];
    if (to == NULL && stream->was_on[tap_other(from)])
        drop_waiting(stream, from);
    if (to == NULL)
        return;
    pass_bytes(half, to);
    bool held = half->hold_from != TAP_HOLDS_NOTHING;
    if (half->ended && !half->end_passed && !held && STAILQ_EMPTY(&half->waiting))
        pass_end(stream, half, to);
    if (half->stopped && !half->stop_passed && stream->on[from] != NULL) {
        half->stop_passed = true;
        quic_stream_stop_read(stream->on[from], half->stop_code);
    }
}

static void carry(struct tap_stream *stream)
{
    tell(stream);
    if (!stream->pair->connected)
        return;
    carry_half(stream, TAP_DIALLER);
    carry_half(stream, TAP_LISTENER);
}

/* ---- opening ---- */

/* On the other leg all before it are opened, too, which takes nothing on the wire: a stack may use
 * its second stream first. */
void tap_streams_open(struct tap_pair *pair, enum tap_side opener)
{
    enum tap_side other = tap_other(opener);
    while (pair->legs[other] != NULL && pair->opened[opener] < pair->wanted[opener]) {
        struct quic_stream *opened = quic_stream_open(pair->legs[other]);
        if (opened == NULL)
            return; /* streams_allowed tells when to try again */
        pair->opened[opener]++;
        struct tap_stream *stream = stream_for(pair, quic_stream_id(opened));
        stream->on[other] = opened;
        stream->was_on[other] = true;
        quic_stream_set_user(opened, stream);
        carry(stream);
    }
}

void tap_streams_allow(struct tap_pair *pair, enum tap_side opener)
{
    const struct quic_connection *other = pair->legs[tap_other(opener)];
    if (other == NULL || pair->legs[opener] == NULL)
        return;
    uint64_t most = pair->opened[opener] + quic_connection_streams_left(other);
    if (most <= pair->allowed[opener])
        return;
    quic_connection_allow_streams(pair->legs[opener], (size_t)(most - pair->allowed[opener]));
    pair->allowed[opener] = most;
}

void tap_stream_opened(struct tap_pair *pair, enum tap_side side, struct quic_stream *opened)
{
    int64_t id = quic_stream_id(opened);
    struct tap_stream *stream = stream_for(pair, id);
    stream->on[side] = opened;
    stream->was_on[side] = true;
    quic_stream_set_user(opened, stream);
    uint64_t count = (uint64_t)id / STREAM_KINDS + 1;
    if (count > pair->wanted[side])
        pair->wanted[side] = count;
    tell(stream);
    if (pair->connected)
        tap_streams_open(pair, side);
}

/* ---- what comes ---- */

void tap_stream_data(struct tap_stream *stream, enum tap_side from, struct bytes data, bool fin)
{
    struct tap_half *half = &stream->from[from];
    if (data.size > 0) {
        struct tap_piece *piece = memory_new(sizeof(*piece));
        piece->chunk = chunk_new(data.data, data.size);
        STAILQ_INSERT_TAIL(&half->waiting, piece, link);
        half->arrived += data.size;
        stream->pair->said[from] += data.size;
        stream->pair->tap->statistics.bytes[from] += data.size;
    }
    if (fin) {
        half->ended = true;
        half->how = TAP_FIN;
        half->fin_apart = data.size == 0;
    }
    carry(stream);
}

void tap_stream_reset(struct tap_stream *stream, enum tap_side by, uint64_t code)
{
    struct tap_half *half = &stream->from[by];
    half->ended = true;
    half->how = TAP_RESET;
    half->code = code;
    carry(stream);
}

void tap_stream_stopped(struct tap_stream *stream, enum tap_side by, uint64_t code)
{
    struct tap_half *half = &stream->from[tap_other(by)];
    if (half->stopped)
        return;
    half->stopped = true;
    half->stop_code = code;
    tap_stream_mark(stream);
}

void tap_stream_acknowledged(struct tap_stream *stream, enum tap_side by)
{
    credit(stream, tap_other(by), quic_stream_acknowledged(stream->on[by]));
}

static void stream_free(struct tap_stream *stream)
{
    unmark(stream);
    if (stream->opened_told && watcher_of(stream)->stream_closed != NULL)
        watcher_of(stream)->stream_closed(context_of(stream), stream->pair, stream->id);
    for (size_t i = 0; i < TAP_SIDES; i++)
        while (!STAILQ_EMPTY(&stream->from[i].waiting))
            drop_first(&stream->from[i]);
    for (size_t i = 0; i < TAP_SIDES; i++)
        if (stream->on[i] != NULL)
            quic_stream_set_user(stream->on[i], NULL);
    HASH_DEL(stream->pair->streams, stream);
    free(stream);
}

void tap_stream_leg_closed(struct tap_stream *stream, enum tap_side side)
{
    /* What was marked and not told yet came before. */
    tell(stream);
    stream->on[side] = NULL;
    if (stream->pair->connected)
        drop_waiting(stream, tap_other(side));
    if (stream->was_on[TAP_DIALLER] && stream->was_on[TAP_LISTENER] &&
        stream->on[TAP_DIALLER] == NULL && stream->on[TAP_LISTENER] == NULL)
        stream_free(stream);
}

/* ---- of all of a pair's, or the tap's ---- */

void tap_streams_begin(struct tap_pair *pair)
{
    struct tap_stream *stream, *next;
    HASH_ITER(hh, pair->streams, stream, next)
    tell(stream);
    for (size_t i = 0; i < TAP_SIDES; i++) {
        enum tap_side side = (enum tap_side)i;
        tap_streams_open(pair, side);
        tap_streams_allow(pair, side);
    }
    HASH_ITER(hh, pair->streams, stream, next)
    carry(stream);
}

void tap_streams_settle(struct tap *tap)
{
    struct tap_stream *stream;
    for (size_t left = tap->due_count; left > 0; left--) {
        stream = TAILQ_FIRST(&tap->due);
        if (stream == NULL)
            return;
        unmark(stream);
        carry(stream);
    }
}

void tap_streams_release(struct tap_pair *pair)
{
    struct tap_stream *stream, *next;
    HASH_ITER(hh, pair->streams, stream, next)
    {
        for (size_t i = 0; i < TAP_SIDES; i++)
            if (!stream->from[i].lost)
                stream->from[i].hold_from = TAP_HOLDS_NOTHING;
        carry(stream);
    }
}

bool tap_streams_are_out(const struct tap_pair *pair, enum tap_side side)
{
    const struct tap_stream *stream;
    for (stream = pair->streams; stream != NULL; stream = stream->hh.next) {
        const struct quic_stream *on = stream->on[side];
        if (on != NULL && quic_stream_unsent(on) > 0 && !quic_stream_is_blocked(on))
            return false;
    }
    return true;
}

void tap_streams_free(struct tap_pair *pair)
{
    struct tap_stream *stream, *next;
    HASH_ITER(hh, pair->streams, stream, next)
    stream_free(stream);
}
