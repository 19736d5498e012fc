#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "net/quic/certificate.h"
#include "net/quic/der.h"

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

#define LIBP2P_OID "1.3.6.1.4.1.53594.1.1"

enum { NOW = 1750000000, DAY = 24 * 3600 };

/* A certificate that a test makes: a good one unless a field says otherwise. */
struct recipe {
    enum key_type type; /* of the identity key */
    time_t start, end;  /* 0: a day around NOW */
    bool critical, bare, other_key_signs, pss, high_s;
    gnutls_digest_algorithm_t digest;
    gnutls_pk_algorithm_t tls_key;
    struct bytes extension; /* instead of the right one */
    const char *prefix;     /* instead of libp2p-tls-handshake: */
    const char *further_oid;
    bool further_critical;
};

/* Identity keys of all types and a TLS key, made once. */
static gnutls_privkey_t identity_keys[4];
static gnutls_x509_privkey_t tls_keys[2];

static gnutls_datum_t datum_of(struct bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
}

static int make_keys(void **state)
{
    (void)state;
    const gnutls_pk_algorithm_t algorithms[] = {[KEY_RSA] = GNUTLS_PK_RSA,
                                                [KEY_ED25519] = GNUTLS_PK_EDDSA_ED25519,
                                                [KEY_SECP256K1] = GNUTLS_PK_UNKNOWN,
                                                [KEY_ECDSA] = GNUTLS_PK_ECDSA};
    for (size_t i = 0; i < 4; i++) {
        unsigned bits = i == KEY_RSA ? 2048 : 256;
        if (i != KEY_SECP256K1 &&
            (gnutls_privkey_init(&identity_keys[i]) < 0 ||
             gnutls_privkey_generate(identity_keys[i], algorithms[i], bits, 0) < 0))
            return -1;
    }
    for (size_t i = 0; i < 2; i++)
        if (gnutls_x509_privkey_init(&tls_keys[i]) < 0 ||
            gnutls_x509_privkey_generate(tls_keys[i], GNUTLS_PK_ECDSA, 256, 0) < 0)
            return -1;
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        if (identity_keys[i] != NULL)
            gnutls_privkey_deinit(identity_keys[i]);
    for (size_t i = 0; i < 2; i++)
        gnutls_x509_privkey_deinit(tls_keys[i]);
    return 0;
}

/* The PublicKey protobuf and the signature over MESSAGE of an identity key that GnuTLS knows. */
static void sign_with_gnutls(enum key_type type, struct bytes message, struct buffer *protobuf,
                             struct buffer *signature)
{
    gnutls_privkey_t private_key = identity_keys[type];
    gnutls_pubkey_t key;
    gnutls_datum_t exported = {0}, made, data = datum_of(message);
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(key, private_key, 0, 0), 0);
    if (type == KEY_ED25519)
        assert_int_equal(gnutls_pubkey_export_ecc_raw(key, NULL, &exported, NULL), 0);
    else
        assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &exported), 0);
    gnutls_digest_algorithm_t digest = type == KEY_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    assert_int_equal(gnutls_privkey_sign_data(private_key, digest, 0, &data, &made), 0);
    struct public_key public_key = {.type = type, .data = bytes_of(exported.data, exported.size)};
    public_key_encode(&public_key, protobuf);
    buffer_append(signature, made.data, made.size);
    gnutls_free(exported.data);
    gnutls_free(made.data);
    gnutls_pubkey_deinit(key);
}

/* Of secp256k1: the same with S less than the order of the curve by what it is now. */
static void turn_s(struct buffer *signature)
{
    secp256k1_ecdsa_signature parsed;
    uint8_t compact[64], der[72];
    size_t size = sizeof(der);
    const secp256k1_context *context = secp256k1_context_static;
    assert_true(
        secp256k1_ecdsa_signature_parse_der(context, &parsed, signature->data, signature->size));
    secp256k1_ecdsa_signature_serialize_compact(context, compact, &parsed);
    assert_true(secp256k1_ec_seckey_negate(context, compact + sizeof(compact) / 2));
    assert_true(secp256k1_ecdsa_signature_parse_compact(context, &parsed, compact));
    assert_true(secp256k1_ecdsa_signature_serialize_der(context, der, &size, &parsed));
    signature->size = 0;
    buffer_append(signature, der, size);
}

