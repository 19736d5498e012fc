#include "net/api/event_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "net/api/block_json.h"
#include "net/api/host_json.h"
#include "net/api/message_json.h"
#include "net/api/status_json.h"
#include "net/gossipsub/refusal.h"

enum { SHOWN_PAYLOAD_MAX = 4096 }; /* larger messages are told without their data */

static const char *const names[] = {
    [HOST_CONNECTED] = "connected",
    [HOST_CONFIRMED] = "confirmed",
    [HOST_DIAL_FAILED] = "dial_failed",
    [HOST_ACCEPT_FAILED] = "accept_failed",
    [HOST_STATUS] = "status",
    [HOST_STATUS_FAILED] = "status_failed",
    [HOST_IDENTIFIED] = "identified",
    [HOST_IDENTIFY_FAILED] = "identify_failed",
    [HOST_PONG] = "pong",
    [HOST_PING_FAILED] = "ping_failed",
    [HOST_STREAM_OPENED] = "stream_opened",
    [HOST_STREAM_REFUSED] = "stream_refused",
    [HOST_STREAM_CLOSED] = "stream_closed",
    [HOST_SUBSCRIBED] = "subscribed",
    [HOST_UNSUBSCRIBED] = "unsubscribed",
    [HOST_MESH_JOINED] = "mesh_joined",
    [HOST_MESH_LEFT] = "mesh_left",
    [HOST_GRAFT_REFUSED] = "graft_refused",
    [HOST_GRAFT_ACKNOWLEDGED] = "graft_acknowledged",
    [HOST_MESSAGE] = "message",
    [HOST_MESSAGE_REFUSED] = "message_refused",
    [HOST_BLOCK] = "block",
    [HOST_BLOCKS_RECEIVED] = "blocks_received",
    [HOST_BLOCKS_FAILED] = "blocks_failed",
    [HOST_BLOCKS_ANSWERED] = "blocks_answered",
    [HOST_BLOCK_RECORDED] = "block_recorded",
    [HOST_BLOCK_NOT_RECORDED] = "block_not_recorded",
    [HOST_HEALING] = "healing",
    [HOST_DISCONNECTED] = "disconnected",
};

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value != NULL && *value != '\0')
        json_object_set_new(object, key, json_string(value));
}

void event_json_set_time(json_t *object, uint64_t epoch_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(epoch_ms, text);
    set_text(object, "t", text);
}

static void add_connected(json_t *object, const struct quic_connection_facts *facts)
{
    char version[16];
    snprintf(version, sizeof(version), "0x%08x", facts->quic_version);
    set_text(object, "key_type", key_type_name(facts->key_type));
    set_text(object, "cipher", facts->cipher);
    set_text(object, "group", facts->group);
    set_text(object, "quic_version", version);
    set_text(object, "tls_version", "1.3");
}

static void add_connection(json_t *object, const struct host_event *event)
{
    struct quic_connection_facts facts;
    if (event->connection != NULL)
        peer_connection_facts(event->connection, &facts);
    else if (event->failed != NULL)
        quic_connection_facts(event->failed, &facts);
    else
        return;
    char remote[MULTIADDR_TEXT_SIZE];
    facts.remote.has_peer_id = false;
    multiaddr_text(&facts.remote, remote);
    set_text(object, "connection", facts.id);
    if (event->kind != HOST_CONNECTED && event->close == NULL)
        return;
    set_text(object, "direction", facts.dialled ? "dialled" : "accepted");
    set_text(object, "remote", remote);
    if (event->kind == HOST_CONNECTED)
        add_connected(object, &facts);
}

static void add_stream(json_t *object, const struct host_event *event)
{
    if (event->stream == NULL)
        return;
    json_object_update_new(object, host_stream_json(event->stream));
    set_text(object, "direction", stream_view(event->stream).outbound ? "outbound" : "inbound");
}

static void add_identify(json_t *object, const struct identify *identify)
{
    set_text(object, "agent", identify->agent);
    set_text(object, "protocol_version", identify->protocol_version);
    json_t *protocols = json_array();
    for (size_t i = 0; i < identify->protocol_count; i++)
        json_array_append_new(protocols, json_string(identify->protocols[i]));
    json_object_set_new(object, "protocols", protocols);
}

static void add_status(json_t *object, const struct peer_view *peer)
{
    const struct status *ours = &host_settings(peer->host)->status;
    json_object_set_new(object, "received", status_json(peer->status));
    json_object_set_new(object, "sent", status_json(ours));
    if (status_contradicts(ours, peer->status))
        set_text(object, "contradiction",
                 "the two cannot both be true: other roots are finalized at one slot");
}

