#include "net/verdict/join.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/verdict/negotiation.h"

static double shifted(double time, double shift)
{
    return time < 0 ? time : time + shift > 0 ? time + shift : 0;
}

double qlog_on_timeline(const struct qlog_connection *connection, enum qlog_role role, double time)
{
    return shifted(time, connection->shift[role]);
}

/* What SENDER sent on the stream, as the log at PLACE has it; NULL where it has no such stream. */
static const struct qlog_half *half_at(const struct qlog_connection *connection, unsigned place,
                                       uint64_t id, enum qlog_role sender)
{
    const struct qlog_log *log = qlog_log_at(connection, place);
    const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, id) : NULL;
    if (stream == NULL)
        return NULL;
    return &stream->half[qlog_role_at(place) == sender ? QLOG_SENT : QLOG_RECEIVED];
}

/* --- One timeline --- */

static bool began_at(const struct qlog_connection *connection, unsigned place, uint64_t id,
                     double *time)
{
    const struct qlog_half *half = half_at(connection, place, id, QLOG_CLIENT);
    *time = half != NULL ? half->began : QLOG_NEVER;
    return *time >= 0;
}

/* What makes the times of the log at PLACE those of the one at EARLIER. The clocks of two hosts
 * differ, and a log may begin before the other end is reached: times are joined at the first stream
 * bytes of the client that both saw, and are off by one way's delay. What a tap stands between is
 * joined where the delay was the shortest: it may have held the first. */
static double apart(const struct qlog_connection *connection, unsigned earlier, unsigned place)
{
    const struct qlog_log *log = qlog_log_at(connection, earlier);
    bool crosses = earlier < 2 && place >= 2 && qlog_is_tapped(connection);
    uint64_t lowest = UINT64_MAX;
    double shift = 0;
    for (size_t i = 0; i < log->stream_count; i++) {
        uint64_t id = log->streams[i]->id;
        double sent, received;
        if (!began_at(connection, earlier, id, &sent) ||
            !began_at(connection, place, id, &received) ||
            (lowest != UINT64_MAX && (crosses ? sent - received <= shift : id >= lowest)))
            continue;
        lowest = id;
        shift = sent - received;
    }
    return shift;
}

/* Both legs' logs are by one clock. */
static bool by_clock(const struct qlog_connection *connection, unsigned earlier, unsigned place,
                     double *shift)
{
    double first = qlog_log_epoch(qlog_log_at(connection, earlier));
    double second = qlog_log_epoch(qlog_log_at(connection, place));
    *shift = second - first;
    return qlog_place_is_tap(earlier) && qlog_place_is_tap(place) && first > 0 && second > 0;
}

/* The first log's times are the connection's. */
static void align(struct qlog_connection *connection)
{
    unsigned earlier = QLOG_PLACES;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        if (qlog_log_at(connection, place) == NULL)
            continue;
        double shift = 0;
        if (earlier < QLOG_PLACES && !by_clock(connection, earlier, place, &shift))
            shift = apart(connection, earlier, place);
        if (earlier < QLOG_PLACES)
            shift += qlog_shift_at(connection, earlier);
        if (qlog_place_is_tap(place))
            connection->tap_shift[place / 2] = shift;
        else
            connection->shift[place / 2] = shift;
        earlier = place;
    }
}

/* --- Streams --- */

static void half_init(struct qlog_half *half)
{
    *half = (struct qlog_half){0};
    half->first = half->last = half->grew = half->began = half->negotiated = QLOG_NEVER;
    half->head_last = half->fin = half->reset = half->stop = QLOG_NEVER;
}

static void merge_half(struct qlog_half *merged, const struct qlog_half *half, double shift)
{
    merged->bytes = half->bytes > merged->bytes ? half->bytes : merged->bytes;
    merged->head |= half->head;
    merged->growths = half->growths > merged->growths ? half->growths : merged->growths;
    merged->said = half->said > merged->said ? half->said : merged->said;
    for (size_t i = 0; i < QLOG_CUTS / 64; i++)
        merged->cuts[i] |= half->cuts[i];
    merged->first = qlog_earlier(merged->first, shifted(half->first, shift));
    merged->last = qlog_later(merged->last, shifted(half->last, shift));
    merged->grew = qlog_later(merged->grew, shifted(half->grew, shift));
    merged->began = qlog_earlier(merged->began, shifted(half->began, shift));
    merged->negotiated = qlog_earlier(merged->negotiated, shifted(half->negotiated, shift));
    merged->head_last = qlog_later(merged->head_last, shifted(half->head_last, shift));
    merged->fin = qlog_earlier(merged->fin, shifted(half->fin, shift));
    merged->reset = qlog_earlier(merged->reset, shifted(half->reset, shift));
    merged->stop = qlog_earlier(merged->stop, shifted(half->stop, shift));
    merged->final_size = half->fin >= 0 ? half->final_size : merged->final_size;
    merged->final_size_changed |= half->final_size_changed;
}