static struct buffer extension_for(const struct recipe *recipe, gnutls_x509_crt_t certificate)
{
    struct buffer message = {0}, protobuf = {0}, signature = {0}, parts = {0}, extension = {0};
    gnutls_pubkey_t key;
    gnutls_datum_t spki;
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import_x509(key, certificate, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki), 0);
    buffer_append_text(&message, recipe->prefix != NULL ? recipe->prefix : "libp2p-tls-handshake:");
    buffer_append(&message, spki.data, spki.size);
    if (recipe->type == KEY_SECP256K1) {
        struct identity *identity = identity_generate();
        struct bytes encoded = identity_public_key(identity);
        buffer_append(&protobuf, encoded.data, encoded.size);
        identity_sign(identity, buffer_bytes(&message), &signature);
        if (recipe->high_s)
            turn_s(&signature);
        identity_free(identity);
    } else {
        sign_with_gnutls(recipe->type, buffer_bytes(&message), &protobuf, &signature);
    }
    der_append(&parts, DER_OCTET_STRING, buffer_bytes(&protobuf));
    der_append(&parts, DER_OCTET_STRING, buffer_bytes(&signature));
    der_append(&extension, DER_SEQUENCE, buffer_bytes(&parts));
    gnutls_free(spki.data);
    gnutls_pubkey_deinit(key);
    buffer_clear(&message);
    buffer_clear(&protobuf);
    buffer_clear(&signature);
    buffer_clear(&parts);
    return extension;
}

static struct buffer make(const struct recipe *recipe)
{
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key = tls_keys[0];
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    if (recipe->tls_key != GNUTLS_PK_UNKNOWN) {
        assert_int_equal(gnutls_x509_privkey_init(&key), 0);
        assert_int_equal(gnutls_x509_privkey_generate(key, recipe->tls_key,
                                                      recipe->tls_key == GNUTLS_PK_RSA ? 2048 : 256,
                                                      0),
                         0);
    }
    assert_int_equal(gnutls_x509_crt_set_version(certificate, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(certificate, "\x01", 1), 0);
    gnutls_x509_crt_set_activation_time(certificate,
                                        recipe->start != 0 ? recipe->start : NOW - DAY);
    gnutls_x509_crt_set_expiration_time(certificate, recipe->end != 0 ? recipe->end : NOW + DAY);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, key), 0);

    struct buffer extension = extension_for(recipe, certificate);
    if (recipe->extension.data != NULL) {
        extension.size = 0;
        buffer_append(&extension, recipe->extension.data, recipe->extension.size);
    }
    if (!recipe->bare)
        assert_int_equal(gnutls_x509_crt_set_extension_by_oid(certificate, LIBP2P_OID,
                                                              extension.data, extension.size,
                                                              recipe->critical),
                         0);
    if (recipe->further_oid != NULL)
        assert_int_equal(gnutls_x509_crt_set_extension_by_oid(certificate, recipe->further_oid,
                                                              extension.data, extension.size,
                                                              recipe->further_critical),
                         0);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate,
                                           recipe->other_key_signs ? tls_keys[1] : key,
                                           recipe->digest != 0 ? recipe->digest : GNUTLS_DIG_SHA256,
                                           recipe->pss ? GNUTLS_PRIVKEY_SIGN_FLAG_RSA_PSS : 0),
                     0);
    gnutls_datum_t exported;
    assert_int_equal(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &exported), 0);
    struct buffer der = {0};
    buffer_append(&der, exported.data, exported.size);
    gnutls_free(exported.data);
    gnutls_x509_crt_deinit(certificate);
    if (key != tls_keys[0])
        gnutls_x509_privkey_deinit(key);
    buffer_clear(&extension);
    return der;
}

