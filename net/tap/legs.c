/* What net/quic tells of the legs, of an endpoint whose context is the node that it stands for. */
#include "net/tap/internal.h"

static struct tap_pair *pair_of(const struct quic_connection *connection)
{
    return quic_connection_user(connection);
}

static enum quic_admission on_arrival(void *context, struct quic_connection *connection,
                                      const struct multiaddr *remote, struct quic_policy *policy)
{
    return tap_pair_arrives(context, connection, remote, policy);
}

static bool on_judge(void *context, struct quic_connection *connection, const struct peer_id *peer,
                     enum key_type type, struct error *reason)
{
    (void)context, (void)type;
    struct tap_pair *pair = pair_of(connection);
    return tap_pair_judge(pair, tap_pair_side_of(pair, connection), peer, reason);
}

static void on_established(void *context, struct quic_connection *connection)
{
    (void)context;
    struct tap_pair *pair = pair_of(connection);
    tap_pair_established(pair, tap_pair_side_of(pair, connection));
}

static void on_confirmed(void *context, struct quic_connection *connection)
{
    (void)context, (void)connection;
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    (void)context;
    struct tap_pair *pair = pair_of(connection);
    tap_pair_leg_closed(pair, tap_pair_side_of(pair, connection), close);
}

/* What reaches this leg of a node that does not answer would reach it no more: so nothing is
 * acknowledged to the other. */
static void on_unanswered(void *context, struct quic_connection *connection, bool unanswered)
{
    (void)context;
    struct tap_pair *pair = pair_of(connection);
    enum tap_side side = tap_pair_side_of(pair, connection);
    struct quic_connection *other = pair->legs[tap_other(side)];
    pair->unanswered[side] = unanswered && !pair->unanswered[tap_other(side)];
    if (other != NULL)
        quic_connection_deafen(other, unanswered);
}

static void on_streams_allowed(void *context, struct quic_connection *connection)
{
    (void)context;
    struct tap_pair *pair = pair_of(connection);
    if (!pair->connected)
        return;
    enum tap_side opener = tap_other(tap_pair_side_of(pair, connection));
    tap_streams_open(pair, opener);
    tap_streams_allow(pair, opener);
}

static enum tap_side side_of(const struct tap_stream *stream, const struct quic_stream *on)
{
    return stream->on[TAP_DIALLER] == on ? TAP_DIALLER : TAP_LISTENER;
}

static void on_stream_opened(void *context, struct quic_stream *stream)
{
    (void)context;
    const struct quic_connection *connection = quic_stream_connection(stream);
    struct tap_pair *pair = pair_of(connection);
    tap_stream_opened(pair, tap_pair_side_of(pair, connection), stream);
}

static void on_stream_data(void *context, struct quic_stream *on, struct bytes data, bool fin)
{
    (void)context;
    struct tap_stream *stream = quic_stream_user(on);
    if (stream != NULL)
        tap_stream_data(stream, side_of(stream, on), data, fin);
}

static void on_stream_acknowledged(void *context, struct quic_stream *on)
{
    (void)context;
    struct tap_stream *stream = quic_stream_user(on);
    if (stream != NULL)
        tap_stream_acknowledged(stream, side_of(stream, on));
}

static void on_stream_reset(void *context, struct quic_stream *on, uint64_t code)
{
    (void)context;
    struct tap_stream *stream = quic_stream_user(on);
    if (stream != NULL)
        tap_stream_reset(stream, side_of(stream, on), code);
}

/* The record tells it, with its code. */
static void on_stream_stopped(void *context, struct quic_stream *stream)
{
    (void)context, (void)stream;
}

static void on_stream_closed(void *context, struct quic_stream *on)
{
    (void)context;
    struct tap_stream *stream = quic_stream_user(on);
    if (stream != NULL)
        tap_stream_leg_closed(stream, side_of(stream, on));
}

static void on_record(void *context, struct quic_connection *connection, struct bytes record)
{
    (void)context;
    struct tap_pair *pair = pair_of(connection);
    if (pair != NULL)
        tap_record(pair, tap_pair_side_of(pair, connection), record);
}

static void on_settle(void *context)
{
    const struct tap_node *node = context;
    tap_streams_settle(node->tap);
}

static void on_sent(void *context)
{
    const struct tap_node *node = context;
    struct tap *tap = node->tap;
    tap_streams_settle(tap);
    struct tap_pair *pair, *next;
    for (pair = TAILQ_FIRST(&tap->pairs); pair != NULL && tap->ending_count > 0; pair = next) {
        next = TAILQ_NEXT(pair, link);
        tap_pair_end(pair);
    }
}

const struct quic_handlers tap_handlers = {
    .admit = on_arrival,
    .judge = on_judge,
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .connection_unanswered = on_unanswered,
    .streams_allowed = on_streams_allowed,
    .stream_opened = on_stream_opened,
    .stream_data = on_stream_data,
    .stream_acknowledged = on_stream_acknowledged,
    .stream_reset = on_stream_reset,
    .stream_stopped = on_stream_stopped,
    .stream_closed = on_stream_closed,
    .recorded = on_record,
    .settle = on_settle,
    .sent = on_sent,
};
