#include "net/api/attempt_json.h"

#include "common/clock.h"
#include "net/api/event_json.h"
#include "net/api/host_json.h"

/* ---- what a step has learned ---- */

static json_t *event_json(const struct host_event *event)
{
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    json_object_del(step, "t"); /* the step has its own */
    return step;
}

static json_t *handshake_json(const struct attempt_told *told, const struct host_event *event)
{
    struct quic_connection_facts facts;
    peer_connection_facts(event->connection, &facts);
    json_t *step = event_json(event);
    json_object_set_new(step, "rtt_ms", json_real((double)facts.rtt_us / 1000));
    if (told->existed)
        json_object_set_new(step, "already_connected", json_true());
    return step;
}

static json_t *streams_json(const struct peer *peer)
{
    struct peer_view view = peer_view(peer);
    return json_pack("{s:o, s:o}", "outbound", host_stream_json(view.outbound), "inbound",
                     host_stream_json(view.inbound[0]));
}

static json_t *mesh_json(const struct attempt_told *told)
{
    static const char *const names[] = {
        [GRAFTED_BY_US] = "us", [GRAFTED_BY_PEER] = "peer", [GRAFTED_EARLIER] = "earlier"};
    return json_pack("{s:s, s:s}", "topic", told->topic, "grafted_by", names[told->grafted_by]);
}

static json_t *details_json(const struct attempt_told *told, const struct host_event *event)
{
    if (!told->ok)
        return json_pack("{s:s}", "error", told->text);
    if (told->not_spoken)
        return json_pack("{s:b, s:s}", "not_spoken", 1, "note", told->text);
    switch (told->step) {
    case ATTEMPT_HANDSHAKE:
        return handshake_json(told, event);
    case ATTEMPT_IDENTIFY:
    case ATTEMPT_STATUS:
        return event_json(event);
    case ATTEMPT_STREAMS:
        return streams_json(event->peer);
    case ATTEMPT_MESH:
        return mesh_json(told);
    default:
        return json_object();
    }
}

json_t *attempt_step_json(const struct attempt_told *told, const struct host_event *event)
{
    json_t *step = details_json(told, event);
    json_object_set_new(step, "step", json_string(attempt_step_name(told->step)));
    json_object_set_new(step, "ok", json_boolean(told->ok));
    json_object_set_new(step, "ms", json_real((double)told->after_us / 1000));
    event_json_set_time(step, clock_epoch_ms());
    return step;
}

/* ---- the result ---- */

static json_t *texts_json(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

json_t *attempt_result_json(const struct attempt_result *result, json_t *steps)
{
    json_t *object = json_pack("{s:s?}", "target", result->target);
    if (steps != NULL)
        json_object_set(object, "steps", steps);
    if (result->already_connected)
        json_object_set_new(object, "already_connected", json_true());
    json_t *ours = texts_json(result->our_topics, result->our_topic_count);
    json_t *theirs = texts_json(result->their_topics, result->their_topic_count);
    json_object_set_new(object, "topics", json_pack("{s:o, s:o}", "ours", ours, "theirs", theirs));
    if (result->peer_id != NULL) {
        json_object_set_new(object, "rtt_ms", json_real((double)result->rtt_us / 1000));
        json_object_set_new(object, "peer_id", json_string(result->peer_id));
    }
    json_object_set_new(object, "reached", json_string(result->outcome.reached));
    json_object_set_new(object, "exit", json_integer(result->outcome.exit));
    json_object_set_new(object, "error",
                        result->outcome.error != NULL ? json_string(result->outcome.error)
                                                      : json_null());
    return object;
}
