#include "net/quic/stream.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/quic/internal.h"

struct quic_stream *stream_new(struct quic_connection *connection, int64_t id)
{
    struct quic_stream *stream = memory_new(sizeof(*stream));
    stream->connection = connection;
    stream->id = id;
    STAILQ_INIT(&stream->pieces);
    LIST_INSERT_HEAD(&connection->streams, stream, link);
    return stream;
}

static void leave_ready(struct quic_stream *stream)
{
    if (stream->queued)
        TAILQ_REMOVE(&stream->connection->ready, stream, ready_link);
    stream->queued = false;
}

static void drop_first_piece(struct quic_stream *stream)
{
    struct send_piece *piece = STAILQ_FIRST(&stream->pieces);
    STAILQ_REMOVE_HEAD(&stream->pieces, link);
    chunk_unref(piece->chunk);
    free(piece);
}

void stream_free(struct quic_stream *stream)
{
    leave_ready(stream);
    while (!STAILQ_EMPTY(&stream->pieces))
        drop_first_piece(stream);
    LIST_REMOVE(stream, link);
    free(stream);
}

void stream_update_ready(struct quic_stream *stream)
{
    bool fin_due = stream->finishing && !stream->fin_sent;
    bool ready = !stream->write_closed && !stream->closed && !stream->blocked &&
                 (stream->unsent > 0 || fin_due);
    if (!ready) {
        leave_ready(stream);
        return;
    }
    if (!stream->queued)
        TAILQ_INSERT_TAIL(&stream->connection->ready, stream, ready_link);
    stream->queued = true;
    endpoint_mark_dirty(stream->connection);
}

size_t stream_vectors(struct quic_stream *stream, ngtcp2_vec *vectors, size_t count, bool *fin)
{
    size_t used = 0;
    size_t offset = stream->next_offset;
    struct send_piece *piece = stream->next_piece;
    for (; piece != NULL && used < count; piece = STAILQ_NEXT(piece, link)) {
        vectors[used].base = piece->chunk->data + offset;
        vectors[used].len = piece->chunk->size - offset;
        used++;
        offset = 0;
    }
    *fin = stream->finishing && piece == NULL && (!stream->fin_apart || stream->unsent == 0);
    return used;
}

void stream_sent(struct quic_stream *stream, size_t size, bool fin)
{
    if (size > 0)
        stream->last_packet = stream->connection->packets_written;
    stream->unsent -= size;
    while (size > 0) {
        size_t left = stream->next_piece->chunk->size - stream->next_offset;
        size_t step = size < left ? size : left;
        stream->next_offset += step;
        size -= step;
        if (step == left) {
            stream->next_piece = STAILQ_NEXT(stream->next_piece, link);
            stream->next_offset = 0;
        }
    }
    if (fin && stream->unsent == 0)
        stream->fin_sent = true;
    leave_ready(stream); /* and to the end of the line: streams take turns */
    stream_update_ready(stream);
}

void stream_acknowledged(struct quic_stream *stream, size_t size)
{
    stream->acknowledged += size;
    while (size > 0 && !STAILQ_EMPTY(&stream->pieces)) {
        size_t left = STAILQ_FIRST(&stream->pieces)->chunk->size - stream->first_acknowledged;
        size_t step = size < left ? size : left;
        stream->first_acknowledged += step;
        size -= step;
        if (step == left) {
            drop_first_piece(stream);
            stream->first_acknowledged = 0;
        }
    }
}

void stream_shut_write(struct quic_stream *stream)
{
    /* What was sent must stay where it is until it is acknowledged or the stream closes. */
    stream->write_closed = true;
    stream->unsent = 0;
    leave_ready(stream);
}

void stream_closed(struct quic_stream *stream)
{
    if (stream->closed)
        return;
    struct quic_connection *connection = stream->connection;
    const struct quic_settings *settings = &connection->endpoint->settings;
    stream->closed = true;
    leave_ready(stream);
    settings->handlers->stream_closed(settings->context, stream);
    LIST_REMOVE(stream, link);
    LIST_INSERT_HEAD(&connection->dead_streams, stream, link);
    endpoint_mark_dirty(connection);
}

