#include "cmd/connect/publish.h"

#include "cmd/connect/report.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "net/api/message_json.h"

static json_t *describe(const char *topic, const struct publication *publication)
{
    struct bytes payload = buffer_bytes(&publication->payload);
    uint8_t digest[SHA256_SIZE];
    char hash[2 * SHA256_SIZE + 1];
    sha256(payload, digest);
    hex_write(bytes_of(digest, sizeof(digest)), hash);
    json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "file", publication->file, "topic", topic,
                               "size", (json_int_t)payload.size, "sha256", hash);
    message_json_describe(object, topic, payload);
    return object;
}

json_t *publish(struct host *host, const char *topic, const struct publication *publication,
                struct error *error)
{
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    char digits[2 * GOSSIPSUB_MESSAGE_ID_SIZE + 1];
    size_t receivers;
    if (!host_publish(host, topic, buffer_bytes(&publication->payload), id, &receivers, error)) {
        error_prefix(error, "--publish %s", publication->file);
        return NULL;
    }
    if (receivers == 0) {
        error_set(error, "--publish %s: nobody was there to take it", publication->file);
        return NULL;
    }
    hex_write(bytes_of(id, sizeof(id)), digits);
    json_t *published = describe(topic, publication);
    json_object_set_new(published, "id", json_string(digits));
    json_object_set_new(published, "receivers", json_integer((json_int_t)receivers));
    return published;
}

bool publish_acknowledged(const struct host *host, json_t *published, bool json)
{
    bool acknowledged = peer_count(host) > 0 && host_is_drained(host);
    json_object_set_new(published, "acknowledged", json_boolean(acknowledged));
    if (!json)
        report_published(published);
    return acknowledged;
}
