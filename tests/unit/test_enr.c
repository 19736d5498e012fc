#include "net/address/enr.h"

#include <secp256k1.h>
#include <stdlib.h>

#include "common/keccak256.h"
#include "common/rlp.h"
#include "tests/unit/support.h"

/* The example of EIP-778. */
#define EXAMPLE                                                                                    \
    "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRc" \
    "y5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"

#define LITERAL(text) bytes_of(text, sizeof(text) - 1)

static struct error error;

/* ---- records made here: pairs are appended, then it is signed by a key of ones ---- */

static void append_pair(struct buffer *pairs, const char *key, struct bytes value)
{
    rlp_append_string(pairs, bytes_of_text(key));
    rlp_append_string(pairs, value);
}

static struct bytes own_key(uint8_t key[ENR_PUBLIC_KEY_SIZE])
{
    uint8_t secret[32];
    memset(secret, 1, sizeof(secret));
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_pubkey point;
    size_t size = ENR_PUBLIC_KEY_SIZE;
    assert_true(secp256k1_ec_pubkey_create(context, &point, secret));
    secp256k1_ec_pubkey_serialize(context, key, &size, &point, SECP256K1_EC_COMPRESSED);
    secp256k1_context_destroy(context);
    return bytes_of(key, size);
}

static void sign(struct bytes content, uint8_t signature[ENR_SIGNATURE_SIZE])
{
    uint8_t secret[32], digest[KECCAK256_SIZE];
    memset(secret, 1, sizeof(secret));
    struct buffer list = {0};
    rlp_append_list(&list, content);
    keccak256(buffer_bytes(&list), digest);
    buffer_clear(&list);
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_ecdsa_signature made;
    assert_true(secp256k1_ecdsa_sign(context, &made, digest, secret, NULL, NULL));
    secp256k1_ecdsa_signature_serialize_compact(context, signature, &made);
    secp256k1_context_destroy(context);
}

/* A record of SEQUENCE and PAIRS, each as RLP has it. */
static void encode(struct bytes sequence, struct bytes pairs, struct buffer *rlp)
{
    uint8_t signature[ENR_SIGNATURE_SIZE];
    struct buffer content = {0}, items = {0};
    rlp_append_string(&content, sequence);
    buffer_append(&content, pairs.data, pairs.size);
    sign(buffer_bytes(&content), signature);
    rlp_append_string(&items, bytes_of(signature, sizeof(signature)));
    buffer_append(&items, content.data, content.size);
    rlp_append_list(rlp, buffer_bytes(&items));
    buffer_clear(&items);
    buffer_clear(&content);
}

/* Our key, and between "id" and it the pair given, unless its key is NULL. */
static struct enr record_with(const char *key, struct bytes value)
{
    uint8_t public_key[ENR_PUBLIC_KEY_SIZE];
    struct buffer pairs = {0}, rlp = {0};
    struct enr record;
    if (key != NULL && strcmp(key, "id") < 0)
        append_pair(&pairs, key, value);
    append_pair(&pairs, "id", LITERAL("v4"));
    if (key != NULL && strcmp(key, "id") > 0 && strcmp(key, "secp256k1") < 0)
        append_pair(&pairs, key, value);
    append_pair(&pairs, "secp256k1", own_key(public_key));
    if (key != NULL && strcmp(key, "secp256k1") > 0)
        append_pair(&pairs, key, value);
    encode(LITERAL("\x07"), buffer_bytes(&pairs), &rlp);
    if (!enr_decode(buffer_bytes(&rlp), &record, &error))
        fail_msg("%s", error.text);
    buffer_clear(&rlp);
    buffer_clear(&pairs);
    return record;
}

/* ---- tests ---- */

static void the_example_of_the_specification_is_read(void **state)
{
    (void)state;
    struct enr record;
    struct multiaddr address;
    char text[MULTIADDR_TEXT_SIZE];
    assert_true(enr_parse(EXAMPLE, &record, &error));
    assert_true(enr_verify(&record, &error));
    enr_text(&record, text);
    assert_string_equal(text, EXAMPLE);
    assert_int_equal(record.sequence, 1);
    assert_true(enr_multiaddr(&record, &address, &error));
    multiaddr_text(&address, text);
    assert_string_equal(text, "/ip4/127.0.0.1/udp/30303/quic-v1/p2p/"
                              "16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm");
}

