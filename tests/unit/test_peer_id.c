#include "common/hex.h"
#include "net/address/peer_id.h"

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

static void assert_parses_to(const char *text, const char *expected)
{
    struct peer_id id;
    struct error error = {0};
    if (!peer_id_parse(text, &id, &error))
        fail_msg("%s: %s", text, error.text);
    char written[PEER_ID_TEXT_SIZE];
    peer_id_text(&id, written);
    assert_string_equal(written, expected);
}

static void both_texts_of_a_peer_id_mean_the_same(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    size_t index;
    json_t *key;
    json_array_foreach(keys, index, key)
    {
        assert_parses_to(vector_text(key, "peer_id"), vector_text(key, "peer_id"));
        assert_parses_to(vector_text(key, "cid"), vector_text(key, "peer_id"));
    }
    json_decref(keys);
}

static void the_examples_of_the_specification_parse(void **state)
{
    (void)state;
    const char *sha256 = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";
    const char *ed25519 = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    assert_parses_to(sha256, sha256);
    assert_parses_to(ed25519, ed25519);
    assert_parses_to("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", sha256);
}

static void text_that_is_no_peer_id_is_refused_with_the_reason(void **state)
{
    (void)state;
    const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "empty"},
        {"node1", "expected identity"},
        {"0xabc", "not base58"},
        {"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5", "hash function 0x50"},
        {"1", "no multihash"},
        {"11", "expected 1 to 42"},
        {"b", "CIDv1"},
        /* CIDv1 in base58, base16, base32 in upper case, base64 and base64url */
        {"zdvgq4UNFFSrJdbpdnYeJii5ecQukDxQL2FvLzTX9v8Yf1XFW", "only base32 is read (bafz...)"},
        {"f017212202d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
         "only base32 is read (bafz...)"},
        {"F017212202D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881",
         "only base32 is read (bafz...)"},
        {"BAFZBEIBNOELEFNZGWBCACYT4VH52YMXVZBJQ7MMQHTCNWARFQ4LZEGSIQE",
         "only base32 is read (bafz...)"},
        {"mAXISIC1xFkK3JrBEAWJ8qfusMvXIUw+xkDzE2wIlhxeSGkiB", "only base32 is read (bafz...)"},
        {"uAXISIC1xFkK3JrBEAWJ8qfusMvXIUw-xkDzE2wIlhxeSGkiB", "only base32 is read (bafz...)"},
        {"bafzBEIE5", "not base32"},
        /* a CIDv1 of the raw codec; that of the example with a digit too many; with bits left */
        {"bafkreie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", "libp2p key"},
        {"bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxea", "not base32"},
        {"bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxf", "not base32"},
        {"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5NQmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjh"
         "x5NQmYy",
         "longer than 95"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct peer_id id;
        struct error error = {0};
        assert_false(peer_id_parse(bad[i].text, &id, &error));
        if (strstr(error.text, bad[i].reason) == NULL)
            fail_msg("\"%s\": says \"%s\", not \"%s\"", bad[i].text, error.text, bad[i].reason);
    }
}

static void multihashes_of_other_functions_and_sizes_are_refused(void **state)
{
    (void)state;
    uint8_t multihash[PEER_ID_SIZE_MAX] = {MULTIHASH_SHA2_256, 32};
    struct peer_id id;
    assert_true(peer_id_from_bytes(bytes_of(multihash, 34), &id, NULL));
    assert_int_equal(id.size, 34);
    assert_false(peer_id_from_bytes(bytes_of(multihash, 33), &id, NULL));
    assert_false(peer_id_from_bytes(bytes_of(multihash, 35), &id, NULL));
    assert_false(peer_id_from_bytes(bytes_of(multihash, 0), &id, NULL));
    multihash[1] = 20;
    assert_false(peer_id_from_bytes(bytes_of(multihash, 22), &id, NULL));
    multihash[0] = 0x13; /* sha2-512 */
    assert_false(peer_id_from_bytes(bytes_of(multihash, 22), &id, NULL));
    multihash[0] = MULTIHASH_IDENTITY;
    multihash[1] = PEER_ID_IDENTITY_MAX;
    assert_true(peer_id_from_bytes(bytes_of(multihash, PEER_ID_IDENTITY_MAX + 2), &id, NULL));
    multihash[1]++;
    assert_false(peer_id_from_bytes(bytes_of(multihash, PEER_ID_IDENTITY_MAX + 3), &id, NULL));
}

static void peer_ids_are_equal_by_their_bytes(void **state)
{
    (void)state;
    struct peer_id a, b;
    assert_true(peer_id_parse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", &a, NULL));
    assert_true(
        peer_id_parse("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", &b, NULL));
    assert_true(peer_id_equal(&a, &b));
    assert_memory_equal(&a, &b, sizeof(a));
    b.bytes[5] ^= 1;
    assert_false(peer_id_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_texts_of_a_peer_id_mean_the_same),
        cmocka_unit_test(the_examples_of_the_specification_parse),
        cmocka_unit_test(text_that_is_no_peer_id_is_refused_with_the_reason),
        cmocka_unit_test(multihashes_of_other_functions_and_sizes_are_refused),
        cmocka_unit_test(peer_ids_are_equal_by_their_bytes),
    };
    return cmocka_run_group_tests_name("peer_id", tests, NULL, NULL);
}
