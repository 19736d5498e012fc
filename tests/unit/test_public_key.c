#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <secp256k1.h>

#include "common/hex.h"
#include "common/sha256.h"
#include "net/address/identity.h"
#include "net/address/public_key.h"

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

static const char message_text[] = "what was signed";

static struct bytes message(void)
{
    return bytes_of_text(message_text);
}

static gnutls_datum_t datum_of(struct bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
}

/* The vector of the specification for keys of the TYPE named so. */
static json_t *key_vector(json_t *keys, const char *type)
{
    size_t index;
    json_t *key;
    json_array_foreach(keys, index, key)
    {
        if (strcmp(vector_text(key, "name"), type) == 0)
            return key;
    }
    fail_msg("no vector for %s", type);
    return NULL;
}

/* Signs with GnuTLS, as another implementation would. */
static struct buffer signed_by_gnutls(enum key_type type, struct bytes secret,
                                      gnutls_digest_algorithm_t digest)
{
    gnutls_privkey_t key;
    assert_int_equal(gnutls_privkey_init(&key), 0);
    gnutls_datum_t der = datum_of(secret);
    if (type == KEY_ED25519) {
        gnutls_datum_t seed = {.data = der.data, .size = 32};
        gnutls_datum_t point = {.data = der.data + 32, .size = 32};
        assert_int_equal(
            gnutls_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &point, NULL, &seed), 0);
    } else {
        gnutls_x509_privkey_t x509;
        assert_int_equal(gnutls_x509_privkey_init(&x509), 0);
        assert_int_equal(gnutls_x509_privkey_import(x509, &der, GNUTLS_X509_FMT_DER), 0);
        assert_int_equal(gnutls_privkey_import_x509(key, x509, GNUTLS_PRIVKEY_IMPORT_COPY), 0);
        gnutls_x509_privkey_deinit(x509);
    }
    gnutls_datum_t data = datum_of(message());
    gnutls_datum_t made;
    assert_int_equal(gnutls_privkey_sign_data(key, digest, 0, &data, &made), 0);
    struct buffer signature = {0};
    buffer_append(&signature, made.data, made.size);
    gnutls_free(made.data);
    gnutls_privkey_deinit(key);
    return signature;
}

static struct buffer signature_of(enum key_type type, struct bytes secret)
{
    if (type != KEY_SECP256K1)
        return signed_by_gnutls(type, secret,
                                type == KEY_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256);
    struct buffer signature = {0};
    struct identity *identity = identity_from_secret(secret, NULL);
    assert_non_null(identity);
    identity_sign(identity, message(), &signature);
    identity_free(identity);
    return signature;
}

static const enum key_type all_types[] = {KEY_RSA, KEY_ED25519, KEY_SECP256K1, KEY_ECDSA};

static void keys_of_all_types_have_their_peer_id(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    for (size_t i = 0; i < 4; i++) {
        json_t *vector = key_vector(keys, key_type_name(all_types[i]));
        struct buffer protobuf = vector_bytes(vector, "public_key");
        struct public_key key;
        assert_true(public_key_decode(buffer_bytes(&protobuf), &key, NULL));
        assert_int_equal(key.type, all_types[i]);
        struct buffer again = {0};
        public_key_encode(&key, &again);
        assert_true(bytes_equal(buffer_bytes(&again), buffer_bytes(&protobuf)));

        struct peer_id id;
        peer_id_of_public_key(buffer_bytes(&protobuf), &id);
        char text[PEER_ID_TEXT_SIZE];
        peer_id_text(&id, text);
        assert_string_equal(text, vector_text(vector, "peer_id"));
        buffer_clear(&protobuf);
        buffer_clear(&again);
    }
    json_decref(keys);
}

static void the_reference_names_an_ed25519_key_alike(void **state)
{
    (void)state;
    json_t *cases = vectors_load("peer_id.json");
    const json_t *input = json_object_get(json_array_get(cases, 0), "input");
    const json_t *output = json_object_get(json_array_get(cases, 0), "output");
    struct buffer data = vector_bytes(input, "publicKey");
    struct buffer expected = vector_bytes(output, "protobufEncoded"), protobuf = {0};
    struct public_key key = {.type = KEY_ED25519, .data = buffer_bytes(&data)};
    public_key_encode(&key, &protobuf);
    assert_true(bytes_equal(buffer_bytes(&protobuf), buffer_bytes(&expected)));
    struct peer_id id;
    peer_id_of_public_key(buffer_bytes(&protobuf), &id);
    char text[PEER_ID_TEXT_SIZE];
    peer_id_text(&id, text);
    assert_string_equal(text, vector_text(output, "peerId"));
    buffer_clear(&data);
    buffer_clear(&expected);
    buffer_clear(&protobuf);
    json_decref(cases);
}

