/* What is done to streams on purpose. */
#include "net/tap/internal.h"

void tap_pair_hold(struct tap_pair *pair, int64_t id, enum tap_side from, uint64_t offset)
{
    struct tap_stream *stream = tap_stream_find(pair, id);
    if (stream != NULL && offset < stream->from[from].hold_from)
        stream->from[from].hold_from = offset;
}

void tap_pair_lose(struct tap_pair *pair, int64_t id, enum tap_side from, uint64_t offset)
{
    struct tap_stream *stream = tap_stream_find(pair, id);
    tap_pair_hold(pair, id, from, offset);
    if (stream != NULL)
        stream->from[from].lost = true;
}

void tap_pair_release(struct tap_pair *pair, int64_t id, enum tap_side from, uint64_t until)
{
    struct tap_stream *stream = tap_stream_find(pair, id);
    if (stream == NULL || stream->from[from].hold_from >= until)
        return;
    stream->from[from].hold_from = until;
    tap_stream_mark(stream);
    event_active(stream->pair->tap->wake, EV_TIMEOUT, 0);
}

/* The byte of the name that nobody has which stands at INDEX. */
static uint8_t other_letter(size_t index)
{
    static const char other[] = "/refused-by-the-tap";
    return (uint8_t)(index < sizeof(other) - 1 ? other[index] : '-');
}

/* In place, as the watcher is told of the very bytes: nobody else has them yet. */
bool tap_pair_rename(struct tap_pair *pair, int64_t id, enum tap_side from, uint64_t offset,
                     size_t size)
{
    const struct tap_stream *stream = tap_stream_find(pair, id);
    struct tap_piece *piece;
    bool renamed = false;
    if (stream == NULL)
        return false;
    uint64_t at = stream->from[from].passed;
    STAILQ_FOREACH(piece, &stream->from[from].waiting, link)
    {
        for (size_t i = 0; i < piece->chunk->size; i++, at++) {
            if (at < offset || at >= offset + size)
                continue;
            uint8_t other = other_letter((size_t)(at - offset));
            renamed = renamed || piece->chunk->data[i] != other;
            piece->chunk->data[i] = other;
        }
    }
    return renamed;
}

void tap_pair_reset(struct tap_pair *pair, int64_t id, uint64_t code)
{
    const struct tap_stream *stream = tap_stream_find(pair, id);
    for (size_t i = 0; stream != NULL && i < TAP_SIDES; i++)
        if (stream->on[i] != NULL)
            quic_stream_reset(stream->on[i], code);
}
