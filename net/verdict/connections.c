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

static bool is_both_ways(const struct qlog_stream *stream)
{
    return stream->half[QLOG_SENT].began >= 0 && stream->half[QLOG_RECEIVED].began >= 0;
}

/* Where the header does not tell: most streams do, as the first Initial of a log that misses the
 * beginning may be the server's. Where as many say so as not, that one tells, or the first stream.
 */
static void infer_role(struct qlog_log *log)
{
    if (log->role != QLOG_ROLE_UNKNOWN && !log->role_inferred)
        return;
    size_t count[2] = {0};
    enum qlog_role role = log->guess; /* and not what was inferred before: the log may grow */
    for (size_t i = 0; i < log->stream_count; i++) {
        enum qlog_role by = role_by(log->streams[i]);
        if (role == QLOG_ROLE_UNKNOWN)
            role = by;
        /* Where one way is missing, what the other answered on looks as if it had begun there. */
        if (by != QLOG_ROLE_UNKNOWN &&
            (log->guess == QLOG_ROLE_UNKNOWN || is_both_ways(log->streams[i])))
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

/* The original destination connection id, which the client's first Initial has; NULL where the log
 * does not begin with that. */
static const char *client_id(const struct qlog_log *log)
{
    bool by_client =
        log->role != QLOG_ROLE_UNKNOWN && (log->role == QLOG_CLIENT) == log->initial_sent;
    return by_client && log->leg == QLOG_NO_TAP ? log->initial_id : NULL;
}

/* Logs of several connections may name one group, such as a run, as their id. */
static bool is_another(const struct qlog_connection *connection, const struct qlog_log *log)
{
    const char *known = connection->initial_id, *own = client_id(log), *id = qlog_log_id(log);
    return known != NULL && own != NULL && log->original_id == NULL && !same_id(known, own) &&
           !same_id(known, id) && !same_id(own, id) && !same_id(connection->retry_id, own) &&
           !same_id(log->retry_id, known);
}

static struct qlog_connection *new_connection(struct qlog_connections *connections, const char *id)
{
    struct qlog_connection *connection = memory_new(sizeof(*connection));
    connections->items =
        memory_resize(connections->items, (connections->count + 1) * sizeof(connection));
    connection->index = connections->count;
    connections->items[connections->count++] = connection;
    qlog_text_set(&connection->id, id);
    return connection;
}

/* The connection that the log is of, where FIRST goes by the name that it gives, and none by its
 * own: the one that its Retry tells, or else a new one. Then each goes by its own. */
static struct qlog_connection *choose(struct qlog_connections *connections,
                                      struct qlog_connection *first, const struct qlog_log *log)
{
    if (!is_another(first, log))
        return first;
    struct qlog_connection *retried = find(connections, log->retry_id);
    if (retried != NULL && !is_another(retried, log))
        return retried;
    qlog_text_set(&first->id, first->initial_id);
    return new_connection(connections, client_id(log));
}

/* Some servers know a connection by what their Retry named it, and their client tells both ids. */
static struct qlog_connection *find_or_add(struct qlog_connections *connections,
                                           const struct qlog_log *log)
{
    const char *id = qlog_log_id(log);
    const char *client = log->original_id == NULL ? client_id(log) : NULL;
    struct qlog_connection *named = find(connections, id), *connection = find(connections, client);
    if (named == NULL)
        named = find(connections, log->retry_id);
    if (connection == NULL && named != NULL)
        connection = choose(connections, named, log);
    else if (connection == NULL)
        connection = new_connection(connections, id);
    if (same_id(connection->id, log->retry_id))
        qlog_text_set(&connection->id, id);
    qlog_text_set(&connection->retry_id, log->retry_id);
    if (connection->initial_id == NULL)
        connection->initial_id = client_id(log);
    add_name(connections, connection, id);
    add_name(connections, connection, log->retry_id);
    /* Each end may call it by a group of its own. */
    add_name(connections, connection, client);
    add_name(connections, connection, connection->initial_id);
    return connection;
}

/* Whether they are parts of one log, of which each says by itself all that is known. */
static bool are_parts(const struct qlog_log *log, const struct qlog_log *other)
{
    return log->part != other->part && !log->carrying && !other->carrying;
}

/* Whether what passed one way is in the other, too, at the same time of the same clock. */
static bool has_half(const struct qlog_half *half, double origin, const struct qlog_half *other,
                     double other_origin)
{
    double apart = origin + half->began - other_origin - other->began;
    bool same_time = half->began < 0 || other->began < 0 || (apart > -1 && apart < 1);
    return same_time && (half->bytes <= other->bytes || other->open) &&
           (half->fin < 0 || other->fin >= 0) && (half->reset < 0 || other->reset >= 0) &&
           (half->stop < 0 || other->stop >= 0);
}

/* Whether OTHER says all that LOG does. */
static bool is_copy(const struct qlog_log *log, const struct qlog_log *other)
{
    for (size_t i = 0; i < log->stream_count; i++) {
        const struct qlog_stream *stream = log->streams[i];
        const struct qlog_stream *same = qlog_log_find(other, stream->id);
        if (same == NULL && qlog_log_is_forgotten(other, stream->id))
            continue;
        for (int way = QLOG_SENT; way <= QLOG_RECEIVED; way++)
            if (same == NULL ||
                !has_half(&stream->half[way], log->origin, &same->half[way], other->origin))
                return false;
    }
    return true;
}

/* Notes which log of the same end is left out, where it is no part of the other. */
static void leave_out(struct qlog_connections *connections, const struct qlog_log **displaced,
                      const struct qlog_log *log, const struct qlog_log *of)
{
    if (!is_copy(log, of)) {
        *displaced = log;
        return;
    }
    connections->copies = memory_resize(connections->copies, (connections->copy_count + 1) *
                                                                 sizeof(*connections->copies));
    connections->copies[connections->copy_count++] = (struct qlog_copy){log, of};
}

/* As qlog_log_at() counts them. */
static unsigned place_of(const struct qlog_connection *connection, const struct qlog_log *log)
{
    if (log->leg != QLOG_NO_TAP)
        return log->leg == QLOG_FRONT ? 1 : 2;
    enum qlog_role role = log->role;
    if (role == QLOG_ROLE_UNKNOWN)
        role = connection->ends[QLOG_CLIENT] == NULL ? QLOG_CLIENT : QLOG_SERVER;
    return role == QLOG_CLIENT ? 0 : QLOG_PLACES - 1;
}

/* Two logs of one end or leg, such as a copy that was cut off: the longer one tells more. */
static void place(struct qlog_connections *connections, struct qlog_connection *connection,
                  struct qlog_log *log)
{
    unsigned index = place_of(connection, log);
    struct qlog_log **place =
        qlog_place_is_tap(index) ? &connection->taps[index / 2] : &connection->ends[index / 2];
    struct qlog_log *present = *place;
    bool more = present == NULL || present->records < log->records;
    if (present != NULL && are_parts(present, log)) {
        more = log->part > present->part;
        qlog_log_take_over(more ? log : present, more ? present : log);
    }
    if (present != NULL && present->part != log->part)
        (more ? present : log)->superseded = true;
    else if (present != NULL)
        leave_out(connections, &connection->displaced[index], more ? present : log,
                  more ? log : present);
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
        qlog_log_settle(logs[i]);
        infer_role(logs[i]);
        place(connections, find_or_add(connections, logs[i]), logs[i]);
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
    free(connections->copies);
    *connections = (struct qlog_connections){0};
}