static void what_a_key_of_any_type_signs_verifies_and_nothing_else_does(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    for (size_t i = 0; i < 4; i++) {
        json_t *vector = key_vector(keys, key_type_name(all_types[i]));
        struct buffer public_protobuf = vector_bytes(vector, "public_key");
        struct buffer private_protobuf = vector_bytes(vector, "private_key");
        struct public_key public_key, private_key; /* the two messages have the same form */
        assert_true(public_key_decode(buffer_bytes(&public_protobuf), &public_key, NULL));
        assert_true(public_key_decode(buffer_bytes(&private_protobuf), &private_key, NULL));

        struct buffer signature = signature_of(all_types[i], private_key.data);
        struct error error = {0};
        if (!public_key_verify(&public_key, message(), buffer_bytes(&signature), &error))
            fail_msg("%s", error.text);
        assert_false(
            public_key_verify(&public_key, bytes_of_text("else"), buffer_bytes(&signature), NULL));
        assert_false(public_key_verify(&public_key, message(), bytes_of(NULL, 0), NULL));
        for (size_t size = 0; size < signature.size; size++)
            assert_false(
                public_key_verify(&public_key, message(), bytes_of(signature.data, size), &error));
        signature.data[signature.size - 1] ^= 1;
        assert_false(public_key_verify(&public_key, message(), buffer_bytes(&signature), &error));
        assert_non_null(strstr(error.text, key_type_name(all_types[i])));
        buffer_clear(&signature);
        buffer_clear(&public_protobuf);
        buffer_clear(&private_protobuf);
    }
    json_decref(keys);
}

static void another_hash_than_sha256_is_refused(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    const enum key_type types[] = {KEY_RSA, KEY_ECDSA};
    for (size_t i = 0; i < 2; i++) {
        json_t *vector = key_vector(keys, key_type_name(types[i]));
        struct buffer public_protobuf = vector_bytes(vector, "public_key");
        struct buffer private_protobuf = vector_bytes(vector, "private_key");
        struct public_key public_key, private_key;
        assert_true(public_key_decode(buffer_bytes(&public_protobuf), &public_key, NULL));
        assert_true(public_key_decode(buffer_bytes(&private_protobuf), &private_key, NULL));
        struct buffer signature = signed_by_gnutls(types[i], private_key.data, GNUTLS_DIG_SHA384);
        assert_false(public_key_verify(&public_key, message(), buffer_bytes(&signature), NULL));
        buffer_clear(&signature);
        buffer_clear(&public_protobuf);
        buffer_clear(&private_protobuf);
    }
    json_decref(keys);
}

/* Writes a DER signature whose S is the order of secp256k1 less that of SIGNATURE. */
static void make_high_s(struct buffer *signature)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                      0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    secp256k1_ecdsa_signature parsed;
    uint8_t compact[64], der[72];
    size_t size = sizeof(der);
    assert_true(secp256k1_ecdsa_signature_parse_der(secp256k1_context_static, &parsed,
                                                    signature->data, signature->size));
    secp256k1_ecdsa_signature_serialize_compact(secp256k1_context_static, compact, &parsed);
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int difference = order[i] - compact[32 + i] - borrow;
        borrow = difference < 0;
        compact[32 + i] = (uint8_t)difference;
    }
    assert_true(
        secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed, compact));
    assert_true(
        secp256k1_ecdsa_signature_serialize_der(secp256k1_context_static, der, &size, &parsed));
    signature->size = 0;
    buffer_append(signature, der, size);
}

static void a_secp256k1_signature_with_high_s_verifies(void **state)
{
    (void)state;
    struct identity *identity = identity_generate();
    struct public_key key;
    assert_true(public_key_decode(identity_public_key(identity), &key, NULL));
    struct buffer signature = {0};
    identity_sign(identity, message(), &signature);
    assert_false(public_key_is_high_s(&key, buffer_bytes(&signature)));
    make_high_s(&signature);
    assert_true(public_key_is_high_s(&key, buffer_bytes(&signature)));
    assert_true(public_key_verify(&key, message(), buffer_bytes(&signature), NULL));
    buffer_clear(&signature);
    identity_free(identity);
}

