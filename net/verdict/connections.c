#include "net/verdict/connections.h"

#include <stdlib.h>

#include "common/hash_table.h"

static enum qlog_role opener_of(uint64_t stream_id)
{
    return (stream_id & 1) != 0 ? QLOG_SERVER : QLOG_CLIENT;
}

/* Where neither header nor handshake tells: who was first on a stream opened it. */
static void infer_role(struct qlog_log *log)
{
    for (size_t i = 0; i < log->stream_count && log->role == QLOG_ROLE_UNKNOWN; i++) {
        const struct qlog_stream *stream = log->streams[i];
        double sent = stream->half[QLOG_SENT].began, received = stream->half[QLOG_RECEIVED].began;
        if (sent < 0 && received < 0)
            continue;
        bool ours = received < 0 || (sent >= 0 && sent < received);
        log->role = ours ? opener_of(stream->id) : qlog_other(opener_of(stream->id));
        log->role_inferred = true;
    }
}

static bool same_id(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

struct qlog_connection_name {
    char *id;
    struct qlog_connection *connection;
    UT_hash_handle hh;
};

static struct qlog_connection *find(const struct qlog_connections *connections, const char *id)
{
    struct qlog_connection_name *name = NULL;
    if (id != NULL)
        HASH_FIND_STR(connections->names, id, name);
    return name != NULL ? name->connection : NULL;
}

static void add_name(struct qlog_connections *connections, struct qlog_connection *connection,
                     const char *id)
{
    if (id == NULL || find(connections, id) != NULL)
        return;
    struct qlog_connection_name *name = memory_new(sizeof(*name));
    name->id = text_copy(id);
    name->connection = connection;
    HASH_ADD_KEYPTR(hh, connections->names, name->id, strlen(name->id), name);
}

/* Some servers know a connection by what their Retry named it, and their client tells both ids. */
static struct qlog_connection *find_or_add(struct qlog_connections *connections,
                                           const struct qlog_log *log)
{
    const char *id = qlog_log_id(log);
    struct qlog_connection *connection = find(connections, id);
    if (connection == NULL)
        connection = find(connections, log->retry_id);
    if (connection == NULL) {
        connection = memory_new(sizeof(*connection));
        connections->items =
            memory_resize(connections->items, (connections->count + 1) * sizeof(connection));
        connection->index = connections->count;
        connections->items[connections->count++] = connection;
        qlog_text_set(&connection->id, id);
    }
    if (same_id(connection->id, log->retry_id))
        qlog_text_set(&connection->id, id);
    qlog_text_set(&connection->retry_id, log->retry_id);
    add_name(connections, connection, id);
    add_name(connections, connection, log->retry_id);
    return connection;
}

/* Whether they are parts of one log, of which each says by itself all that is known. */
static bool are_parts(const struct qlog_log *log, const struct qlog_log *other)
{
    return log->part != other->part && !log->carrying && !other->carrying;
}

/* Two logs of one end, such as a copy that was cut off: the longer one tells more. */
static void place(struct qlog_connection *connection, struct qlog_log *log)
{
    enum qlog_role role = log->role;
    if (role == QLOG_ROLE_UNKNOWN)
        role = connection->ends[QLOG_CLIENT] == NULL ? QLOG_CLIENT : QLOG_SERVER;
    struct qlog_log *present = connection->ends[role];
    bool more = present == NULL || present->records < log->records;
    if (present != NULL && are_parts(present, log)) {
        more = log->part > present->part;
        qlog_log_take_over(more ? log : present, more ? present : log);
    }
    if (present != NULL && present->part != log->part)
        (more ? present : log)->superseded = true;
    if (more)
        connection->ends[role] = log;
}

struct qlog_known_file {
    struct qlog_mark mark;
    char *path;
    UT_hash_handle hh;
};

static bool add_file(struct qlog_connections *connections, const char *path, struct qlog_mark mark,
                     const char **duplicate)
{
    struct qlog_known_file *file = NULL;
    HASH_FIND(hh, connections->files, &mark, sizeof(mark), file);
    if (file != NULL) {
        *duplicate = file->path;
        return false;
    }
    file = memory_new(sizeof(*file));
    file->mark = mark;
    file->path = text_copy(path);
    HASH_ADD(hh, connections->files, mark, sizeof(file->mark), file);
    return true;
}

bool qlog_connections_add(struct qlog_connections *connections, const char *path,
                          struct qlog_log *const *logs, size_t count, struct qlog_mark mark,
                          const char **duplicate)
{
    if (!add_file(connections, path, mark, duplicate))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (logs[i]->trace_error != NULL)
            continue; /* it stands where a trace should */
        infer_role(logs[i]);
        place(find_or_add(connections, logs[i]), logs[i]);
    }
    return true;
}

static double shifted(double time, double shift)
{
    return time < 0 ? time : time + shift > 0 ? time + shift : 0;
}