/* Builds DER from TBS, the contents of a TBSCertificate, with a right self-signature. */
static struct buffer sign_again(struct bytes tbs_contents)
{
    static const uint8_t ecdsa_with_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                                0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    struct buffer parts = {0}, bits = {0}, der = {0};
    der_append(&parts, DER_SEQUENCE, tbs_contents);
    gnutls_privkey_t key;
    gnutls_datum_t made, data = datum_of(buffer_bytes(&parts));
    assert_int_equal(gnutls_privkey_init(&key), 0);
    assert_int_equal(gnutls_privkey_import_x509(key, tls_keys[0], 0), 0);
    assert_int_equal(gnutls_privkey_sign_data(key, GNUTLS_DIG_SHA256, 0, &data, &made), 0);
    buffer_append_byte(&bits, 0);
    buffer_append(&bits, made.data, made.size);
    buffer_append(&parts, ecdsa_with_sha256, sizeof(ecdsa_with_sha256));
    der_append(&parts, DER_BIT_STRING, buffer_bytes(&bits));
    der_append(&der, DER_SEQUENCE, buffer_bytes(&parts));
    gnutls_free(made.data);
    gnutls_privkey_deinit(key);
    buffer_clear(&parts);
    buffer_clear(&bits);
    return der;
}

static struct bytes tbs_contents_of(const struct buffer *der)
{
    struct bytes rest = buffer_bytes(der);
    struct der_value certificate, tbs;
    assert_true(der_take(&rest, DER_SEQUENCE, &certificate));
    assert_true(der_take(&certificate.contents, DER_SEQUENCE, &tbs));
    return tbs.contents;
}

static void assert_accepted(struct bytes der, time_t now, enum key_type type)
{
    struct certificate_peer peer;
    struct error error = {0};
    if (!certificate_verify(der, now, &peer, &error))
        fail_msg("refused: %s", error.text);
    assert_int_equal(peer.key_type, type);
}

static void assert_refused(struct bytes der, time_t now, const char *reason)
{
    struct certificate_peer peer;
    struct error error = {0};
    assert_false(certificate_verify(der, now, &peer, &error));
    if (strstr(error.text, reason) == NULL)
        fail_msg("says \"%s\", not \"%s\"", error.text, reason);
}

static void accept_recipe(struct recipe recipe)
{
    struct buffer der = make(&recipe);
    assert_accepted(buffer_bytes(&der), NOW, recipe.type);
    buffer_clear(&der);
}

static void refuse_recipe(struct recipe recipe, const char *reason)
{
    struct buffer der = make(&recipe);
    assert_refused(buffer_bytes(&der), NOW, reason);
    buffer_clear(&der);
}

static void the_specifications_certificates_are_judged_as_it_says(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("libp2p/certificates.json");
    size_t index;
    json_t *vector;
    json_array_foreach(vectors, index, vector)
    {
        struct buffer der = vector_bytes(vector, "certificate");
        struct certificate_peer peer;
        struct error error = {0};
        bool accepted = certificate_verify(buffer_bytes(&der), NOW, &peer, &error);
        if (json_object_get(vector, "peer_id") == NULL) {
            assert_false(accepted);
            assert_non_null(strstr(error.text, "the signature is wrong"));
        } else {
            if (!accepted)
                fail_msg("%s: %s", vector_text(vector, "name"), error.text);
            char text[PEER_ID_TEXT_SIZE];
            peer_id_text(&peer.id, text);
            assert_string_equal(text, vector_text(vector, "peer_id"));
            assert_string_equal(key_type_name(peer.key_type), vector_text(vector, "name"));
        }
        buffer_clear(&der);
    }
    assert_int_equal(index, 4);
    json_decref(vectors);
}

static void identities_of_all_types_are_accepted(void **state)
{
    (void)state;
    const enum key_type types[] = {KEY_RSA, KEY_ED25519, KEY_SECP256K1, KEY_ECDSA};
    for (size_t i = 0; i < 4; i++) {
        accept_recipe((struct recipe){.type = types[i]});
        accept_recipe((struct recipe){.type = types[i], .critical = true});
    }
}