/* What one log gives no length of the other may have the whole of, or know to be empty: it has the
 * FIN that comes with it or before it. */
static void merge_open(struct qlog_half *merged, const struct qlog_half *half,
                       const struct qlog_half *other)
{
    bool ended =
        other != NULL && !other->open && other->fin >= 0 && other->final_size <= half->open_offset;
    if (!half->open || half->open_offset < merged->bytes || ended)
        return;
    merged->open = true;
    merged->open_offset = half->open_offset;
    merged->open_limit = half->open_limit;
    merged->bytes = half->open_offset;
}

/* What SENDER sent, as two logs have it; false where neither has the stream. */
static bool merge_places(const struct qlog_connection *connection, const unsigned *places,
                         uint64_t id, enum qlog_role sender, struct qlog_half *merged)
{
    bool found = false;
    half_init(merged);
    for (int i = 0; i < 2; i++) {
        const struct qlog_half *half = half_at(connection, places[i], id, sender);
        if (half != NULL)
            merge_half(merged, half, qlog_shift_at(connection, places[i]));
        found |= half != NULL;
    }
    for (int i = 0; i < 2; i++) {
        const struct qlog_half *half = half_at(connection, places[i], id, sender);
        if (half != NULL)
            merge_open(merged, half, half_at(connection, places[1 - i], id, sender));
    }
    return found;
}

/* Whether the log goes up to now, or to its owner's end. */
static bool is_up_to_date(const struct qlog_log *log)
{
    return !log->truncated || log->followed;
}

/* Whether one of two logs would have what came there of the stream. */
static bool tell(const struct qlog_connection *connection, const unsigned *places, uint64_t id)
{
    for (int i = 0; i < 2; i++) {
        const struct qlog_log *log = qlog_log_at(connection, places[i]);
        if (log != NULL && is_up_to_date(log) && !qlog_log_is_forgotten(log, id))
            return true;
    }
    return false;
}

/* Two legs: what was sent is told by the one to the sender, when it ended by the one to the
 * receiver. Where that has less, a tap holds the rest, or it was under way; where it has more, the
 * other log was cut off. */
static void merge_legs(struct qlog_joined_stream *joined, enum qlog_role sender,
                       const struct qlog_half *near, const struct qlog_half *far)
{
    struct qlog_half *half = &joined->half[sender];
    *half = *near;
    if (far->bytes > near->bytes) {
        merge_half(half, far, 0);
        merge_open(half, far, near);
    }
    half->fin = far->fin >= 0 ? far->fin : near->fin;
    half->reset = far->reset >= 0 ? far->reset : near->reset;
    half->stop = far->stop >= 0 ? far->stop : near->stop;
    half->final_size = far->fin >= 0 ? far->final_size : near->final_size;
    half->final_size_changed |= far->final_size_changed;
}

/* What has not come as far as to the receiver's leg. */
static void find_held(struct qlog_joined_stream *joined, enum qlog_role sender,
                      const struct qlog_half *near, const struct qlog_half *far)
{
    joined->reached[sender] = far->bytes;
    joined->end_held[sender] =
        far->reset < 0 && ((near->fin >= 0 && far->fin < 0) || near->reset >= 0);
}

static void join_half(const struct qlog_connection *connection, struct qlog_joined_stream *joined,
                      enum qlog_role sender)
{
    static const unsigned legs[2][2] = {{0, 1}, {3, 2}}, ends[2] = {0, 3};
    const unsigned *near = legs[sender], *far = legs[qlog_other(sender)];
    struct qlog_half by_near, by_far, *half = &joined->half[sender];
    if (!qlog_is_tapped(connection)) {
        merge_places(connection, ends, joined->id, sender, half);
        joined->reached[sender] = half->bytes;
        return;
    }
    bool is_near = merge_places(connection, near, joined->id, sender, &by_near);
    merge_places(connection, far, joined->id, sender, &by_far);
    *half = by_far;
    if (is_near)
        merge_legs(joined, sender, &by_near, &by_far);
    joined->reached[sender] = half->bytes;
    if (is_near && tell(connection, far, joined->id))
        find_held(joined, sender, &by_near, &by_far);
}

/* The place of the COUNTth log from ROLE's end on. */
static unsigned place_from(enum qlog_role role, unsigned count)
{
    return role == QLOG_CLIENT ? count : QLOG_PLACES - 1 - count;
}

/* The receiver's log knows when the stream arrived, or a tap's beside it. The opener's knows which
 * of its packets were acknowledged: one that was lost arrived later than it was sent. */