double qlog_on_timeline(const struct qlog_connection *connection, enum qlog_role role, double time)
{
    return shifted(time, connection->shift[role]);
}

static const struct qlog_half *half_in(const struct qlog_log *log, uint64_t id, enum qlog_role role,
                                       enum qlog_role sender)
{
    const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, id) : NULL;
    if (stream == NULL)
        return NULL;
    return &stream->half[role == sender ? QLOG_SENT : QLOG_RECEIVED];
}

/* The clocks of two hosts differ, and a log may begin before the other end is reached: times are
 * joined at the first stream bytes of the client that both saw, and are off by one way's delay. */
static void align(struct qlog_connection *connection)
{
    const struct qlog_log *client = connection->ends[QLOG_CLIENT];
    const struct qlog_log *server = connection->ends[QLOG_SERVER];
    if (client == NULL || server == NULL)
        return;
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < client->stream_count; i++) {
        uint64_t id = client->streams[i]->id;
        const struct qlog_half *sent = half_in(client, id, QLOG_CLIENT, QLOG_CLIENT);
        const struct qlog_half *received = half_in(server, id, QLOG_SERVER, QLOG_CLIENT);
        if (id >= lowest || received == NULL || sent->began < 0 || received->began < 0)
            continue;
        lowest = id;
        connection->shift[QLOG_SERVER] = sent->began - received->began;
    }
}

static void merge_half(struct qlog_half *merged, const struct qlog_half *half, double shift)
{
    if (half == NULL)
        return;
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

/* What one log gives no length of the other may have the whole of. */
static void merge_open(struct qlog_half *merged, const struct qlog_half *half)
{
    if (half == NULL || !half->open || half->open_offset < merged->bytes)
        return;
    merged->open = true;
    merged->open_offset = half->open_offset;
    merged->bytes = half->open_offset;
}

/* The receiver's log knows when the stream arrived. The opener's knows which of its packets were
 * acknowledged: one that was lost arrived later than it was sent. */
static double arrival_of(const struct qlog_connection *connection,
                         const struct qlog_joined_stream *joined)
{
    enum qlog_role receiver = qlog_other(joined->opener);
    const struct qlog_half *half =
        half_in(connection->ends[receiver], joined->id, receiver, joined->opener);
    if (half != NULL && half->began >= 0)
        return shifted(half->began, connection->shift[receiver]);
    const struct qlog_log *log = connection->ends[joined->opener];
    const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, joined->id) : NULL;
    if (stream != NULL && stream->delivered >= 0)
        return shifted(stream->delivered, connection->shift[joined->opener]);
    return joined->half[joined->opener].began;
}

static double answered_of(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *joined)
{
    enum qlog_role receiver = qlog_other(joined->opener);
    const struct qlog_half *half =
        half_in(connection->ends[receiver], joined->id, receiver, receiver);
    return half != NULL ? shifted(half->negotiated, connection->shift[receiver]) : QLOG_NEVER;
}

static double completion_of(const struct qlog_connection *connection,
                            const struct qlog_joined_stream *joined)
{
    enum qlog_role receiver = qlog_other(joined->opener);
    const struct qlog_half *half =
        half_in(connection->ends[joined->opener], joined->id, joined->opener, receiver);
    if (half != NULL)
        return shifted(half->negotiated, connection->shift[joined->opener]);
    half = half_in(connection->ends[receiver], joined->id, receiver, receiver);
    /* What was sent again had been lost. */
    return half != NULL && half->negotiated >= 0
               ? shifted(half->head_last, connection->shift[receiver])
               : QLOG_NEVER;
}

static void join_stream(const struct qlog_connection *connection, struct qlog_joined_stream *joined,
                        uint64_t id)
{
    *joined = (struct qlog_joined_stream){.id = id, .opener = opener_of(id)};
    for (int sender = QLOG_CLIENT; sender <= QLOG_SERVER; sender++) {
        struct qlog_half *half = &joined->half[sender];
        half->first = half->last = half->grew = half->began = half->negotiated = QLOG_NEVER;
        half->head_last = half->fin = half->reset = half->stop = QLOG_NEVER;
        for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
            merge_half(
                half,
                half_in(connection->ends[end], id, (enum qlog_role)end, (enum qlog_role)sender),
                connection->shift[end]);
        for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
            merge_open(half, half_in(connection->ends[end], id, (enum qlog_role)end,
                                     (enum qlog_role)sender));
    }
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_log *log = connection->ends[end];
        const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, id) : NULL;
        joined->claims[end] = stream != NULL ? stream->claims : NULL;
    }
    joined->arrival = arrival_of(connection, joined);
    joined->answered = answered_of(connection, joined);
    joined->completion = completion_of(connection, joined);
}