static void tls_keys_of_other_algorithms_are_accepted(void **state)
{
    (void)state;
    accept_recipe((struct recipe){
        .type = KEY_SECP256K1, .tls_key = GNUTLS_PK_EDDSA_ED25519, .digest = GNUTLS_DIG_SHA512});
    accept_recipe((struct recipe){.type = KEY_SECP256K1, .tls_key = GNUTLS_PK_RSA});
    accept_recipe((struct recipe){.type = KEY_SECP256K1, .tls_key = GNUTLS_PK_RSA, .pss = true});
    accept_recipe((struct recipe){.type = KEY_SECP256K1, .digest = GNUTLS_DIG_SHA384});
}

static void our_own_credentials_are_accepted_and_name_us(void **state)
{
    (void)state;
    struct identity *identity = identity_generate();
    gnutls_certificate_credentials_t credentials = certificate_credentials(identity, NULL);
    assert_non_null(credentials);
    gnutls_datum_t der;
    assert_int_equal(gnutls_certificate_get_crt_raw(credentials, 0, 0, &der), 0);
    struct certificate_peer peer;
    struct error error = {0};
    time_t now = time(NULL);
    if (!certificate_verify(bytes_of(der.data, der.size), now, &peer, &error))
        fail_msg("%s", error.text);
    assert_true(peer_id_equal(&peer.id, identity_peer_id(identity)));
    assert_int_equal(peer.key_type, KEY_SECP256K1);
    /* The datagrams of a handshake have no room to waste. */
    assert_in_range(der.size, 200, 500);
    assert_accepted(bytes_of(der.data, der.size), now - 3500, KEY_SECP256K1);
    assert_accepted(bytes_of(der.data, der.size), now + 10000 * (time_t)DAY, KEY_SECP256K1);
    assert_refused(bytes_of(der.data, der.size), now - 3700, "not yet valid");
    gnutls_certificate_free_credentials(credentials);
    identity_free(identity);
}

static void what_a_certificate_says_is_told(void **state)
{
    (void)state;
    enum { TRIES = 40, LONG_S = 33 }; /* with the zero before its highest bit */
    unsigned high = 0;
    for (int i = 0; i < TRIES; i++) {
        const struct recipe recipe = {
            .type = KEY_SECP256K1, .critical = i % 2 == 1, .high_s = i % 3 == 0};
        struct buffer der = make(&recipe);
        struct certificate_peer peer;
        assert_true(certificate_verify(buffer_bytes(&der), NOW, &peer, NULL));
        assert_string_equal(peer.signature, "ECDSA-SHA256");
        assert_true(peer.valid_from < NOW && peer.valid_until > NOW);
        assert_int_equal(peer.extension_critical, recipe.critical);
        assert_int_equal(peer.high_s, recipe.high_s);
        const uint8_t *s = der.data + der.size - LONG_S;
        assert_int_equal(peer.own_high_s, s[-1] == LONG_S && s[0] == 0);
        high += peer.own_high_s;
        buffer_clear(&der);
    }
    assert_in_range(high, 1, TRIES - 1);
}

static void a_certificate_out_of_its_time_is_refused(void **state)
{
    (void)state;
    struct recipe recipe = {.type = KEY_SECP256K1, .start = NOW, .end = NOW + 10};
    struct buffer der = make(&recipe);
    assert_refused(buffer_bytes(&der), NOW - 1, "not yet valid: begins 1 s from now");
    assert_accepted(buffer_bytes(&der), NOW, KEY_SECP256K1);
    assert_accepted(buffer_bytes(&der), NOW + 10, KEY_SECP256K1);
    assert_refused(buffer_bytes(&der), NOW + 11, "expired 1 s ago");
    buffer_clear(&der);
}