static void add_peer(json_t *object, const struct host_event *event)
{
    struct peer_view peer = peer_view(event->peer);
    set_text(object, "peer_id", peer.name);
    if (event->kind == HOST_STATUS || event->kind == HOST_STATUS_FAILED)
        set_text(object, "role", event->by == HOST_BY_US ? "asked" : "answered");
    if (event->kind == HOST_STATUS)
        add_status(object, &peer);
    else if (event->kind == HOST_IDENTIFIED)
        add_identify(object, peer.identify);
}

static void add_message(json_t *object, const struct host_event *event)
{
    char id[2 * GOSSIPSUB_WIRE_ID_SIZE_MAX + 1];
    hex_write(event->id, id);
    set_text(object, "id", id);
    json_object_set_new(object, "size", json_integer((json_int_t)event->payload.size));
    uint8_t digest[SHA256_SIZE];
    char hash[2 * SHA256_SIZE + 1];
    sha256(event->payload, digest);
    hex_write(bytes_of(digest, sizeof(digest)), hash);
    set_text(object, "sha256", hash);
    message_json_describe(object, event->topic, event->payload);
    if (event->payload.size > SHOWN_PAYLOAD_MAX)
        return;
    char *data = hex_text(event->payload);
    json_object_set_new(object, "data", json_string(data));
    free(data);
}

static void add_healing(json_t *object, const struct host_healing *healing)
{
    static const char *const steps[] = {
        [HOST_HEALING_CLOSED] = "closed",
        [HOST_HEALING_DIALLING] = "dialling",
        [HOST_HEALING_HEALED] = "healed",
        [HOST_HEALING_GIVEN_UP] = "given_up",
    };
    set_text(object, "peer_id", healing->peer);
    set_text(object, "step", steps[healing->step]);
    json_object_set_new(object, "attempt", json_integer(healing->attempt));
    if (healing->step == HOST_HEALING_CLOSED)
        json_object_set_new(object, "wait_ms", json_integer((json_int_t)healing->wait_ms));
}

static void add_details(json_t *object, const struct host_event *event)
{
    switch (event->kind) {
    case HOST_PONG:
        json_object_set_new(object, "rtt_ms", json_real((double)event->rtt_us / 1000));
        break;
    case HOST_STATUS_FAILED:
    case HOST_PING_FAILED:
    case HOST_IDENTIFY_FAILED:
        json_object_set_new(object, "not_spoken", json_boolean(protocol_not_spoken(event->end)));
        break;
    case HOST_STREAM_REFUSED:
    case HOST_STREAM_CLOSED:
        set_text(object, "cause", protocol_end_text(event->end));
        break;
    case HOST_MESH_JOINED:
    case HOST_MESH_LEFT:
    case HOST_GRAFT_REFUSED:
        set_text(object, "by", event->by == HOST_BY_PEER ? "peer" : "us");
        break;
    case HOST_BLOCK:
        json_object_update_new(object, block_json(event->block));
        break;
    case HOST_BLOCK_RECORDED:
        json_object_update_new(object, block_json(event->block));
        set_text(object, "file", event->file);
        break;
    case HOST_BLOCK_NOT_RECORDED:
        set_text(object, "cause", host_unrecorded_name(event->unrecorded));
        break;
    case HOST_BLOCKS_ANSWERED:
        set_text(object, "protocol", event->protocol);
        json_object_set_new(object, "code", json_integer(event->code));
        json_object_set_new(object, "count", json_integer((json_int_t)event->count));
        break;
    case HOST_BLOCKS_RECEIVED:
    case HOST_BLOCKS_FAILED:
        json_object_set_new(object, "count", json_integer((json_int_t)event->count));
        break;
    case HOST_HEALING:
        add_healing(object, event->healing);
        break;
    case HOST_MESSAGE:
        add_message(object, event);
        break;
    case HOST_MESSAGE_REFUSED:
        set_text(object, "kind", message_json_kind(event->topic));
        set_text(object, "cause", gossipsub_refusal_name(event->refusal));
        break;
    default:
        break;
    }
    if (event->close != NULL) {
        set_text(object, "cause", quic_close_cause_name(event->close->cause));
        json_object_set_new(object, "code", json_integer((json_int_t)event->close->code));
        set_text(object, "reason", event->close->reason.text);
    }
}

json_t *host_event_json(const struct host_event *event)
{
    if (event->kind == HOST_GRAFT_ACKNOWLEDGED)
        return NULL;
    json_t *object = json_pack("{s:s}", "event", names[event->kind]);
    if (event->time_ms > 0)
        event_json_set_time(object, event->time_ms);
    if (event->peer != NULL)
        add_peer(object, event);
    add_connection(object, event);
    add_stream(object, event);
    set_text(object, "topic", event->topic);
    set_text(object, "reason", event->reason);
    add_details(object, event);
    return object;
}