struct quic_stream *quic_stream_open(struct quic_connection *connection)
{
    int64_t id;
    if (connection->state != CONNECTION_LIVE || connection->close_wanted ||
        ngtcp2_conn_open_bidi_stream(connection->conn, &id, NULL) != 0)
        return NULL;
    struct quic_stream *stream = stream_new(connection, id);
    ngtcp2_conn_set_stream_user_data(connection->conn, id, stream);
    return stream;
}

int64_t quic_stream_id(const struct quic_stream *stream)
{
    return stream->id;
}

struct quic_connection *quic_stream_connection(const struct quic_stream *stream)
{
    return stream->connection;
}

bool quic_stream_is_local(const struct quic_stream *stream)
{
    return ((stream->id & 1) != 0) == stream->connection->server;
}

void *quic_stream_user(const struct quic_stream *stream)
{
    return stream->user;
}

void quic_stream_set_user(struct quic_stream *stream, void *user)
{
    stream->user = user;
}

void quic_stream_write(struct quic_stream *stream, struct chunk *chunk)
{
    if (stream->write_closed || stream->closed || stream->finishing || chunk->size == 0)
        return;
    struct send_piece *piece = memory_new(sizeof(*piece));
    piece->chunk = chunk_ref(chunk);
    STAILQ_INSERT_TAIL(&stream->pieces, piece, link);
    if (stream->next_piece == NULL)
        stream->next_piece = piece;
    stream->unsent += chunk->size;
    stream->written += chunk->size;
    stream_update_ready(stream);
}

void quic_stream_write_bytes(struct quic_stream *stream, struct bytes data)
{
    struct chunk *chunk = chunk_new(data.data, data.size);
    quic_stream_write(stream, chunk);
    chunk_unref(chunk);
}

void quic_stream_finish(struct quic_stream *stream)
{
    if (stream->write_closed || stream->closed)
        return;
    stream->finishing = true;
    stream_update_ready(stream);
}

void quic_stream_finish_apart(struct quic_stream *stream)
{
    stream->fin_apart = true;
    quic_stream_finish(stream);
}

void quic_stream_credit(struct quic_stream *stream, size_t size)
{
    struct quic_connection *connection = stream->connection;
    if (size == 0 || connection->state != CONNECTION_LIVE || !connection->policy.credit_by_hand)
        return;
    if (!stream->closed)
        ngtcp2_conn_extend_max_stream_offset(connection->conn, stream->id, size);
    quic_connection_credit(connection, size);
}

void quic_stream_owe(struct quic_stream *stream, size_t size)
{
    stream->connection->owed += size;
}

void quic_stream_reset(struct quic_stream *stream, uint64_t code)
{
    struct quic_connection *connection = stream->connection;
    if (stream->closed || connection->state != CONNECTION_LIVE)
        return;
    compat_conn_shutdown_stream(connection->conn, stream->id, code);
    stream_shut_write(stream);
    endpoint_mark_dirty(connection);
}

void quic_stream_reset_write(struct quic_stream *stream, uint64_t code)
{
    struct quic_connection *connection = stream->connection;
    if (stream->closed || connection->state != CONNECTION_LIVE)
        return;
    compat_conn_shutdown_stream_write(connection->conn, stream->id, code);
    stream_shut_write(stream);
    endpoint_mark_dirty(connection);
}

void quic_stream_stop_read(struct quic_stream *stream, uint64_t code)
{
    struct quic_connection *connection = stream->connection;
    if (stream->closed || connection->state != CONNECTION_LIVE)
        return;
    compat_conn_shutdown_stream_read(connection->conn, stream->id, code);
    endpoint_mark_dirty(connection);
}

size_t quic_stream_unsent(const struct quic_stream *stream)
{
    return stream->unsent;
}

bool quic_stream_is_blocked(const struct quic_stream *stream)
{
    return stream->blocked;
}

uint64_t quic_stream_written(const struct quic_stream *stream)
{
    return stream->written;
}

uint64_t quic_stream_acknowledged(const struct quic_stream *stream)
{
    return stream->acknowledged;
}
