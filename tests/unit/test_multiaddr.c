#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/hex.h"
#include "net/address/multiaddr.h"

#include "tests/unit/support.h"

#define ID "16Uiu2HAkutTMoTzDw1tCvSRtu6YoixJwS46S1ZFxW8hSx9fWHiPs"

static struct multiaddr parsed(const char *text)
{
    struct multiaddr address;
    struct error error = {0};
    if (!multiaddr_parse(text, &address, &error))
        fail_msg("%s: %s", text, error.text);
    return address;
}

static void assert_text(const struct multiaddr *address, const char *expected)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(address, text);
    assert_string_equal(text, expected);
}

static void text_is_read_and_written_in_its_usual_form(void **state)
{
    (void)state;
    const struct {
        const char *given, *written;
    } cases[] = {
        {"/ip4/127.0.0.1/udp/9000/quic-v1", NULL},
        {"/ip4/127.0.0.1/udp/9000", "/ip4/127.0.0.1/udp/9000/quic-v1"},
        {"/ip4/0.0.0.0/udp/0/quic-v1", NULL},
        {"/ip4/10.0.0.1/udp/65535/quic-v1/p2p/" ID, NULL},
        {"/ip4/10.0.0.1/udp/1/p2p/" ID, "/ip4/10.0.0.1/udp/1/quic-v1/p2p/" ID},
        {"/ip4/10.0.0.1/udp/1/quic-v1/ipfs/" ID, "/ip4/10.0.0.1/udp/1/quic-v1/p2p/" ID},
        {"/ip6/::1/udp/9000/quic-v1", NULL},
        {"/ip6/2001:DB8:0:0::1/udp/9000/quic-v1", "/ip6/2001:db8::1/udp/9000/quic-v1"},
        {"/ip6/::ffff:127.0.0.1/udp/9000/quic-v1", "/ip4/127.0.0.1/udp/9000/quic-v1"},
        {"/ip6/::FFFF:7f00:1/udp/9000/p2p/" ID, "/ip4/127.0.0.1/udp/9000/quic-v1/p2p/" ID},
        {"/ip6/::ffff:0:1/udp/9000/quic-v1", "/ip4/0.0.0.1/udp/9000/quic-v1"},
        {"/ip6/::fffe:127.0.0.1/udp/9000/quic-v1", "/ip6/::fffe:7f00:1/udp/9000/quic-v1"},
        {"/dns/node-1.devnet.example/udp/9000/quic-v1", NULL},
        {"/dns4/localhost/udp/9000/quic-v1/p2p/" ID, NULL},
        {"/dns6/a_b/udp/9000/quic-v1", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct multiaddr address = parsed(cases[i].given);
        assert_text(&address, cases[i].written != NULL ? cases[i].written : cases[i].given);
    }
}

static void the_parts_end_up_in_their_places(void **state)
{
    (void)state;
    struct multiaddr address = parsed("/dns4/node1/udp/9001/quic-v1/p2p/" ID);
    assert_int_equal(address.kind, MULTIADDR_DNS4);
    assert_string_equal(address.host, "node1");
    assert_int_equal(address.port, 9001);
    assert_true(address.has_peer_id);
    struct peer_id id;
    assert_true(peer_id_parse(ID, &id, NULL));
    assert_true(peer_id_equal(&address.peer_id, &id));
}

static void an_error_names_the_part_and_what_is_expected(void **state)
{
    (void)state;
    const struct {
        const char *text, *part, *expected;
    } bad[] = {
        {"", "\"\"", "a slash"},
        {"127.0.0.1:9000", "\"127.0.0.1:9000\"", "a slash"},
        {"/", "nothing after a slash", "at the end"},
        {"/tcp/9000", "/tcp", "/ip4"},
        {"/dnsaddr/bootstrap.libp2p.io", "/dnsaddr", "/dns4"},
        {"/ip4", "nothing after", "/ip4"},
        {"/ip4/", "nothing after", "at the end"},
        {"/ip4//udp/1", "nothing after", "in a row"},
        {"/ip4/1.2.3/udp/9000", "\"1.2.3\"", "IPv4"},
        {"/ip4/256.1.1.1/udp/9000", "\"256.1.1.1\"", "IPv4"},
        {"/ip4/::1/udp/9000", "\"::1\"", "IPv4"},
        {"/ip6/127.0.0.1/udp/9000", "\"127.0.0.1\"", "IPv6"},
        {"/ip6/fe80::1%eth0/udp/9000", "fe80::1%eth0", "zone"},
        {"/ip6zone/eth0/ip6/fe80::1/udp/9000", "/ip6zone", "/ip6"},
        {"/dns4/a b/udp/9000", "\"a b\"", "host name"},
        {"/dns4/.a/udp/9000", "\".a\"", "host name"},
        {"/dns4/a..b/udp/9000", "\"a..b\"", "host name"},
        {"/ip4/127.0.0.1", "after the host", "/udp/PORT"},
        {"/ip4/127.0.0.1/tcp/9000", "/tcp", "/udp"},
        {"/ip4/127.0.0.1/udp", "\"\"", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/65536", "\"65536\"", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/-1", "\"-1\"", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/9 ", "\"9 \"", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/0x10", "\"0x10\"", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/18446744073709551617", "\"18446", "0 to 65535"},
        {"/ip4/127.0.0.1/udp/9000/quic", "/quic", "/quic-v1"},
        {"/ip4/127.0.0.1/udp/9000/webrtc-direct", "/webrtc-direct", "/quic-v1"},
        {"/ip4/127.0.0.1/udp/9000/quic-v1/webtransport", "/webtransport", "/p2p"},
        {"/ip4/127.0.0.1/udp/9000/quic-v1/", "nothing after a slash", "at the end"},
        {"/ip4/127.0.0.1/udp/9000/quic-v1/p2p", "peer id", "empty"},
        {"/ip4/127.0.0.1/udp/9000/quic-v1/p2p/node1", "peer id", "expected identity"},
        {"/ip4/127.0.0.1/udp/9000/quic-v1/p2p/" ID "/p2p-circuit", "/p2p-circuit", "the end"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct multiaddr address;
        struct error error = {0};
        assert_false(multiaddr_parse(bad[i].text, &address, &error));
        if (strstr(error.text, bad[i].part) == NULL || strstr(error.text, bad[i].expected) == NULL)
            fail_msg("\"%s\": \"%s\" lacks \"%s\" or \"%s\"", bad[i].text, error.text, bad[i].part,
                     bad[i].expected);
    }
}

static void long_parts_are_refused(void **state)
{
    (void)state;
    char text[1000] = "/dns/";
    memset(text + 5, 'a', 300);
    memcpy(text + 305, "/udp/1", 7);
    struct multiaddr address;
    assert_false(multiaddr_parse(text, &address, NULL));
    /* Labels of 63 make the longest name that there is. */
    for (size_t i = 0; i < 4; i++)
        text[5 + 63 + 64 * i] = '.';
    memcpy(text + 5 + 253, "/udp/1", 7);
    assert_true(multiaddr_parse(text, &address, NULL));
    memcpy(text + 5 + 253, "a/udp/1", 8);
    assert_false(multiaddr_parse(text, &address, NULL));
}

static void the_binary_form_is_as_multiformats_has_it(void **state)
{
    (void)state;
    const struct {
        const char *text, *hex;
    } cases[] = {
        {"/ip4/127.0.0.1/udp/9000/quic-v1", "047f000001910223 28cd03"},
        {"/ip6/::1/udp/1/quic-v1", "29 00000000000000000000000000000001 9102 0001 cd03"},
        {"/dns/ab/udp/1/quic-v1", "35 02 6162 9102 0001 cd03"},
        {"/dns4/ab/udp/1/quic-v1", "36 02 6162 9102 0001 cd03"},
        {"/dns6/ab/udp/1/quic-v1", "37 02 6162 9102 0001 cd03"},
        {"/ip4/1.2.3.4/udp/1/quic-v1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
         "04 01020304 9102 0001 cd03 a503 22 1220"
         "9dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char digits[512];
        size_t count = 0;
        for (const char *c = cases[i].hex; *c != '\0'; c++)
            if (*c != ' ')
                digits[count++] = *c;
        digits[count] = '\0';
        struct buffer expected = {0}, encoded = {0};
        assert_true(hex_read(digits, &expected));
        struct multiaddr address = parsed(cases[i].text), decoded;
        multiaddr_encode(&address, &encoded);
        assert_true(bytes_equal(buffer_bytes(&encoded), buffer_bytes(&expected)));
        assert_true(multiaddr_decode(buffer_bytes(&expected), &decoded, NULL));
        assert_text(&decoded, cases[i].text);
        /* No shorter run of the bytes ends where an address may, unless a part ends there. */
        for (size_t size = 0; size < expected.size; size++)
            if (multiaddr_decode(bytes_of(expected.data, size), &decoded, NULL))
                assert_true(memcmp(expected.data + size, "\xcd\x03", 2) == 0 ||
                            memcmp(expected.data + size, "\xa5\x03", 2) == 0);
        buffer_clear(&expected);
        buffer_clear(&encoded);
    }
}

static void binary_forms_of_other_transports_are_refused_by_name(void **state)
{
    (void)state;
    const struct {
        const char *hex, *reason;
    } bad[] = {
        {"", "cut off"},
        {"04", "cut off"},
        {"047f00000106", "/tcp"},
        {"047f0000019102", "cut off"},
        {"047f0000010400000000", "/ip4"},
        {"047f00000191020001cc03", "/quic;"},
        {"047f00000191020001cd03d103", "/webtransport"},
        {"047f00000191020001cd03cd03", "/quic-v1"},
        {"047f00000191020001ffff7f", "protocol 2097151"},
        {"047f00000191020001a503020000", "identity hash of 0"},
        {"047f00000191020001a503ffffffffffffffffff01", "cut off"},
        {"35036100629102000 1", "host name"},
        {"3500910200 01", "host name"},
        {"36012f91020001", "host name"},
        {"2a04657468 30", "/ip6zone"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char digits[128];
        size_t count = 0;
        for (const char *c = bad[i].hex; *c != '\0'; c++)
            if (*c != ' ')
                digits[count++] = *c;
        digits[count] = '\0';
        struct buffer bytes = {0};
        assert_true(hex_read(digits, &bytes));
        struct multiaddr address;
        struct error error = {0};
        assert_false(multiaddr_decode(buffer_bytes(&bytes), &address, &error));
        if (strstr(error.text, bad[i].reason) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].hex, error.text, bad[i].reason);
        buffer_clear(&bytes);
    }
}

static void addresses_become_socket_addresses_and_come_back(void **state)
{
    (void)state;
    const char *const texts[] = {"/ip4/127.0.0.1/udp/9000/quic-v1",
                                 "/ip6/2001:db8::1/udp/9000/quic-v1"};
    for (size_t i = 0; i < 2; i++) {
        struct multiaddr address = parsed(texts[i]), back;
        struct sockaddr_storage storage;
        assert_int_equal(multiaddr_to_sockaddr(&address, &storage),
                         i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        assert_true(multiaddr_from_sockaddr((const struct sockaddr *)&storage, &back));
        assert_text(&back, texts[i]);
    }
    struct sockaddr_storage storage;
    struct multiaddr name = parsed("/dns/localhost/udp/1");
    assert_int_equal(multiaddr_to_sockaddr(&name, &storage), 0);
}

static void a_mapped_ipv4_address_becomes_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(9000)};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr), 1);
    struct multiaddr address;
    assert_true(multiaddr_from_sockaddr((const struct sockaddr *)&mapped, &address));
    assert_text(&address, "/ip4/10.1.2.3/udp/9000/quic-v1");
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(multiaddr_from_sockaddr(&local, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_and_written_in_its_usual_form),
        cmocka_unit_test(the_parts_end_up_in_their_places),
        cmocka_unit_test(an_error_names_the_part_and_what_is_expected),
        cmocka_unit_test(long_parts_are_refused),
        cmocka_unit_test(the_binary_form_is_as_multiformats_has_it),
        cmocka_unit_test(binary_forms_of_other_transports_are_refused_by_name),
        cmocka_unit_test(addresses_become_socket_addresses_and_come_back),
        cmocka_unit_test(a_mapped_ipv4_address_becomes_ipv4),
    };
    return cmocka_run_group_tests_name("multiaddr", tests, NULL, NULL);
}
