#include "net/api/host_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "net/api/event_json.h"
#include "net/api/status_json.h"
#include "net/gossipsub/refusal.h"

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
    set(object, key, json_integer((json_int_t)count));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- peers, sorted by name ---- */

static int compare_peers(const void *a, const void *b)
{
    return strcmp(((const struct peer_view *)a)->name, ((const struct peer_view *)b)->name);
}

/* Freed with free(). */
static struct peer_view *sorted_peers(const struct host *host)
{
    struct peer_view *peers = memory_new(peer_count(host) * sizeof(*peers));
    size_t count = 0;
    for (struct peer *peer = peer_first(host); peer != NULL; peer = peer_next(peer))
        peers[count++] = peer_view(peer);
    qsort(peers, count, sizeof(*peers), compare_peers);
    return peers;
}

static json_t *connection_json(const struct peer_connection *connection)
{
    struct quic_connection_facts facts;
    peer_connection_facts(connection, &facts);
    char remote[MULTIADDR_TEXT_SIZE];
    facts.remote.has_peer_id = false;
    multiaddr_text(&facts.remote, remote);
    uint64_t age_ms = (clock_now_ns() - facts.started_ns) / 1000000;
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "id", facts.id, "direction",
                     facts.dialled ? "dialled" : "accepted", "remote", remote, "age_ms",
                     (json_int_t)age_ms, "rtt_us", (json_int_t)facts.rtt_us, "bytes_in",
                     (json_int_t)facts.bytes_in, "bytes_out", (json_int_t)facts.bytes_out);
}

static json_t *connections_json(const struct peer *peer)
{
    json_t *connections = json_array();
    const struct peer_connection *connection = NULL;
    while ((connection = peer_connection_after(peer, connection)) != NULL)
        json_array_append_new(connections, connection_json(connection));
    return connections;
}

json_t *host_stream_json(const struct protocol_stream *stream)
{
    struct stream_view view = stream_view(stream);
    struct quic_connection_facts facts;
    peer_connection_facts(view.connection, &facts);
    return json_pack("{s:s, s:I, s:s}", "connection", facts.id, "stream_id", (json_int_t)view.id,
                     "protocol", view.protocol);
}

static json_t *aged_stream_json(const struct protocol_stream *stream)
{
    json_t *object = host_stream_json(stream);
    set_count(object, "age_ms", clock_now_ms() - stream_view(stream).opened_ms);
    return object;
}

static json_t *outbound_json(const struct peer_view *peer)
{
    static const char *const states[] = {[LIFECYCLE_NONE] = "none",
                                         [LIFECYCLE_OPENING] = "opening",
                                         [LIFECYCLE_OPEN] = "open",
                                         [LIFECYCLE_WAITING] = "waiting"};
    json_t *stream = peer->outbound != NULL ? aged_stream_json(peer->outbound) : json_object();
    set(stream, "state", json_string(states[peer->outbound_state]));
    set_count(stream, "opens_avoided", peer->opens_avoided);
    set_count(stream, "unsent",
              gossipsub_peer_unsent(host_router(peer->host), peer->router_handle));
    return stream;
}

static json_t *left_out_json(const struct gossipsub_left_out *left_out)
{
    json_t *object = json_object();
    set_count(object, "ihave", left_out->counts[GOSSIPSUB_IHAVE]);
    set_count(object, "iwant", left_out->counts[GOSSIPSUB_IWANT]);
    set_count(object, "idontwant", left_out->counts[GOSSIPSUB_IDONTWANT]);
    set_count(object, "messages", left_out->counts[GOSSIPSUB_MESSAGES]);
    return object;
}

static json_t *inbound_json(const struct peer_view *peer)
{
    json_t *streams = json_array();
    for (size_t i = 0; i < peer->inbound_count; i++)
        json_array_append_new(streams, aged_stream_json(peer->inbound[i]));
    return streams;
}

