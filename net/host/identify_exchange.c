/* Identify, both ways: who we are to those who ask, and who they are, asked once a peer. */
#include <stdlib.h>

#include "common/memory.h"
#include "net/host/internal.h"

enum { ANSWER_MS = 10000, OUR_PROTOCOLS_MAX = 16 };

static struct peer *peer_of(const struct protocol_stream *stream)
{
    return stream->connection->peer;
}

/* ---- answering ---- */

static void send_ours(struct protocol_stream *stream)
{
    const struct host *host = stream->connection->host;
    const char *protocols[OUR_PROTOCOLS_MAX];
    struct identify ours = {
        .agent = (char *)(uintptr_t)host->settings.agent,
        .protocol_version = (char *)(uintptr_t) "lean/0.1.0",
        .protocols = (char **)(uintptr_t)protocols,
        .protocol_count = host_protocol_names(host, protocols, OUR_PROTOCOLS_MAX),
        .listen_count = host_listen_count(host),
        .has_observed = true,
    };
    struct bytes key = identity_public_key(host->settings.identity);
    buffer_append(&ours.public_key, key.data, key.size);
    ours.listen = memory_new(ours.listen_count * sizeof(*ours.listen));
    for (size_t i = 0; i < ours.listen_count; i++) {
        ours.listen[i] = host_listen_address(host, i);
        ours.listen[i].has_peer_id = false;
    }
    struct quic_connection_facts facts;
    quic_connection_facts(stream->connection->quic, &facts);
    ours.observed = facts.remote;
    ours.observed.has_peer_id = false;
    struct buffer message = {0};
    identify_encode(&ours, &message);
    protocol_stream_write(stream, buffer_bytes(&message));
    buffer_clear(&message);
    buffer_clear(&ours.public_key);
    free(ours.listen);
}

/* ---- asking ---- */

static void failed(struct protocol_stream *stream, enum protocol_end end, const char *reason)
{
    struct host_event event = {.kind = HOST_IDENTIFY_FAILED,
                               .peer = peer_of(stream),
                               .connection = stream->connection,
                               .end = end,
                               .reason = reason};
    host_tell(stream->connection->host, &event);
}

/* The message is whole at the peer's FIN. */
static void learn(struct protocol_stream *stream)
{
    struct peer *peer = peer_of(stream);
    struct error error;
    struct identify identify = {0};
    if (!identify_decode(buffer_bytes(&stream->input), &identify, &error)) {
        if (stream->outbound)
            failed(stream, PROTOCOL_UNINTELLIGIBLE, error.text);
        protocol_stream_abort(stream, PROTOCOL_UNINTELLIGIBLE);
        return;
    }
    if (stream->outbound)
        identify_clear(&peer->identify); /* an answer is whole, a push is what has changed */
    identify_update(&peer->identify, &identify);
    peer->identified = true;
    struct peer_connection *connection;
    LIST_FOREACH(connection, &peer->connections, link)
    {
        host_log_agent(connection);
    }
    struct host_event event = {
        .kind = HOST_IDENTIFIED, .peer = peer, .connection = stream->connection};
    host_tell(peer->host, &event);
}

static void collect(struct protocol_stream *stream, struct bytes data)
{
    if (stream->input.size + data.size > IDENTIFY_SIZE_MAX) {
        if (stream->outbound)
            failed(stream, PROTOCOL_UNINTELLIGIBLE, "the answer is too large");
        protocol_stream_abort(stream, PROTOCOL_UNINTELLIGIBLE);
        return;
    }
    buffer_append(&stream->input, data.data, data.size);
}

static void on_open(struct protocol_stream *stream)
{
    if (stream->outbound) {
        protocol_stream_deadline(stream, ANSWER_MS);
        return;
    }
    send_ours(stream);
    protocol_stream_finish(stream);
}

static void on_data(struct protocol_stream *stream, struct bytes data)
{
    if (stream->outbound)
        collect(stream, data);
}

static void on_fin(struct protocol_stream *stream)
{
    if (stream->outbound)
        learn(stream);
}

static void on_ended(struct protocol_stream *stream, enum protocol_end end)
{
    /* Asked again on another connection, if there is one. */
    if (stream->outbound && !stream->finished && end == PROTOCOL_CONNECTION_LOST)
        peer_of(stream)->identify_asked = false;
    /* A connection that is gone has nothing to tell; what was learnt was told at the FIN. */
    if (stream->outbound && !stream->finished && end != PROTOCOL_CONNECTION_LOST &&
        end != PROTOCOL_UNINTELLIGIBLE)
        failed(stream, end, protocol_end_text(end));
    else if (stream->outbound && end == PROTOCOL_UNINTELLIGIBLE && !stream->finished &&
             stream->negotiation.state == MULTISTREAM_FAILED)
        failed(stream, end, stream->error.text);
}

const struct protocol identify_protocol = {
    .name = IDENTIFY_PROTOCOL,
    .inbound_role = "response",
    .outbound_role = "request",
    .open = on_open,
    .data = on_data,
    .fin = on_fin,
    .ended = on_ended,
};

void identify_ask(struct peer_connection *connection)
{
    struct protocol_stream *stream = protocol_stream_open(connection, &identify_protocol, NULL);
    if (stream != NULL)
        quic_stream_finish(stream->quic);
}

/* ---- push: the peer tells us of a change ---- */

static void push_fin(struct protocol_stream *stream)
{
    learn(stream);
    protocol_stream_finish(stream);
}

static void push_open(struct protocol_stream *stream)
{
    protocol_stream_deadline(stream, ANSWER_MS);
}

const struct protocol identify_push_protocol = {
    .name = IDENTIFY_PUSH_PROTOCOL,
    .inbound_role = "response",
    .outbound_role = "request",
    .open = push_open,
    .data = collect,
    .fin = push_fin,
};
