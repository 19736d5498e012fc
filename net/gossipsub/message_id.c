#include "net/gossipsub/message_id.h"

#include <nettle/sha2.h>

#include "common/sha256.h"

void gossipsub_message_id(struct bytes topic, struct bytes payload, bool valid_snappy,
                          uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    const uint8_t domain[4] = {valid_snappy ? 1 : 0};
    uint8_t topic_size[8];
    for (size_t i = 0; i < sizeof(topic_size); i++)
        topic_size[i] = (uint8_t)((uint64_t)topic.size >> (8 * i));
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, sizeof(domain), domain);
    sha256_update(&context, sizeof(topic_size), topic_size);
    sha256_update(&context, topic.size, topic.data);
    sha256_update(&context, payload.size, payload.data);
    sha256_digest(&context, GOSSIPSUB_MESSAGE_ID_SIZE, id);
}

void gossipsub_message_key(struct bytes wire_id, uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    if (wire_id.size != GOSSIPSUB_MESSAGE_ID_SIZE) {
        sha256(wire_id, digest);
        wire_id = bytes_of(digest, GOSSIPSUB_MESSAGE_ID_SIZE);
    }
    memcpy(id, wire_id.data, GOSSIPSUB_MESSAGE_ID_SIZE);
}
