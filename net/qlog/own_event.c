#include "net/qlog/own_event.h"

#include <string.h>

#include "net/qlog/events.h"
#include "net/qlog/json.h"

static const char of_nodes[] = "libp2p:", of_taps[] = "tap:";

static bool begins_with(struct bytes name, const char *start)
{
    return name.size >= strlen(start) && memcmp(name.data, start, strlen(start)) == 0;
}

bool qlog_own_event_is(struct bytes name)
{
    return begins_with(name, of_nodes) || begins_with(name, of_taps);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* --- A node's --- */

static void read_claim(struct qlog_claims *claims, double time, const char *name,
                       const json_t *data)
{
    if (strcmp(name, QLOG_STREAM_OPENED) == 0)
        claims->opened = time;
    else if (strcmp(name, QLOG_STREAM_NEGOTIATED) == 0)
        claims->negotiated = time;
    else if (strcmp(name, QLOG_NEGOTIATION_FAILED) == 0)
        claims->failed = time;
    else if (strcmp(name, QLOG_STREAM_REGISTERED) == 0)
        claims->registered = time;
    else if (strcmp(name, QLOG_STREAM_DEREGISTERED) == 0)
        claims->deregistered = time;
    else if (strcmp(name, QLOG_STREAM_CLOSED) == 0)
        claims->closed = time;
    qlog_text_set(&claims->protocol, text_of(data, "protocol"));
    qlog_text_set(&claims->role, text_of(data, "role"));
    qlog_text_set(&claims->peer, text_of(data, "peer"));
    qlog_text_set(&claims->reason, text_of(data, "reason"));
}

static bool read_nodes(struct qlog_log *log, double time, const char *name, const json_t *data,
                       struct error *error)
{
    log->has_claims = true;
    if (strcmp(name, QLOG_PEER_IDENTIFIED) == 0) {
        qlog_text_set(&log->peer, text_of(data, "peer"));
        qlog_text_set(&log->local_peer, text_of(data, "local_peer"));
        return true;
    }
    if (strcmp(name, QLOG_PEER_AGENT) == 0)
        qlog_text_set(&log->agent, text_of(data, "agent"));
    uint64_t id;
    if (!qlog_json_number(data, "stream_id", &id) || qlog_log_is_forgotten(log, id))
        return true;
    struct qlog_claims *claims = qlog_log_claims(log, id, error);
    if (claims != NULL)
        read_claim(claims, time, name, data);
    return claims != NULL;
}

/* --- A tap's --- */

static void read_connection(struct qlog_log *log, const json_t *data)
{
    const char *leg = text_of(data, "leg");
    if (leg == NULL)
        return;
    log->leg = strcmp(leg, "front") == 0 ? QLOG_FRONT : QLOG_BACK;
    qlog_text_set(&log->nodes[QLOG_CLIENT].name, text_of(data, "dialler"));
    qlog_text_set(&log->nodes[QLOG_CLIENT].peer, text_of(data, "dialler_peer"));
    qlog_text_set(&log->nodes[QLOG_SERVER].name, text_of(data, "listener"));
    qlog_text_set(&log->nodes[QLOG_SERVER].peer, text_of(data, "listener_peer"));
}

static void read_agent(struct qlog_log *log, const json_t *data)
{
    const char *node = text_of(data, "node");
    for (int i = QLOG_CLIENT; i <= QLOG_SERVER && node != NULL; i++)
        if (log->nodes[i].name != NULL && strcmp(log->nodes[i].name, node) == 0)
            qlog_text_set(&log->nodes[i].agent, text_of(data, "agent"));
}

static void read_heard(struct qlog_heard *heard, double time, const char *name, const json_t *data)
{
    const char *protocol = text_of(data, "protocol");
    if (strcmp(name, QLOG_TAP_STREAM_PROPOSED) == 0 && protocol != NULL)
        heard->proposed += strlen(protocol) + 2; /* its length before it, a newline behind it */
    if (strcmp(name, QLOG_TAP_STREAM_NEGOTIATED) == 0)
        heard->negotiated = time;
    else if (strcmp(name, QLOG_TAP_NEGOTIATION_REFUSED) == 0)
        heard->refused = time;
    else if (heard->negotiated >= 0)
        return;
    qlog_text_set(&heard->protocol, protocol);
}

static bool read_taps(struct qlog_log *log, double time, const char *name, const json_t *data,
                      struct error *error)
{
    uint64_t id;
    if (strcmp(name, QLOG_TAP_CONNECTION) == 0)
        read_connection(log, data);
    else if (strcmp(name, QLOG_TAP_NODE_AGENT) == 0)
        read_agent(log, data);
    if (!qlog_json_number(data, "stream_id", &id) || qlog_log_is_forgotten(log, id))
        return true;
    struct qlog_heard *heard = qlog_log_heard(log, id, error);
    if (heard != NULL)
        read_heard(heard, time, name, data);
    return heard != NULL;
}

bool qlog_own_event_read(struct qlog_log *log, double time, const char *name, const json_t *data,
                         struct error *error)
{
    return begins_with(bytes_of_text(name), of_taps) ? read_taps(log, time, name, data, error)
                                                     : read_nodes(log, time, name, data, error);
}