static double arrival_of(const struct qlog_connection *connection,
                         const struct qlog_joined_stream *joined)
{
    for (unsigned i = 0; i < QLOG_PLACES; i++) {
        unsigned place = place_from(qlog_other(joined->opener), i);
        const struct qlog_log *log = qlog_log_at(connection, place);
        const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, joined->id) : NULL;
        bool receives = qlog_role_at(place) != joined->opener;
        if (stream == NULL)
            continue;
        double time = receives ? stream->half[QLOG_RECEIVED].began : stream->delivered;
        if (time >= 0)
            return shifted(time, qlog_shift_at(connection, place));
        if (qlog_place_is_tap(place) && !receives && stream->half[QLOG_SENT].began >= 0)
            return shifted(stream->half[QLOG_SENT].began, qlog_shift_at(connection, place));
    }
    return joined->half[joined->opener].began;
}

/* When the COUNTth log from the receiver's end on had the whole answer. */
static double answered_at(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *joined, unsigned count)
{
    enum qlog_role receiver = qlog_other(joined->opener);
    unsigned place = place_from(receiver, count);
    const struct qlog_half *half = half_at(connection, place, joined->id, receiver);
    return half != NULL ? shifted(half->negotiated, qlog_shift_at(connection, place)) : QLOG_NEVER;
}

static double completion_of(const struct qlog_connection *connection,
                            const struct qlog_joined_stream *joined)
{
    enum qlog_role receiver = qlog_other(joined->opener);
    for (unsigned i = 0; i < QLOG_PLACES; i++) {
        unsigned place = place_from(joined->opener, i);
        const struct qlog_half *half = half_at(connection, place, joined->id, receiver);
        const struct qlog_log *log = qlog_log_at(connection, place);
        if (half == NULL || (half->negotiated < 0 &&
                             (half->open || (qlog_is_tapped(connection) && !is_up_to_date(log)))))
            continue; /* another may tell */
        /* What was sent again had been lost. */
        bool sends = qlog_role_at(place) == receiver;
        double time = !sends || half->negotiated < 0 ? half->negotiated : half->head_last;
        return shifted(time, qlog_shift_at(connection, place));
    }
    return QLOG_NEVER;
}

/* Both legs heard the same; one of their logs may be cut off. */
static const struct qlog_heard *heard_of(const struct qlog_connection *connection, uint64_t id)
{
    const struct qlog_heard *found = NULL;
    for (int leg = QLOG_CLIENT; leg <= QLOG_SERVER; leg++) {
        const struct qlog_log *log = connection->taps[leg];
        const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, id) : NULL;
        const struct qlog_heard *heard = stream != NULL ? stream->heard : NULL;
        if (heard != NULL && (found == NULL || found->negotiated < 0))
            found = heard;
    }
    return found;
}

static void join_stream(const struct qlog_connection *connection, struct qlog_joined_stream *joined,
                        uint64_t id)
{
    *joined = (struct qlog_joined_stream){.id = id, .opener = qlog_opener_of(id)};
    join_half(connection, joined, QLOG_CLIENT);
    join_half(connection, joined, QLOG_SERVER);
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_log *log = connection->ends[end];
        const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, id) : NULL;
        joined->claims[end] = stream != NULL ? stream->claims : NULL;
    }
    joined->heard = heard_of(connection, id);
    joined->arrival = arrival_of(connection, joined);
    joined->answered = answered_at(connection, joined, 0);
    joined->completion = completion_of(connection, joined);
    joined->back = answered_at(connection, joined, 1);
    joined->back = joined->back >= 0 ? joined->back : joined->completion;
}

static bool is_known_before(const struct qlog_connection *connection, unsigned place, uint64_t id)
{
    for (unsigned i = 0; i < place; i++)
        if (qlog_log_at(connection, i) != NULL &&
            qlog_log_find(qlog_log_at(connection, i), id) != NULL)
            return true;
    return false;
}

static void join_streams(struct qlog_connection *connection)
{
    size_t most = 0;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        most += log != NULL ? log->stream_count : 0;
    }
    connection->streams = memory_new((most + 1) * sizeof(*connection->streams));
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        for (size_t i = 0; log != NULL && i < log->stream_count; i++) {
            uint64_t id = log->streams[i]->id;
            if (!is_known_before(connection, place, id))
                join_stream(connection, &connection->streams[connection->stream_count++], id);
        }
    }
}

static int by_id(const void *a, const void *b)
{
    uint64_t first = ((const struct qlog_joined_stream *)a)->id;
    uint64_t second = ((const struct qlog_joined_stream *)b)->id;
    return first < second ? -1 : first > second;
}

/* --- Its end --- */