static void a_record_that_was_signed_here_verifies(void **state)
{
    (void)state;
    struct enr record = record_with(NULL, LITERAL(""));
    if (!enr_verify(&record, &error))
        fail_msg("%s", error.text);
    assert_int_equal(record.sequence, 7);
}

static void a_record_changed_anywhere_does_not_verify(void **state)
{
    (void)state;
    struct enr record, changed;
    assert_true(enr_parse(EXAMPLE, &record, &error));
    for (size_t i = 0; i < record.size; i++) {
        uint8_t rlp[ENR_SIZE_MAX];
        memcpy(rlp, record.rlp, record.size);
        rlp[i] ^= 1;
        if (enr_decode(bytes_of(rlp, record.size), &changed, NULL) && enr_verify(&changed, NULL))
            fail_msg("byte %zu may be changed", i);
    }
}

static void every_cut_of_a_record_is_refused(void **state)
{
    (void)state;
    struct enr record, cut;
    assert_true(enr_parse(EXAMPLE, &record, &error));
    for (size_t size = 0; size < record.size; size++)
        assert_false(enr_decode(bytes_of(record.rlp, size), &cut, &error));
    uint8_t longer[ENR_SIZE_MAX];
    memcpy(longer, record.rlp, record.size);
    longer[record.size] = 0;
    assert_false(enr_decode(bytes_of(longer, record.size + 1), &cut, &error));
}

static void assert_pairs_refused(const struct buffer *pairs, struct bytes sequence,
                                 const char *reason)
{
    struct buffer rlp = {0};
    struct enr record;
    encode(sequence, buffer_bytes(pairs), &rlp);
    assert_false(enr_decode(buffer_bytes(&rlp), &record, &error));
    if (strstr(error.text, reason) == NULL)
        fail_msg("says \"%s\", not \"%s\"", error.text, reason);
    buffer_clear(&rlp);
}

static void records_of_another_form_are_refused_with_the_reason(void **state)
{
    (void)state;
    struct buffer pairs = {0};
    assert_pairs_refused(&pairs, LITERAL("\x00"), "sequence number");
    assert_pairs_refused(&pairs, LITERAL("123456789"), "sequence number");
    rlp_append_string(&pairs, LITERAL("id"));
    assert_pairs_refused(&pairs, LITERAL(""), "no value");
    rlp_append_list(&pairs, LITERAL(""));
    assert_pairs_refused(&pairs, LITERAL(""), "a list where a string");
    pairs.size = 0;
    append_pair(&pairs, "ip", LITERAL("1234"));
    append_pair(&pairs, "id", LITERAL("v4"));
    assert_pairs_refused(&pairs, LITERAL(""), "not sorted");
    pairs.size = 0;
    append_pair(&pairs, "id", LITERAL("v4"));
    append_pair(&pairs, "id", LITERAL("v4"));
    assert_pairs_refused(&pairs, LITERAL(""), "twice");
    pairs.size = 0;
    append_pair(&pairs, "\xff", LITERAL("v4"));
    assert_pairs_refused(&pairs, LITERAL(""), "UTF-8");
    pairs.size = 0;
    uint8_t large[ENR_SIZE_MAX] = {1};
    append_pair(&pairs, "id", bytes_of(large, sizeof(large)));
    assert_pairs_refused(&pairs, LITERAL(""), "at most 300");
    buffer_clear(&pairs);
}

static void text_that_is_no_record_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"", "enr", "enr:", "ENR:-IS4Q", EXAMPLE "=", EXAMPLE "A", "enr:+A"};
    struct enr record;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (enr_parse(bad[i], &record, &error))
            fail_msg("\"%s\" was read", bad[i]);
    char long_text[ENR_TEXT_SIZE + 1] = "enr:";
    memset(long_text + 4, 'A', ENR_TEXT_SIZE - 4);
    assert_false(enr_parse(long_text, &record, &error));
    assert_non_null(strstr(error.text, "at most 404"));
}