static json_t *names_json(const char *const *names, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *protocols_json(const struct identify *identify)
{
    const char **names = memory_new(identify->protocol_count * sizeof(*names));
    for (size_t i = 0; i < identify->protocol_count; i++)
        names[i] = identify->protocols[i];
    qsort(names, identify->protocol_count, sizeof(*names), compare_texts);
    json_t *protocols = names_json(names, identify->protocol_count);
    free(names);
    return protocols;
}

/* The names that host_topic_names() finds. */
static json_t *subscriptions_json(const struct host *host, const struct peer *peer)
{
    size_t count;
    const char **names = host_topic_names(host, peer, &count);
    json_t *topics = names_json(names, count);
    free(names);
    return topics;
}

json_t *host_peer_json(const struct peer *peer)
{
    struct peer_view view = peer_view(peer);
    json_t *object = json_object();
    set(object, "peer_id", json_string(view.name));
    set(object, "key_type", json_string(key_type_name(view.key_type)));
    set(object, "agent", text_or_null(view.identify->agent));
    set(object, "protocols", protocols_json(view.identify));
    set(object, "status", view.status != NULL ? status_json(view.status) : json_null());
    set(object, "subscriptions", subscriptions_json(view.host, peer));
    set(object, "connections", connections_json(peer));
    struct gossipsub_left_out left_out =
        gossipsub_peer_left_out(host_router(view.host), view.router_handle);
    set(object, "outbound_stream", outbound_json(&view));
    set(object, "left_out", left_out_json(&left_out));
    set_count(object, "kept", host_peer_kept(peer));
    set(object, "inbound_streams", inbound_json(&view));
    return object;
}

/* Those of its messages that were rejected, by reason; left out where there were none. */
static void set_refused(json_t *object, const struct peer_view *peer)
{
    const uint64_t *refused = gossipsub_peer_refused(host_router(peer->host), peer->router_handle);
    json_t *counts = json_object();
    for (size_t i = 0; refused != NULL && i < GOSSIPSUB_REFUSALS; i++)
        if (refused[i] > 0)
            set_count(counts, gossipsub_refusal_name(i), refused[i]);
    if (json_object_size(counts) > 0)
        json_object_set(object, "invalid_messages", counts);
    json_decref(counts);
}

/* How many of its topics `subscriptions` lacks; left out where it lacks none. */
static void set_not_kept(json_t *object, const struct peer_view *peer)
{
    size_t count = gossipsub_peer_not_kept(host_router(peer->host), peer->router_handle);
    if (count > 0)
        set_count(object, "subscriptions_not_kept", count);
}

static json_t *peer_list_json(const struct host *host)
{
    struct peer_view *peers = sorted_peers(host);
    json_t *list = json_array();
    for (size_t i = 0; i < peer_count(host); i++) {
        json_t *peer = host_peer_json(peers[i].peer);
        set_refused(peer, &peers[i]);
        set_not_kept(peer, &peers[i]);
        json_array_append_new(list, peer);
    }
    free(peers);
    return list;
}

json_t *host_peers_json(const struct host *host)
{
    return json_pack("{s:o}", "peers", peer_list_json(host));
}

/* ---- topics ---- */

typedef bool (*topic_test)(const struct gossipsub *router, gossipsub_peer peer,
                           gossipsub_topic topic);

static json_t *peers_where(const struct host *host, const struct peer_view *peers, topic_test test,
                           gossipsub_topic topic)
{
    json_t *names = json_array();
    for (size_t i = 0; i < peer_count(host); i++) {
        if (test(host_router(host), peers[i].router_handle, topic))
            json_array_append_new(names, json_string(peers[i].name));
    }
    return names;
}

static json_t *backoff_json(const struct host *host, const struct peer_view *peers,
                            gossipsub_topic topic)
{
    json_t *list = json_array();
    for (size_t i = 0; i < peer_count(host); i++) {
        uint64_t left = gossipsub_backoff_left(host_router(host), clock_now_ms(),
                                               peers[i].router_handle, topic);
        if (left > 0)
            json_array_append_new(list, json_pack("{s:s, s:I}", "peer_id", peers[i].name, "left_ms",
                                                  (json_int_t)left));
    }
    return list;
}

static json_t *topics_json(const struct host *host)
{
    struct gossipsub *router = host_router(host);
    struct peer_view *peers = sorted_peers(host);
    json_t *topics = json_object();
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        if (gossipsub_topic_name(router, topic) == NULL)
            continue;
        json_t *object = json_object();
        set(object, "subscribed", json_boolean(gossipsub_is_subscribed(router, topic)));
        set(object, "mesh", peers_where(host, peers, gossipsub_in_mesh, topic));
        set(object, "subscribers", peers_where(host, peers, gossipsub_peer_is_subscribed, topic));
        set(object, "fanout", peers_where(host, peers, gossipsub_in_fanout, topic));
        set(object, "backoff", backoff_json(host, peers, topic));
        set(topics, gossipsub_topic_name(router, topic), object);
    }
    free(peers);
    return topics;
}

static void set_refusals(json_t *object, const uint64_t *refused)
{
    for (size_t i = 0; i < GOSSIPSUB_REFUSALS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "invalid_%s", gossipsub_refusal_name(i));
        set_count(object, key, refused[i]);
    }
}