static void a_wrong_self_signature_is_refused(void **state)
{
    (void)state;
    refuse_recipe((struct recipe){.type = KEY_SECP256K1, .other_key_signs = true},
                  "self-signature (ECDSA-SHA256) is wrong");
    struct recipe recipe = {.type = KEY_SECP256K1};
    struct buffer der = make(&recipe);
    der.data[der.size - 1] ^= 1;
    assert_refused(buffer_bytes(&der), NOW, "self-signature (ECDSA-SHA256) is wrong");
    buffer_clear(&der);
}

static void a_self_signature_by_a_weak_hash_is_refused(void **state)
{
    (void)state;
    refuse_recipe((struct recipe){.type = KEY_SECP256K1, .digest = GNUTLS_DIG_SHA1}, "not secure");
    refuse_recipe(
        (struct recipe){.type = KEY_SECP256K1, .tls_key = GNUTLS_PK_RSA, .digest = GNUTLS_DIG_SHA1},
        "not secure");
    refuse_recipe(
        (struct recipe){.type = KEY_SECP256K1, .tls_key = GNUTLS_PK_RSA, .digest = GNUTLS_DIG_MD5},
        "not secure");
}

static void a_certificate_without_the_extension_is_refused(void **state)
{
    (void)state;
    refuse_recipe((struct recipe){.bare = true, .further_oid = "1.2.3.4"}, "is not there");
    refuse_recipe((struct recipe){.bare = true}, "is not there");
}

static void unknown_extensions_are_passed_over_unless_critical(void **state)
{
    (void)state;
    accept_recipe((struct recipe){.type = KEY_SECP256K1, .further_oid = "1.2.3.4"});
    refuse_recipe(
        (struct recipe){.type = KEY_SECP256K1, .further_oid = "1.2.3.4", .further_critical = true},
        "unknown critical extension 1.2.3.4");
}

static void the_extension_twice_is_refused(void **state)
{
    (void)state;
    struct recipe recipe = {.type = KEY_SECP256K1, .further_oid = "1.3.6.1.4.1.53594.1.2"};
    struct buffer der = make(&recipe), contents = {0};
    struct bytes tbs = tbs_contents_of(&der);
    buffer_append(&contents, tbs.data, tbs.size);
    struct buffer again = sign_again(buffer_bytes(&contents));
    assert_accepted(buffer_bytes(&again), NOW, KEY_SECP256K1);
    buffer_clear(&again);

    static const uint8_t oid[] = {0x2b, 6, 1, 4, 1, 0x83, 0xa2, 0x5a, 1, 2};
    uint8_t *found = memmem(contents.data, contents.size, oid, sizeof(oid));
    assert_non_null(found);
    found[sizeof(oid) - 1] = 1;
    again = sign_again(buffer_bytes(&contents));
    assert_refused(buffer_bytes(&again), NOW, "certificate: ");
    buffer_clear(&again);
    buffer_clear(&contents);
    buffer_clear(&der);
}

static void unique_ids_are_refused(void **state)
{
    (void)state;
    static const uint8_t issuer_unique_id[] = {0x81, 2, 0, 1};
    struct recipe recipe = {.type = KEY_SECP256K1};
    struct buffer der = make(&recipe), contents = {0};
    struct bytes tbs = tbs_contents_of(&der), rest = tbs;
    struct der_value part;
    assert_true(der_take(&rest, DER_CONTEXT(0), &part));
    assert_true(der_take(&rest, DER_INTEGER, &part));
    for (int i = 0; i < 5; i++)
        assert_true(der_take(&rest, DER_SEQUENCE, &part));
    buffer_append(&contents, tbs.data, tbs.size - rest.size);
    buffer_append(&contents, issuer_unique_id, sizeof(issuer_unique_id));
    buffer_append(&contents, rest.data, rest.size);
    struct buffer again = sign_again(buffer_bytes(&contents));
    assert_refused(buffer_bytes(&again), NOW, "not an X.509 certificate");
    buffer_clear(&again);
    buffer_clear(&contents);
    buffer_clear(&der);
}

