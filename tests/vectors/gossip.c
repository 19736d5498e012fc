#include <inttypes.h>
#include <stdio.h>

#include "net/gossipsub/lean_topic.h"
#include "net/gossipsub/message_id.h"
#include "tests/vectors/kinds.h"

void check_gossip_message_id(struct vector_case *test, const json_t *vector)
{
    static const uint8_t valid_snappy[] = {1, 0, 0, 0}, invalid_snappy[] = {0, 0, 0, 0};
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "topic data domain");
    const json_t *output = case_object(test, vector, "output", "messageId");
    struct bytes domain = case_bytes(test, input, "domain");
    bool is_valid = bytes_equal(domain, bytes_of(valid_snappy, sizeof(valid_snappy)));
    expect(test, is_valid || bytes_equal(domain, bytes_of(invalid_snappy, sizeof(invalid_snappy))),
           "domain", "0x01000000 or 0x00000000", "another");

    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    gossipsub_message_id(case_bytes(test, input, "topic"), case_bytes(test, input, "data"),
                         is_valid, id);
    expect_bytes(test, "messageId", case_bytes(test, output, "messageId"),
                 bytes_of(id, sizeof(id)));
}

/* What stands in the topic between the network and the encoding. */
static void topic_name(struct vector_case *test, const json_t *input, char *name, size_t size)
{
    const char *kind = case_text(test, input, "topicKind");
    bool has_subnet = strcmp(kind, "attestation") == 0;
    expect(test, has_subnet || strcmp(kind, "block") == 0 || strcmp(kind, "aggregation") == 0,
           "topicKind", "block, attestation or aggregation", kind);
    if (has_subnet)
        snprintf(name, size, "%s_%" PRIu64, kind, case_number(test, input, "subnetId"));
    else
        snprintf(name, size, "%s", kind);
}

void check_gossip_topic(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input =
        case_object(test, vector, "input", "topicKind networkName ?subnetId ?expectedNetworkName");
    const json_t *output = case_object(test, vector, "output", "topicString ?forkValid");
    const char *network = case_text(test, input, "networkName");
    char name[64], topic[GOSSIPSUB_TOPIC_SIZE_MAX + 1] = "";
    topic_name(test, input, name, sizeof(name));

    struct error error = {.text = ""};
    struct bytes read_network = {0}, read_name = {0};
    expect(test, lean_topic_write(network, name, topic, &error), "topicString", "a topic",
           error.text);
    expect_text(test, "topicString", case_text(test, output, "topicString"), topic);
    expect(test, lean_topic_read(topic, &read_network, &read_name), "topicString", "a topic",
           "none of Lean's");
    expect_bytes(test, "network read", bytes_of_text(network), read_network);
    expect_bytes(test, "name read", bytes_of_text(name), read_name);

    bool has_fork = case_has(input, "expectedNetworkName");
    expect(test, case_has(output, "forkValid") == has_fork, "forkValid",
           "to stand there with expectedNetworkName", "one of the two");
    if (has_fork)
        expect_boolean(test, "forkValid", case_boolean(test, output, "forkValid"),
                       bytes_equal(read_network,
                                   bytes_of_text(case_text(test, input, "expectedNetworkName"))));
}