static void join_streams(struct qlog_connection *connection)
{
    size_t most = 0;
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        most += connection->ends[end] != NULL ? connection->ends[end]->stream_count : 0;
    connection->streams = memory_new((most + 1) * sizeof(*connection->streams));
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_log *log = connection->ends[end];
        for (size_t i = 0; log != NULL && i < log->stream_count; i++) {
            uint64_t id = log->streams[i]->id;
            const struct qlog_log *client = connection->ends[QLOG_CLIENT];
            bool known = end == QLOG_SERVER && client != NULL && qlog_log_find(client, id) != NULL;
            if (!known)
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

static void join_end(struct qlog_connection *connection, enum qlog_role role)
{
    const struct qlog_log *log = connection->ends[role];
    if (log == NULL)
        return;
    double shift = connection->shift[role];
    double closed = shifted(log->close.time, shift);
    double end = shifted(log->end, shift) + log->quiet;
    connection->end = qlog_later(connection->end, end);
    connection->closed = qlog_earlier(connection->closed, closed);
    connection->over =
        qlog_earlier(connection->over, qlog_earlier(closed, shifted(log->keys_gone, shift)));
    connection->active[role] =
        qlog_later(connection->active[role], shifted(log->active[QLOG_SENT], shift));
    enum qlog_role other = qlog_other(role);
    connection->active[other] =
        qlog_later(connection->active[other], shifted(log->active[QLOG_RECEIVED], shift));
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

double qlog_half_ended(const struct qlog_connection *connection,
                       const struct qlog_joined_stream *stream, enum qlog_role role)
{
    const struct qlog_half *half = &stream->half[role];
    double abrupt = qlog_earlier(half->reset, stream->half[qlog_other(role)].stop);
    double teardown = connection->teardown[role];
    double fin = teardown >= 0 && half->fin >= teardown ? QLOG_NEVER : half->fin;
    return qlog_earlier(fin, abrupt);
}

double qlog_half_finished(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *stream, enum qlog_role role)
{
    const struct qlog_half *half = &stream->half[role];
    double ended = qlog_half_ended(connection, stream, role);
    double own = qlog_earlier(half->fin, half->reset), told = stream->half[qlog_other(role)].stop;
    return ended < 0 || own < 0 || (told >= 0 && told <= own) ? QLOG_NEVER : own;
}

bool qlog_claims_decide(const struct qlog_connection *connection, uint64_t stream_id,
                        enum qlog_role end)
{
    const struct qlog_log *log = connection->ends[end];
    const struct qlog_stream *stream = log != NULL ? qlog_log_find(log, stream_id) : NULL;
    if (stream == NULL || !log->has_claims)
        return false;
    double sent = stream->half[QLOG_SENT].negotiated;
    double received = stream->half[QLOG_RECEIVED].negotiated;
    bool settled =
        !qlog_may_go_on(log) || log->end + log->quiet - qlog_later(sent, received) >= QLOG_SETTLING;
    return (stream->claims != NULL && stream->claims->registered >= 0) ||
           (sent >= 0 && received >= 0 && settled);
}

bool qlog_may_go_on(const struct qlog_log *log)
{
    return log->truncated || log->followed;
}

bool qlog_cut_off(const struct qlog_connection *connection)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        if (connection->ends[end] != NULL && !qlog_may_go_on(connection->ends[end]))
            return false;
    return true;
}

static void join(struct qlog_connection *connection)
{
    align(connection);
    connection->over = connection->closed = QLOG_NEVER;
    connection->active[QLOG_CLIENT] = connection->active[QLOG_SERVER] = QLOG_NEVER;
    join_end(connection, QLOG_CLIENT);
    join_end(connection, QLOG_SERVER);
    join_streams(connection);
    qsort(connection->streams, connection->stream_count, sizeof(*connection->streams), by_id);
    /* libp2p has no use for unidirectional streams, HTTP/3 opens three at once. */
    for (size_t i = 0; i < connection->stream_count; i++)
        connection->foreign |= qlog_unidirectional(connection->streams[i].id);
    connection->teardown[QLOG_CLIENT] = teardown_of(connection, QLOG_CLIENT);
    connection->teardown[QLOG_SERVER] = teardown_of(connection, QLOG_SERVER);
}

void qlog_connections_join(struct qlog_connections *connections)
{
    for (size_t i = 0; i < connections->count; i++)
        join(connections->items[i]);
}

static void connection_free(struct qlog_connection *connection)
{
    free(connection->streams);
    free(connection->id);
    free(connection->retry_id);
    free(connection);
}

void qlog_connections_clear(struct qlog_connections *connections)
{
    struct qlog_connection_name *name, *next_name;
    struct qlog_known_file *file, *next_file;
    HASH_ITER(hh, connections->names, name, next_name)
    {
        HASH_DEL(connections->names, name);
        free(name->id);
        free(name);
    }
    HASH_ITER(hh, connections->files, file, next_file)
    {
        HASH_DEL(connections->files, file);
        free(file->path);
        free(file);
    }
    for (size_t i = 0; i < connections->count; i++)
        connection_free(connections->items[i]);
    free(connections->items);
    *connections = (struct qlog_connections){0};
}