static void a_malformed_extension_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
        const char *reason;
    } bad[] = {
        {{0}, 1, "malformed"},
        {{0x30, 0}, 2, "malformed"},
        {{0x31, 4, 4, 0, 4, 0}, 6, "malformed"},
        {{0x30, 2, 4, 0}, 4, "malformed"},
        {{0x30, 4, 3, 0, 4, 0}, 6, "malformed"},
        {{0x30, 4, 4, 0, 4, 0, 0}, 7, "malformed"},       /* a byte behind */
        {{0x30, 5, 4, 0, 4, 0, 0}, 7, "malformed"},       /* a byte inside */
        {{0x30, 6, 4, 0, 4, 0, 4, 0}, 8, "malformed"},    /* a third string */
        {{0x30, 5, 4, 0, 4, 0}, 6, "malformed"},          /* cut off */
        {{0x30, 0x81, 4, 4, 0, 4, 0}, 7, "malformed"},    /* a length not in its shortest form */
        {{0x30, 0x80, 4, 0, 4, 0, 0, 0}, 8, "malformed"}, /* an indefinite length */
        {{0x30, 4, 4, 0, 4, 0}, 6, "no type"},
        {{0x30, 7, 4, 3, 8, 1, 0x12, 4, 0}, 9, "malformed"},
        {{0x30, 8, 4, 4, 8, 2, 0x12, 0, 4, 0}, 10, "not a compressed public key"},
        {{0x30, 8, 4, 4, 8, 9, 0x12, 0, 4, 0}, 10, "unknown key type 9"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        refuse_recipe((struct recipe){.type = KEY_SECP256K1,
                                      .extension = bytes_of(bad[i].bytes, bad[i].size)},
                      bad[i].reason);
}

static void an_identity_signature_over_something_else_is_refused(void **state)
{
    (void)state;
    const enum key_type types[] = {KEY_RSA, KEY_ED25519, KEY_SECP256K1, KEY_ECDSA};
    for (size_t i = 0; i < 4; i++)
        refuse_recipe((struct recipe){.type = types[i], .prefix = "libp2p-tls-handshake"},
                      "the signature is wrong");
}

static void the_extension_of_another_certificate_is_refused(void **state)
{
    (void)state;
    gnutls_x509_crt_t other;
    struct recipe recipe = {.type = KEY_SECP256K1};
    assert_int_equal(gnutls_x509_crt_init(&other), 0);
    assert_int_equal(gnutls_x509_crt_set_key(other, tls_keys[1]), 0);
    struct buffer stolen = extension_for(&recipe, other);
    recipe.extension = buffer_bytes(&stolen);
    refuse_recipe(recipe, "the signature is wrong");
    buffer_clear(&stolen);
    gnutls_x509_crt_deinit(other);
}

static void one_key_has_one_peer_id_however_it_is_encoded(void **state)
{
    (void)state;
    struct identity *identity = identity_generate();
    struct buffer message = {0}, protobuf = {0}, signature = {0}, parts = {0}, extension = {0};
    gnutls_x509_crt_t certificate;
    gnutls_pubkey_t key;
    gnutls_datum_t spki;
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, tls_keys[0]), 0);
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import_x509(key, certificate, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki), 0);
    buffer_append_text(&message, "libp2p-tls-handshake:");
    buffer_append(&message, spki.data, spki.size);
    identity_sign(identity, buffer_bytes(&message), &signature);
    buffer_append(&protobuf, "\x18\x01", 2); /* a field of its own before those known */
    buffer_append(&protobuf, identity_public_key(identity).data,
                  identity_public_key(identity).size);
    der_append(&parts, DER_OCTET_STRING, buffer_bytes(&protobuf));
    der_append(&parts, DER_OCTET_STRING, buffer_bytes(&signature));
    der_append(&extension, DER_SEQUENCE, buffer_bytes(&parts));
    struct recipe recipe = {.type = KEY_SECP256K1, .extension = buffer_bytes(&extension)};
    struct buffer der = make(&recipe);
    struct certificate_peer peer;
    assert_true(certificate_verify(buffer_bytes(&der), NOW, &peer, NULL));
    assert_true(peer_id_equal(&peer.id, identity_peer_id(identity)));
    gnutls_free(spki.data);
    gnutls_pubkey_deinit(key);
    gnutls_x509_crt_deinit(certificate);
    buffer_clear(&message);
    buffer_clear(&protobuf);
    buffer_clear(&signature);
    buffer_clear(&parts);
    buffer_clear(&extension);
    buffer_clear(&der);
    identity_free(identity);
}

