#include "net/address/enr.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/vectors/kinds.h"

/* Whether a member stands there exactly where we have a value for it. */
static bool both_have(struct vector_case *test, const json_t *output, const char *key, bool ours)
{
    bool theirs = case_has(output, key);
    expect(test, theirs == ours, key, theirs ? "a value" : "none", ours ? "a value" : "none");
    return theirs && ours;
}

static void check_identity(struct vector_case *test, const json_t *output, const struct enr *record)
{
    struct bytes scheme = {0}, key = {0};
    uint8_t id[ENR_NODE_ID_SIZE];
    bool has_key = enr_public_key(record, &key);
    bool is_v4 = enr_value(record, "id", &scheme) && bytes_equal(scheme, bytes_of_text("v4"));
    expect_bytes(test, "identityScheme", bytes_of_text(case_text(test, output, "identityScheme")),
                 scheme);
    if (both_have(test, output, "publicKey", has_key))
        expect_bytes(test, "publicKey", case_bytes(test, output, "publicKey"), key);
    if (both_have(test, output, "nodeId", enr_node_id(record, id)))
        expect_bytes(test, "nodeId", case_bytes(test, output, "nodeId"), bytes_of(id, sizeof(id)));
    expect_boolean(test, "signatureValid", case_boolean(test, output, "signatureValid"),
                   enr_verify(record, NULL));
    /* The reference's word for: of a scheme that it knows, and with a key of the right size. */
    expect_boolean(test, "isValid", case_boolean(test, output, "isValid"), is_v4 && has_key);
}

static void check_endpoint(struct vector_case *test, const json_t *output, const struct enr *record)
{
    struct bytes ip;
    uint16_t port = 0;
    struct multiaddr address;
    char text[MULTIADDR_TEXT_SIZE];
    if (both_have(test, output, "ip4", enr_ip4(record, &ip))) {
        snprintf(text, sizeof(text), "%u.%u.%u.%u", ip.data[0], ip.data[1], ip.data[2], ip.data[3]);
        expect_text(test, "ip4", case_text(test, output, "ip4"), text);
    }
    if (both_have(test, output, "udpPort", enr_port(record, "udp", &port)))
        expect_number(test, "udpPort", case_number(test, output, "udpPort"), port);
    if (both_have(test, output, "quicPort", enr_port(record, "quic", &port)))
        expect_number(test, "quicPort", case_number(test, output, "quicPort"), port);
    if (both_have(test, output, "multiaddr", enr_multiaddr(record, &address, NULL))) {
        address.has_peer_id = false; /* the reference's has none */
        multiaddr_text(&address, text);
        expect_text(test, "multiaddr", case_text(test, output, "multiaddr"), text);
    }
}

static void check_fork(struct vector_case *test, const json_t *output, const struct enr *record)
{
    struct enr_fork fork;
    if (!both_have(test, output, "eth2Data", enr_fork(record, &fork)))
        return;
    const json_t *expected =
        case_object(test, output, "eth2Data", "forkDigest nextForkVersion nextForkEpoch");
    expect_bytes(test, "forkDigest", case_bytes(test, expected, "forkDigest"),
                 bytes_of(fork.digest, sizeof(fork.digest)));
    expect_bytes(test, "nextForkVersion", case_bytes(test, expected, "nextForkVersion"),
                 bytes_of(fork.next_version, sizeof(fork.next_version)));
    expect_number(test, "nextForkEpoch", case_number(test, expected, "nextForkEpoch"),
                  fork.next_epoch);
}

static void check_subnets(struct vector_case *test, const json_t *output, const struct enr *record)
{
    uint64_t subnets;
    if (!both_have(test, output, "attestationSubnets", enr_attestation_subnets(record, &subnets)))
        return;
    const json_t *expected = case_array(test, output, "attestationSubnets");
    json_t *ours = json_array();
    for (int subnet = 0; subnet < 64; subnet++)
        if (subnets >> subnet & 1)
            json_array_append_new(ours, json_integer(subnet));
    expect(test, json_equal((json_t *)expected, ours), "attestationSubnets", "others",
           "those of the record");
    json_decref(ours);
}

void check_enr(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "enrString");
    const json_t *output =
        case_object(test, vector, "output",
                    "rlp seq identityScheme ?nodeId ?publicKey ?ip4 ?udpPort ?quicPort ?multiaddr "
                    "?eth2Data ?attestationSubnets isAggregator signatureValid isValid");
    const char *expected = case_text(test, input, "enrString");
    struct enr record;
    struct error error = {.text = ""};
    char text[ENR_TEXT_SIZE];
    if (!expect(test, enr_parse(expected, &record, &error), "enrString", "a record", error.text))
        return;
    enr_text(&record, text);
    expect_text(test, "text", expected, text);
    expect_bytes(test, "rlp", case_bytes(test, output, "rlp"), bytes_of(record.rlp, record.size));
    expect_number(test, "seq", case_number(test, output, "seq"), record.sequence);
    check_identity(test, output, &record);
    check_endpoint(test, output, &record);
    check_fork(test, output, &record);
    check_subnets(test, output, &record);
    expect_boolean(test, "isAggregator", case_boolean(test, output, "isAggregator"),
                   enr_is_aggregator(&record));
}
