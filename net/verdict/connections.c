#include "net/verdict/connections.h"

#include <stdlib.h>

#include "common/hash_table.h"
#include "net/verdict/join.h"

/* What the log's owner is by that stream: who was first on it opened it. */
static enum qlog_role role_by(const struct qlog_stream *stream)
{
    double sent = stream->half[QLOG_SENT].began, received = stream->half[QLOG_RECEIVED].began;
    if (sent < 0 && received < 0)
        return QLOG_ROLE_UNKNOWN;
    bool ours = received < 0 || (sent >= 0 && sent < received);
    return ours ? qlog_opener_of(stream->id) : qlog_other(qlog_opener_of(stream->id));
}

/* Where the header does not tell: most streams do, as the first Initial of a log that misses the
 * beginning may be the server's. Where as many say so as not, that one tells, or the first stream.
 */
static void infer_role(struct qlog_log *log)
{
    if (log->role != QLOG_ROLE_UNKNOWN && !log->role_inferred)
        return;
    size_t count[2] = {0};
    enum qlog_role role = log->role;
    for (size_t i = 0; i < log->stream_count; i++) {
        enum qlog_role by = role_by(log->streams[i]);
        if (role == QLOG_ROLE_UNKNOWN)
            role = by;
        if (by != QLOG_ROLE_UNKNOWN)
            count[by]++;
    }
    if (role == QLOG_ROLE_UNKNOWN)
        return;
    log->role = count[qlog_other(role)] > count[role] ? qlog_other(role) : role;
    log->role_inferred = true;
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

/* Two logs of one end or leg, such as a copy that was cut off: the longer one tells more. */
static void place(struct qlog_connection *connection, struct qlog_log *log)
{
    enum qlog_role role = log->role;
    if (role == QLOG_ROLE_UNKNOWN)
        role = connection->ends[QLOG_CLIENT] == NULL ? QLOG_CLIENT : QLOG_SERVER;
    struct qlog_log **place = &connection->ends[role];
    if (log->leg != QLOG_NO_TAP)
        place = &connection->taps[log->leg == QLOG_FRONT ? QLOG_CLIENT : QLOG_SERVER];
    struct qlog_log *present = *place;
    bool more = present == NULL || present->records < log->records;
    if (present != NULL && are_parts(present, log)) {
        more = log->part > present->part;
        qlog_log_take_over(more ? log : present, more ? present : log);
    }
    if (present != NULL && present->part != log->part)
        (more ? present : log)->superseded = true;
    if (more)
        *place = log;
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
    bool by_other = told >= 0 && told <= own;
    return ended < 0 || own < 0 || by_other || stream->end_held[role] ? QLOG_NEVER : own;
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

const char *qlog_peer_of(const struct qlog_connection *connection, enum qlog_role role)
{
    const struct qlog_log *own = connection->ends[role];
    const struct qlog_log *other = connection->ends[qlog_other(role)];
    if (own != NULL && own->local_peer != NULL)
        return own->local_peer;
    if (other != NULL && other->peer != NULL)
        return other->peer;
    for (int leg = QLOG_CLIENT; leg <= QLOG_SERVER; leg++)
        if (connection->taps[leg] != NULL && connection->taps[leg]->nodes[role].peer != NULL)
            return connection->taps[leg]->nodes[role].peer;
    return NULL;
}

const char *qlog_node_name_of(const struct qlog_connection *connection, enum qlog_role role)
{
    for (int leg = QLOG_CLIENT; leg <= QLOG_SERVER; leg++)
        if (connection->taps[leg] != NULL && connection->taps[leg]->nodes[role].name != NULL)
            return connection->taps[leg]->nodes[role].name;
    return NULL;
}

bool qlog_may_go_on(const struct qlog_log *log)
{
    return log->truncated || log->followed;
}

bool qlog_cut_off(const struct qlog_connection *connection)
{
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        if (log != NULL && !qlog_may_go_on(log))
            return false;
    }
    return true;
}

void qlog_connections_join(struct qlog_connections *connections)
{
    for (size_t i = 0; i < connections->count; i++)
        qlog_join(connections->items[i]);
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