/* A copy of exactly SIZE bytes, so that the sanitizers see a read behind them. */
static bool verify_copy(struct bytes der, size_t size)
{
    uint8_t *copy = memory_new(size);
    memcpy(copy, der.data, size);
    struct certificate_peer peer;
    bool accepted = certificate_verify(bytes_of(copy, size), NOW, &peer, NULL);
    free(copy);
    return accepted;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct recipe recipe = {.type = KEY_SECP256K1};
    struct buffer der = make(&recipe);
    for (size_t size = 0; size < der.size; size++)
        assert_false(verify_copy(buffer_bytes(&der), size));
    assert_true(verify_copy(buffer_bytes(&der), der.size));
    buffer_append_byte(&der, 0);
    assert_false(verify_copy(buffer_bytes(&der), der.size));
    buffer_clear(&der);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct recipe recipe = {.type = KEY_SECP256K1};
    struct buffer der = make(&recipe);
    for (size_t i = 0; i < 8 * der.size; i++) {
        der.data[i / 8] ^= (uint8_t)(1U << i % 8);
        if (verify_copy(buffer_bytes(&der), der.size))
            fail_msg("accepted with bit %zu of byte %zu flipped", i % 8, i / 8);
        der.data[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    buffer_clear(&der);
}

static void a_certificate_over_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t *large = memory_new(CERTIFICATE_SIZE_MAX + 1);
    assert_refused(bytes_of(large, CERTIFICATE_SIZE_MAX + 1), NOW, "at most 16384");
    assert_refused(bytes_of(large, CERTIFICATE_SIZE_MAX), NOW, "not an X.509");
    free(large);
}

/* One side of a TLS handshake over a socket pair. */
static gnutls_session_t start_session(unsigned flags, gnutls_certificate_credentials_t credentials,
                                      int fd)
{
    gnutls_session_t session;
    assert_int_equal(gnutls_init(&session, flags | GNUTLS_NONBLOCK), 0);
    assert_int_equal(gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL), 0);
    assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_transport_set_int(session, fd);
    if (flags & GNUTLS_SERVER)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    return session;
}

/* What the server says of a client that presents CREDENTIALS; NULL where it is accepted. */
static char *verdict_on_client(gnutls_certificate_credentials_t credentials,
                               struct certificate_peer *peer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct identity *identity = identity_generate();
    gnutls_certificate_credentials_t own = certificate_credentials(identity, NULL);
    gnutls_session_t client = start_session(GNUTLS_CLIENT, credentials, fds[0]);
    gnutls_session_t server = start_session(GNUTLS_SERVER, own, fds[1]);
    int client_code = GNUTLS_E_AGAIN, server_code = GNUTLS_E_AGAIN;
    for (int i = 0; i < 20 && server_code != 0; i++) {
        if (client_code != 0)
            client_code = gnutls_handshake(client);
        server_code = gnutls_handshake(server);
    }
    assert_int_equal(server_code, 0);
    struct error error;
    struct certificate_peer server_peer;
    assert_true(certificate_verify_session(client, &server_peer, NULL));
    assert_true(peer_id_equal(&server_peer.id, identity_peer_id(identity)));
    char *verdict = certificate_verify_session(server, peer, &error) ? NULL : text_copy(error.text);
    gnutls_deinit(client);
    gnutls_deinit(server);
    gnutls_certificate_free_credentials(own);
    identity_free(identity);
    close(fds[0]);
    close(fds[1]);
    return verdict;
}

static void a_session_tells_whose_its_peers_one_certificate_is(void **state)
{
    (void)state;
    struct identity *identity = identity_generate();
    gnutls_certificate_credentials_t credentials = certificate_credentials(identity, NULL);
    struct certificate_peer peer;
    char *verdict = verdict_on_client(credentials, &peer);
    assert_null(verdict);
    assert_true(peer_id_equal(&peer.id, identity_peer_id(identity)));
    gnutls_certificate_free_credentials(credentials);
    identity_free(identity);
}

