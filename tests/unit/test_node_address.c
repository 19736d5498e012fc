/* Node records that are made, and addresses as people type them. */
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "net/address/enr_make.h"
#include "net/address/node_address.h"
#include "tests/unit/support.h"

/* The example of EIP-778, and the key that it names. */
#define EXAMPLE                                                                                    \
    "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRc" \
    "y5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"
#define EXAMPLE_SECRET "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291"
#define EXAMPLE_PEER_ID "16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm"

/* One of a Lean devnet's, with the key quic and none of udp. */
#define OF_A_DEVNET                                                                                \
    "enr:-IW4QA0pljjdLfxS_EyUxNAxJSoGCwmOVNJauYWsTiYHyWG5Bky-7yCEktSvu_w-PWUrmzbc8vYL_Mx5pgsAix2O" \
    "fOMBgmlkgnY0gmlwhKwUAAGEcXVpY4IfkIlzZWNwMjU2azGhA6mw8mfwe-3TpjMMSk7GHe3cURhOn9-ufyAqy40wEyui"

static struct error error;

static struct identity *example_identity(void)
{
    struct buffer secret = {0};
    assert_true(hex_read(EXAMPLE_SECRET, &secret));
    struct identity *identity = identity_from_secret(buffer_bytes(&secret), &error);
    assert_non_null(identity);
    buffer_clear(&secret);
    return identity;
}

/* A record with PAIRS, key and value in turn, up to a NULL, by the key of the example. */
static void make(const char *const *pairs, uint64_t sequence, char text[ENR_TEXT_SIZE])
{
    struct enr_draft draft = {.sequence = sequence};
    struct enr record;
    struct identity *identity = example_identity();
    for (; *pairs != NULL; pairs += 2)
        if (!enr_draft_set_text(&draft, pairs[0], pairs[1], &error))
            fail_msg("%s", error.text);
    if (!enr_draft_sign(&draft, identity, &record, &error) || !enr_verify(&record, &error))
        fail_msg("%s", error.text);
    enr_text(&record, text);
    enr_draft_clear(&draft);
    identity_free(identity);
}

/* The addresses that TEXT means, each with a blank behind it. */
static const char *addresses_of(const char *text)
{
    static char all[NODE_ADDRESS_MAX * (MULTIADDR_TEXT_SIZE + 1) + 1];
    struct node_address address;
    size_t size = 0;
    if (!node_address_parse(text, &address, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < address.count; i++) {
        char one[MULTIADDR_TEXT_SIZE];
        multiaddr_text(&address.at[i], one);
        size += (size_t)snprintf(all + size, sizeof(all) - size, "%s ", one);
    }
    return all;
}

/* ---- making ---- */

static void the_example_of_the_specification_is_made(void **state)
{
    (void)state;
    char text[ENR_TEXT_SIZE];
    const char *const pairs[] = {"udp", "30303", "ip", "127.0.0.1", NULL};
    make(pairs, 0, text);
    assert_string_equal(text, EXAMPLE);
    make(pairs, 1, text);
    assert_string_equal(text, EXAMPLE);
}

static void values_are_what_people_mean_by_them(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        const char *bytes;
        size_t size;
    } all[] = {
        {"ip6", "::1", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16},
        {"quic", "9001", "\x23\x29", 2},
        {"tcp6", "80", "\x50", 1},
        {"is_aggregator", "true", "\1", 1},
        {"is_aggregator", "false", "\0", 1},
        {"count", "0", "", 0},
        {"count", "0065536", "\1\0\0", 3},
        {"whatever", "0x00ff", "\0\xff", 2},
        {"whatever", "0x", "", 0},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char text[ENR_TEXT_SIZE];
        struct enr record;
        struct bytes value;
        make((const char *const[]){all[i].key, all[i].value, NULL}, 0, text);
        assert_true(enr_parse(text, &record, &error));
        assert_true(enr_value(&record, all[i].key, &value));
        assert_true(bytes_equal(value, bytes_of(all[i].bytes, all[i].size)));
    }
}

static void a_value_that_cannot_be_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *problem;
    } bad[] = {
        {"ip", "::1", "ip: \"::1\" is not an IPv4 address"},
        {"ip", "__HIVE_LOCAL_IP__", "ip: \"__HIVE_LOCAL_IP__\" is not an IPv4"},
        {"ip6", "1.2.3.4", "not an IPv6 address"},
        {"quic", "0", "not a port; expected 1 to 65535"},
        {"quic", "65536", "not a port"},
        {"udp", "-1", "not a port"},
        {"udp", "", "not a port"},
        {"id", "4", "id: it comes with the key that signs"},
        {"secp256k1", "0x02", "comes with the key"},
        {"", "1", "a key has 1 to 64 bytes"},
        {"x", "abc", "expected 0x and hexadecimal digits, a number, true or false"},
        {"x", "0xabc", "expected 0x and hexadecimal digits"},
        {"x", "18446744073709551616", "expected 0x"},
        {"there", "2", "there: given twice"},
    };
    struct enr_draft draft = {0};
    assert_true(enr_draft_set_text(&draft, "there", "1", &error));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(enr_draft_set_text(&draft, bad[i].key, bad[i].value, &error));
        if (strstr(error.text, bad[i].problem) == NULL)
            fail_msg("%s=%s: %s", bad[i].key, bad[i].value, error.text);
    }
    assert_int_equal(draft.count, 1);
    enr_draft_clear(&draft);
}