static void values_without_meaning_are_as_none(void **state)
{
    (void)state;
    uint16_t port;
    uint64_t subnets;
    struct bytes ip;
    struct enr_fork fork;
    struct enr record = record_with("udp", LITERAL("\x01\x00\x00"));
    assert_false(enr_port(&record, "udp", &port));
    assert_false(enr_port(&record, "quic", &port));
    record = record_with("udp", LITERAL(""));
    assert_false(enr_port(&record, "udp", &port));
    record = record_with("udp", LITERAL("\x50"));
    assert_true(enr_port(&record, "udp", &port) && port == 80);
    record = record_with("ip", LITERAL("12345"));
    assert_false(enr_ip4(&record, &ip));
    record = record_with("eth2", LITERAL("123456789012345"));
    assert_false(enr_fork(&record, &fork));
    record = record_with("attnets", LITERAL("1234567"));
    assert_false(enr_attestation_subnets(&record, &subnets));
    record = record_with("is_aggregator", LITERAL("\x02"));
    assert_false(enr_is_aggregator(&record));
}

static void an_address_needs_an_ip_and_a_port(void **state)
{
    (void)state;
    struct multiaddr address;
    struct enr record = record_with("ip", LITERAL("\x7f\x00\x00\x01"));
    assert_false(enr_multiaddr(&record, &address, &error));
    assert_non_null(strstr(error.text, "no port"));
    record = record_with("udp", LITERAL("\x50"));
    assert_false(enr_multiaddr(&record, &address, &error));
    assert_non_null(strstr(error.text, "no IPv4"));
}

static void a_key_off_the_curve_names_no_node(void **state)
{
    (void)state;
    struct buffer pairs = {0}, rlp = {0};
    struct enr record;
    struct bytes key;
    uint8_t id[ENR_NODE_ID_SIZE], off[ENR_PUBLIC_KEY_SIZE];
    memset(off, 0xff, sizeof(off));
    append_pair(&pairs, "id", LITERAL("v4"));
    append_pair(&pairs, "secp256k1", bytes_of(off, sizeof(off)));
    encode(LITERAL(""), buffer_bytes(&pairs), &rlp);
    assert_true(enr_decode(buffer_bytes(&rlp), &record, &error));
    assert_true(enr_public_key(&record, &key));
    assert_false(enr_node_id(&record, id));
    assert_false(enr_verify(&record, &error));
    buffer_clear(&rlp);
    buffer_clear(&pairs);
}

static void a_record_of_another_scheme_does_not_verify(void **state)
{
    (void)state;
    uint8_t public_key[ENR_PUBLIC_KEY_SIZE];
    struct buffer pairs = {0}, rlp = {0};
    struct enr record;
    append_pair(&pairs, "id", LITERAL("v5"));
    append_pair(&pairs, "secp256k1", own_key(public_key));
    encode(LITERAL("\x01"), buffer_bytes(&pairs), &rlp);
    assert_true(enr_decode(buffer_bytes(&rlp), &record, &error));
    assert_false(enr_verify(&record, &error));
    assert_non_null(strstr(error.text, "not v4"));
    buffer_clear(&rlp);
    buffer_clear(&pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_is_read),
        cmocka_unit_test(a_record_that_was_signed_here_verifies),
        cmocka_unit_test(a_record_changed_anywhere_does_not_verify),
        cmocka_unit_test(every_cut_of_a_record_is_refused),
        cmocka_unit_test(records_of_another_form_are_refused_with_the_reason),
        cmocka_unit_test(text_that_is_no_record_is_refused),
        cmocka_unit_test(values_without_meaning_are_as_none),
        cmocka_unit_test(an_address_needs_an_ip_and_a_port),
        cmocka_unit_test(a_key_off_the_curve_names_no_node),
        cmocka_unit_test(a_record_of_another_scheme_does_not_verify),
    };
    return cmocka_run_group_tests_name("enr", tests, NULL, NULL);
}