static void a_session_without_a_certificate_is_refused(void **state)
{
    (void)state;
    gnutls_certificate_credentials_t credentials;
    assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
    struct certificate_peer peer;
    char *verdict = verdict_on_client(credentials, &peer);
    assert_non_null(verdict);
    assert_non_null(strstr(verdict, "presented none"));
    free(verdict);
    gnutls_certificate_free_credentials(credentials);
}

/* A chain as given: what gnutls_certificate_set_x509_key takes, it sorts and shortens. */
static struct {
    gnutls_pcert_st certificates[2];
    gnutls_privkey_t key;
} chain;

/* The parameters are GnuTLS'. NOLINTNEXTLINE(readability-function-size) */
static int present_chain(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                         const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                         gnutls_pcert_st **certificates, unsigned *certificate_count,
                         gnutls_privkey_t *key)
{
    (void)session, (void)authorities, (void)count, (void)algorithms, (void)algorithm_count;
    *certificates = chain.certificates;
    *certificate_count = 2;
    *key = chain.key;
    return 0;
}

static void a_session_with_two_certificates_is_refused(void **state)
{
    (void)state;
    struct recipe recipe = {.type = KEY_SECP256K1};
    struct buffer der = make(&recipe);
    gnutls_datum_t data = datum_of(buffer_bytes(&der));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            gnutls_pcert_import_x509_raw(&chain.certificates[i], &data, GNUTLS_X509_FMT_DER, 0), 0);
    assert_int_equal(gnutls_privkey_init(&chain.key), 0);
    assert_int_equal(gnutls_privkey_import_x509(chain.key, tls_keys[0], 0), 0);
    gnutls_certificate_credentials_t credentials;
    assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
    gnutls_certificate_set_retrieve_function2(credentials, present_chain);

    struct certificate_peer peer;
    char *verdict = verdict_on_client(credentials, &peer);
    assert_non_null(verdict);
    assert_string_equal(verdict, "certificate: the peer presented 2; expected one");
    free(verdict);
    gnutls_certificate_free_credentials(credentials);
    gnutls_privkey_deinit(chain.key);
    for (size_t i = 0; i < 2; i++)
        gnutls_pcert_deinit(&chain.certificates[i]);
    buffer_clear(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_certificates_are_judged_as_it_says),
        cmocka_unit_test(identities_of_all_types_are_accepted),
        cmocka_unit_test(tls_keys_of_other_algorithms_are_accepted),
        cmocka_unit_test(our_own_credentials_are_accepted_and_name_us),
        cmocka_unit_test(what_a_certificate_says_is_told),
        cmocka_unit_test(a_certificate_out_of_its_time_is_refused),
        cmocka_unit_test(a_wrong_self_signature_is_refused),
        cmocka_unit_test(a_self_signature_by_a_weak_hash_is_refused),
        cmocka_unit_test(a_certificate_without_the_extension_is_refused),
        cmocka_unit_test(unknown_extensions_are_passed_over_unless_critical),
        cmocka_unit_test(the_extension_twice_is_refused),
        cmocka_unit_test(unique_ids_are_refused),
        cmocka_unit_test(a_malformed_extension_is_refused),
        cmocka_unit_test(an_identity_signature_over_something_else_is_refused),
        cmocka_unit_test(the_extension_of_another_certificate_is_refused),
        cmocka_unit_test(one_key_has_one_peer_id_however_it_is_encoded),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(a_certificate_over_the_limit_is_refused),
        cmocka_unit_test(a_session_tells_whose_its_peers_one_certificate_is),
        cmocka_unit_test(a_session_without_a_certificate_is_refused),
        cmocka_unit_test(a_session_with_two_certificates_is_refused),
    };
    return cmocka_run_group_tests_name("certificate", tests, make_keys, free_keys);
}
