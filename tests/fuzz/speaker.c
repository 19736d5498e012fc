#include "tests/fuzz/speaker.h"

#include "common/varint.h"
#include "net/quic/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virtual_loop.h"

enum { MOMENT_NS = 1000 };

static const char header[] = "/multistream/1.0.0";

/* ---- what the endpoint tells ---- */

static void on_established(void *context, struct quic_connection *connection)
{
    struct speaker *speaker = context;
    speaker->connection = connection;
    speaker->established = true;
}

static void on_confirmed(void *context, struct quic_connection *connection)
{
    struct speaker *speaker = context;
    if (connection == speaker->connection)
        speaker->confirmed = true;
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    (void)close;
    struct speaker *speaker = context;
    if (connection == speaker->connection)
        speaker->connection = NULL;
}

static void keep_stream(struct speaker *speaker, struct quic_stream *stream)
{
    if (speaker->stream_count < SPEAKER_STREAMS_MAX)
        speaker->streams[speaker->stream_count++] = stream;
}

static void on_stream_opened(void *context, struct quic_stream *stream)
{
    keep_stream(context, stream);
}

static bool take_line(struct bytes *rest, struct bytes *line)
{
    uint64_t size;
    int prefix = varint_read(*rest, &size);
    if (prefix <= 0 || size > rest->size - (size_t)prefix)
        return false;
    *line = bytes_of(rest->data + prefix, size);
    *rest = bytes_after(*rest, (size_t)prefix + size);
    return true;
}

/* A request that came with the proposal is its own answer, but for status' result code. */
static void on_stream_data(void *context, struct quic_stream *stream, struct bytes data, bool fin)
{
    const struct speaker *speaker = context;
    if (speaker->mute || quic_stream_is_local(stream) || stream->written > 0)
        return;
    struct bytes rest = data, line = {0};
    bool proposed = take_line(&rest, &line);
    if (proposed && take_line(&rest, &line)) {
        quic_stream_write_bytes(stream, bytes_of(data.data, data.size - rest.size));
        if (rest.size > 0 && memmem(line.data, line.size, "status", 6) != NULL)
            quic_stream_write_bytes(stream, bytes_of("", 1));
        data = rest;
    }
    quic_stream_write_bytes(stream, data);
    if (fin)
        quic_stream_finish(stream);
}

static void on_stream_acknowledged(void *context, struct quic_stream *stream)
{
    (void)context, (void)stream;
}

static void on_stream_reset(void *context, struct quic_stream *stream, uint64_t code)
{
    (void)context, (void)stream, (void)code;
}

static void on_stream_closed(void *context, struct quic_stream *stream)
{
    struct speaker *speaker = context;
    size_t i = 0;
    while (i < speaker->stream_count && speaker->streams[i] != stream)
        i++;
    if (i == speaker->stream_count)
        return;
    speaker->stream_count--;
    memmove(speaker->streams + i, speaker->streams + i + 1,
            (speaker->stream_count - i) * sizeof(*speaker->streams));
}

static void on_settle(void *context)
{
    (void)context;
}

static const struct quic_handlers handlers = {
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .stream_opened = on_stream_opened,
    .stream_data = on_stream_data,
    .stream_acknowledged = on_stream_acknowledged,
    .stream_reset = on_stream_reset,
    .stream_stopped = on_stream_acknowledged,
    .stream_closed = on_stream_closed,
    .settle = on_settle,
};

/* ---- beginning and end ---- */

void speaker_begin(struct speaker *speaker, const struct identity *identity,
                   const struct multiaddr *address)
{
    *speaker = (struct speaker){0};
    struct error error;
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.identity = identity;
    settings.handlers = &handlers;
    settings.context = speaker;
    speaker->endpoint = quic_endpoint_new(&settings, &error);
    require(speaker->endpoint != NULL);
    require(quic_endpoint_listen(speaker->endpoint, address, &error));
}

void speaker_end(struct speaker *speaker)
{
    quic_endpoint_free(speaker->endpoint);
}

/* ---- what it is told ---- */

void speaker_dial(struct speaker *speaker, const struct multiaddr *address)
{
    struct error error;
    speaker->connection = quic_endpoint_dial(speaker->endpoint, address, NULL, NULL, &error);
    speaker->dialled = true;
    speaker->established = speaker->confirmed = false;
}

bool speaker_is_live(const struct speaker *speaker)
{
    return speaker->connection != NULL && quic_connection_is_established(speaker->connection);
}

void speaker_ping(struct speaker *speaker)
{
    virtual_loop_run(MOMENT_NS); /* ngtcp2 wants some time to have passed since it last heard */
    if (!speaker_is_live(speaker))
        return;
    quic_connection_probe(speaker->connection);
    virtual_loop_run(MOMENT_NS);
    if (speaker->connection != NULL)
        speaker->connection->silent_at = 0; /* it need not be answered */
}

struct quic_stream *speaker_open(struct speaker *speaker)
{
    struct quic_stream *stream =
        speaker_is_live(speaker) ? quic_stream_open(speaker->connection) : NULL;
    if (stream != NULL)
        keep_stream(speaker, stream);
    return stream;
}

struct quic_stream *speaker_stream(const struct speaker *speaker, size_t index)
{
    struct quic_stream *found[SPEAKER_STREAMS_MAX];
    size_t count = 0;
    for (size_t i = speaker->stream_count; i > 0; i--) {
        if (quic_stream_is_local(speaker->streams[i - 1]) == (index % 2 == 0))
            found[count++] = speaker->streams[i - 1];
    }
    return count > 0 ? found[index / 2 % count] : NULL;
}

static void write_line(struct quic_stream *stream, const char *text)
{
    struct buffer line = {0};
    varint_append(&line, strlen(text) + 1);
    buffer_append_text(&line, text);
    buffer_append_byte(&line, '\n');
    quic_stream_write_bytes(stream, buffer_bytes(&line));
    buffer_clear(&line);
}

void speaker_propose(struct quic_stream *stream, const char *protocol)
{
    write_line(stream, header);
    write_line(stream, protocol);
}