static json_t *statistics_json(const struct host *host)
{
    struct gossipsub_statistics gossip;
    gossipsub_statistics(host_router(host), &gossip);
    const struct quic_endpoint_statistics *quic = host_endpoint_statistics(host);
    json_t *object = json_object();
    set_count(object, "rpcs_in", gossip.rpcs_in);
    set_count(object, "rpcs_out", gossip.rpcs_out);
    set_count(object, "messages_in", gossip.messages_in);
    set_count(object, "messages_out", gossip.messages_out);
    set_count(object, "duplicates", gossip.duplicates);
    set_count(object, "invalid", gossip.invalid);
    set_refusals(object, gossip.refused);
    set_count(object, "published", gossip.published);
    set_count(object, "delivered", gossip.delivered);
    set_count(object, "seen", gossip.seen);
    set_count(object, "cached_messages", gossip.cached_messages);
    set_count(object, "cached_bytes", gossip.cached_bytes);
    set_count(object, "backoffs", gossip.backoffs);
    set_count(object, "streams_stalled", gossip.streams_stalled);
    set_count(object, "rpcs_malformed", gossip.rpcs_malformed);
    set_count(object, "subscriptions_not_kept", gossip.subscriptions_not_kept);
    set_count(object, "datagrams_in", quic->datagrams_in);
    set_count(object, "datagrams_out", quic->datagrams_out);
    set_count(object, "bytes_in", quic->bytes_in);
    set_count(object, "bytes_out", quic->bytes_out);
    set_count(object, "datagrams_dropped", quic->datagrams_dropped);
    set_count(object, "retries_sent", quic->retries_sent);
    set_count(object, "resets_sent", quic->resets_sent);
    set_count(object, "datagrams_from_elsewhere", quic->datagrams_from_elsewhere);
    set_count(object, "version_negotiations_sent", quic->version_negotiations_sent);
    return object;
}

static json_t *listen_json(const struct host *host)
{
    json_t *listen = json_array();
    for (size_t i = 0; i < host_listen_count(host); i++) {
        struct multiaddr address = host_listen_address(host, i);
        char text[MULTIADDR_TEXT_SIZE];
        multiaddr_text(&address, text);
        json_array_append_new(listen, json_string(text));
    }
    return listen;
}

static void set_peer_id(json_t *object, const struct host *host)
{
    char peer_id[PEER_ID_TEXT_SIZE];
    peer_id_text(host_peer_id(host), peer_id);
    set(object, "peer_id", json_string(peer_id));
}

static json_t *gossipsub_json(const struct gossipsub_parameters *parameters)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "d", (json_int_t)parameters->d, "d_low",
                     (json_int_t)parameters->d_low, "d_high", (json_int_t)parameters->d_high,
                     "d_lazy", (json_int_t)parameters->d_lazy, "heartbeat_ms",
                     (json_int_t)parameters->heartbeat_ms);
}

json_t *host_mesh_json(const struct host *host)
{
    const struct host_settings *settings = host_settings(host);
    json_t *object = json_object();
    set_peer_id(object, host);
    set(object, "agent", json_string(settings->agent));
    set(object, "network", json_string(settings->network));
    set(object, "gossipsub", gossipsub_json(&settings->gossipsub));
    set(object, "listen", listen_json(host));
    set(object, "status", status_json(&settings->status));
    set(object, "topics", topics_json(host));
    set(object, "peers", peer_list_json(host));
    set(object, "statistics", statistics_json(host));
    return object;
}

static void set_enr(json_t *object, const struct host *host)
{
    char text[ENR_TEXT_SIZE];
    const struct enr record = host_enr(host);
    enr_text(&record, text);
    set(object, "enr", json_string(text));
}

json_t *host_ready_json(const struct host *host, const char *api)
{
    json_t *object = json_object();
    set(object, "event", json_string("ready"));
    event_json_set_time(object, host_enr(host).sequence); /* of its start */
    set_peer_id(object, host);
    set(object, "listen", listen_json(host));
    set_enr(object, host);
    if (api != NULL)
        set(object, "api", json_string(api));
    return object;
}

json_t *host_health_json(const struct host *host, uint64_t uptime_ms)
{
    json_t *object = json_object();
    set(object, "status", json_string("ok"));
    set_peer_id(object, host);
    set(object, "agent", json_string(host_settings(host)->agent));
    set(object, "version", json_string(DEVNET_VERSION));
    set_count(object, "uptime_ms", uptime_ms);
    set_count(object, "peers", peer_count(host));
    set(object, "listen", listen_json(host));
    set_enr(object, host);
    return object;
}