static void malformed_protobufs_are_refused_with_the_reason(void **state)
{
    (void)state;
    const struct {
        const char *hex, *reason;
    } bad[] = {
        {"", "no type"},
        {"0801", "no data"},
        {"120100", "no type"},
        {"0804120100", "unknown key type 4"},
        {"08ffffffffffffffffff01120100", "unknown key type"},
        {"0801122001", "malformed"},
        {"08", "malformed"},
        {"080112", "malformed"},
        {"080112ffffffffffffffffff01", "malformed"},
        {"0801120100 1b", "malformed"}, /* a group */
        {"0801120100 19000000", "malformed"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char digits[64];
        size_t count = 0;
        for (const char *c = bad[i].hex; *c != '\0'; c++)
            if (*c != ' ')
                digits[count++] = *c;
        digits[count] = '\0';
        struct buffer protobuf = {0};
        assert_true(hex_read(digits, &protobuf));
        struct public_key key;
        struct error error = {0};
        assert_false(public_key_decode(buffer_bytes(&protobuf), &key, &error));
        if (strstr(error.text, bad[i].reason) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].hex, error.text, bad[i].reason);
        buffer_clear(&protobuf);
    }
    static uint8_t large[PUBLIC_KEY_SIZE_MAX + 1];
    struct public_key key;
    assert_false(public_key_decode(bytes_of(large, sizeof(large)), &key, NULL));
}

static void unknown_fields_are_skipped_and_not_in_the_encoding(void **state)
{
    (void)state;
    struct buffer protobuf = {0}, encoded = {0}, expected = {0};
    /* fields 3 to 6 of each wire type around type and data, the data first */
    assert_true(hex_read("187f"
                         "1202abcd"
                         "22016f"
                         "290102030405060708"
                         "0802"
                         "3501020304",
                         &protobuf));
    assert_true(hex_read("08021202abcd", &expected));
    struct public_key key;
    assert_true(public_key_decode(buffer_bytes(&protobuf), &key, NULL));
    public_key_encode(&key, &encoded);
    assert_true(bytes_equal(buffer_bytes(&encoded), buffer_bytes(&expected)));
    buffer_clear(&protobuf);
    buffer_clear(&encoded);
    buffer_clear(&expected);
}

static void a_key_that_is_none_of_its_type_verifies_nothing(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    struct buffer protobuf = vector_bytes(key_vector(keys, "ecdsa"), "public_key");
    struct public_key key;
    assert_true(public_key_decode(buffer_bytes(&protobuf), &key, NULL));
    struct error error = {0};
    for (size_t i = 0; i < 3; i++) {
        key.type = all_types[i];
        assert_false(public_key_verify(&key, message(), bytes_of_text("signature"), &error));
        assert_non_null(strstr(error.text, key_type_name(all_types[i])));
    }
    key.data.size = 0;
    for (size_t i = 0; i < 4; i++) {
        key.type = all_types[i];
        assert_false(public_key_verify(&key, message(), bytes_of_text("signature"), &error));
    }
    buffer_clear(&protobuf);
    json_decref(keys);
}

static void an_rsa_key_of_1024_bits_is_refused(void **state)
{
    (void)state;
    gnutls_privkey_t private_key;
    gnutls_pubkey_t public_key;
    gnutls_datum_t spki, made;
    gnutls_datum_t data = datum_of(message());
    assert_int_equal(gnutls_privkey_init(&private_key), 0);
    assert_int_equal(gnutls_pubkey_init(&public_key), 0);
    assert_int_equal(gnutls_privkey_generate(private_key, GNUTLS_PK_RSA, 1024, 0), 0);
    assert_int_equal(gnutls_privkey_sign_data(private_key, GNUTLS_DIG_SHA256, 0, &data, &made), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(public_key, private_key, 0, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &spki), 0);
    struct public_key key = {.type = KEY_RSA, .data = bytes_of(spki.data, spki.size)};
    struct error error = {0};
    assert_false(public_key_verify(&key, message(), bytes_of(made.data, made.size), &error));
    assert_non_null(strstr(error.text, "1024 bits"));
    gnutls_free(spki.data);
    gnutls_free(made.data);
    gnutls_pubkey_deinit(public_key);
    gnutls_privkey_deinit(private_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_all_types_have_their_peer_id),
        cmocka_unit_test(the_reference_names_an_ed25519_key_alike),
        cmocka_unit_test(what_a_key_of_any_type_signs_verifies_and_nothing_else_does),
        cmocka_unit_test(another_hash_than_sha256_is_refused),
        cmocka_unit_test(a_secp256k1_signature_with_high_s_verifies),
        cmocka_unit_test(malformed_protobufs_are_refused_with_the_reason),
        cmocka_unit_test(unknown_fields_are_skipped_and_not_in_the_encoding),
        cmocka_unit_test(a_key_that_is_none_of_its_type_verifies_nothing),
        cmocka_unit_test(an_rsa_key_of_1024_bits_is_refused),
    };
    return cmocka_run_group_tests_name("public_key", tests, NULL, NULL);
}