/* The last packet that ROLE sent: a leg that it has no part in goes on without it. */
static double last_sent(const struct qlog_connection *connection, enum qlog_role role)
{
    double last = QLOG_NEVER;
    for (unsigned i = 0; i < QLOG_PLACES; i++) {
        unsigned place = place_from(role, i);
        const struct qlog_log *log = qlog_log_at(connection, place);
        if (i == 2 && last >= 0 && qlog_is_tapped(connection))
            break;
        if (log == NULL)
            continue;
        bool sends = qlog_role_at(place) == role;
        double active = log->active[sends ? QLOG_SENT : QLOG_RECEIVED];
        last = qlog_later(last, shifted(active, qlog_shift_at(connection, place)));
    }
    return last;
}

static void join_end(struct qlog_connection *connection, unsigned place)
{
    const struct qlog_log *log = qlog_log_at(connection, place);
    if (log == NULL)
        return;
    double shift = qlog_shift_at(connection, place);
    double closed = shifted(log->close.time, shift);
    double end = shifted(log->end, shift) + log->quiet;
    connection->end = qlog_later(connection->end, end);
    connection->closed = qlog_earlier(connection->closed, closed);
    connection->over =
        qlog_earlier(connection->over, qlog_earlier(closed, shifted(log->keys_gone, shift)));
    double idle = qlog_later(shifted(log->active[QLOG_SENT], shift),
                             shifted(log->active[QLOG_RECEIVED], shift)) +
                  log->idle_limit;
    if (log->idle_limit > 0 && end >= idle)
        connection->over = qlog_earlier(connection->over, idle);
    connection->foreign |= log->foreign;
    if (connection->epoch <= 0 && qlog_log_epoch(log) > 0)
        connection->epoch = qlog_log_epoch(log) - shift;
}

/* Closing a connection puts a FIN on every stream first, on the reverse half of the peer's
 * gossipsub stream too, which nobody ends otherwise: so it shows even where CONNECTION_CLOSE was
 * lost. */
static double farewell(const struct qlog_connection *connection, enum qlog_role end)
{
    double first = QLOG_NEVER, grew = QLOG_NEVER;
    for (size_t i = 0; i < connection->stream_count; i++) {
        const struct qlog_joined_stream *stream = &connection->streams[i];
        const struct qlog_half *half = &stream->half[end];
        grew = qlog_later(grew, half->grew);
        double asked = stream->half[stream->opener].fin;
        bool answers = asked >= 0 && asked < half->fin;
        if (stream->opener != end && half->bytes == QLOG_NEGOTIATION_SIZE && !answers)
            first = qlog_earlier(first, half->fin);
    }
    return first >= 0 && grew < first + QLOG_TEARDOWN ? first : QLOG_NEVER;
}

static double teardown_of(const struct qlog_connection *connection, enum qlog_role end)
{
    double closed = connection->closed, goodbye = farewell(connection, end), last = closed;
    if (goodbye >= 0 && closed < goodbye + QLOG_FAREWELL)
        last = qlog_earlier(goodbye, closed);
    if (last < 0)
        return QLOG_NEVER;
    return last > QLOG_TEARDOWN ? last - QLOG_TEARDOWN : 0;
}

/* --- Its protocol --- */

/* By what a log says of itself, or by what its streams look like. */
static bool is_libp2p(const struct qlog_connection *connection)
{
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        if (log != NULL && (log->libp2p || log->has_claims || log->leg != QLOG_NO_TAP))
            return true;
    }
    for (size_t i = 0; i < connection->stream_count; i++)
        if (qlog_is_multistream(&connection->streams[i]))
            return true;
    return false;
}

/* libp2p has no use for such streams, HTTP/3 opens three at once. */
static bool has_unidirectional(const struct qlog_connection *connection)
{
    for (size_t i = 0; i < connection->stream_count; i++)
        if (qlog_unidirectional(connection->streams[i].id))
            return true;
    return false;
}

void qlog_join(struct qlog_connection *connection)
{
    align(connection);
    connection->over = connection->closed = QLOG_NEVER;
    for (unsigned place = 0; place < QLOG_PLACES; place++)
        join_end(connection, place);
    connection->active[QLOG_CLIENT] = last_sent(connection, QLOG_CLIENT);
    connection->active[QLOG_SERVER] = last_sent(connection, QLOG_SERVER);
    join_streams(connection);
    qsort(connection->streams, connection->stream_count, sizeof(*connection->streams), by_id);
    connection->foreign |= has_unidirectional(connection) && !is_libp2p(connection);
    connection->teardown[QLOG_CLIENT] = teardown_of(connection, QLOG_CLIENT);
    connection->teardown[QLOG_SERVER] = teardown_of(connection, QLOG_SERVER);
}