static void a_record_has_an_end(void **state)
{
    (void)state;
    struct enr_draft draft = {0};
    struct enr record;
    struct identity *identity = example_identity();
    char key[3] = "a0";
    for (size_t i = 0; i < ENR_PAIRS_MAX; i++) {
        key[0] = (char)('a' + i / 10);
        key[1] = (char)('0' + i % 10);
        assert_true(enr_draft_set(&draft, key, bytes_of("\1\2", 2), &error));
    }
    assert_false(enr_draft_set(&draft, "zz", bytes_of("", 0), &error));
    assert_non_null(strstr(error.text, "more than 64 keys"));
    assert_false(enr_draft_sign(&draft, identity, &record, &error));
    assert_non_null(strstr(error.text, "at most 300 are allowed"));
    enr_draft_clear(&draft);
    identity_free(identity);
}

/* ---- as typed ---- */

static void records_and_multiaddrs_are_addresses(void **state)
{
    (void)state;
    assert_string_equal(addresses_of(EXAMPLE),
                        "/ip4/127.0.0.1/udp/30303/quic-v1/p2p/" EXAMPLE_PEER_ID " ");
    assert_string_equal(addresses_of(OF_A_DEVNET),
                        "/ip4/172.20.0.1/udp/8080/quic-v1/p2p/"
                        "16Uiu2HAmQ5Pk82Lzy8yapFuUFjNcmddKyXYz1E4en68DCSTjxKuT ");
    assert_string_equal(addresses_of("/dns4/x/udp/1"), "/dns4/x/udp/1/quic-v1 ");
}

static void quic_is_taken_before_udp_and_both_families_are(void **state)
{
    (void)state;
    static const struct {
        const char *pairs[9];
        const char *expected;
    } all[] = {
        {{"ip", "10.0.0.1", "quic", "1", "udp", "2"}, "/ip4/10.0.0.1/udp/1"},
        {{"ip", "10.0.0.1", "udp", "2", "tcp", "3"}, "/ip4/10.0.0.1/udp/2"},
        {{"ip6", "fe80::1", "quic6", "4", "quic", "1"}, "/ip6/fe80::1/udp/4"},
        {{"ip6", "fe80::1", "udp6", "5", "quic", "1"}, "/ip6/fe80::1/udp/1"},
        {{"ip6", "fe80::1", "udp6", "5", "udp", "2"}, "/ip6/fe80::1/udp/5"},
        {{"ip6", "fe80::1", "udp", "2"}, "/ip6/fe80::1/udp/2"},
    };
    char text[ENR_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        make(all[i].pairs, 0, text);
        const char *found = addresses_of(text);
        if (strncmp(found, all[i].expected, strlen(all[i].expected)) != 0)
            fail_msg("%s in place of %s", found, all[i].expected);
    }
    make((const char *const[]){"ip", "10.0.0.1", "ip6", "::1", "quic", "1", NULL}, 0, text);
    assert_string_equal(addresses_of(text), "/ip4/10.0.0.1/udp/1/quic-v1/p2p/" EXAMPLE_PEER_ID
                                            " /ip6/::1/udp/1/quic-v1/p2p/" EXAMPLE_PEER_ID " ");
}

static void expect_problem(const char *text, const char *problem)
{
    struct node_address address;
    assert_false(node_address_parse(text, &address, &error));
    if (strstr(error.text, problem) == NULL)
        fail_msg("%s, and not %s", error.text, problem);
    assert_true(strncmp(error.text, text, strlen(text) < 40 ? strlen(text) : 40) == 0);
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    char text[ENR_TEXT_SIZE];
    make((const char *const[]){"quic", "1", NULL}, 0, text);
    expect_problem(text, "...: node record: no address (ip, ip6)");
    make((const char *const[]){"ip", "10.0.0.1", "tcp", "1", NULL}, 0, text);
    expect_problem(text, "...: node record: no port (quic, udp)");
    make((const char *const[]){"ip6", "::1", NULL}, 0, text);
    expect_problem(text, "...: node record: no port (quic6, quic, udp6, udp)");
    strcpy(text, EXAMPLE);
    text[20] = text[20] == 'A' ? 'B' : 'A';
    expect_problem(text, "...: node record: the signature is wrong");
    expect_problem("enr:", "enr:: node record: ");
    expect_problem("enr:x y", "not base64url");
    expect_problem("", "neither a multiaddr");
    expect_problem("nonsense", "nonsense: neither a multiaddr");
    expect_problem("/ip4/1", "/ip4/1: multiaddr: \"1\" is not an IPv4 address");
}

static void a_peer_id_is_taken_from_either(void **state)
{
    (void)state;
    static const char address[] = "/ip4/1.2.3.4/udp/1/quic-v1/p2p/" EXAMPLE_PEER_ID;
    static const char record[] = EXAMPLE;
    const char *const all[] = {record, EXAMPLE_PEER_ID, address};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct peer_id id;
        char text[PEER_ID_TEXT_SIZE];
        assert_true(node_address_peer_id(all[i], &id, &error));
        peer_id_text(&id, text);
        assert_string_equal(text, EXAMPLE_PEER_ID);
    }
    struct peer_id id;
    assert_false(node_address_peer_id("/ip4/1.2.3.4/udp/1", &id, &error));
    assert_string_equal(error.text, "/ip4/1.2.3.4/udp/1: must end with /p2p/PEERID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_specification_is_made),
        cmocka_unit_test(values_are_what_people_mean_by_them),
        cmocka_unit_test(a_value_that_cannot_be_is_named),
        cmocka_unit_test(a_record_has_an_end),
        cmocka_unit_test(records_and_multiaddrs_are_addresses),
        cmocka_unit_test(quic_is_taken_before_udp_and_both_families_are),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(a_peer_id_is_taken_from_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
