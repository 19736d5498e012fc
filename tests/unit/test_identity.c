#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/memory.h"
#include "net/address/identity.h"

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

static char folder[] = "/tmp/test_identity.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int remove_key(void **state)
{
    (void)state;
    return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
}

static void write_key(const char *text, size_t size, mode_t mode)
{
    assert_true(file_write(path, bytes_of(text, size), mode, NULL));
    assert_int_equal(chmod(path, mode), 0); /* whatever the umask */
}

static void the_specifications_secret_makes_its_public_key(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    const json_t *vector = json_array_get(keys, KEY_SECP256K1);
    struct buffer private_protobuf = vector_bytes(vector, "private_key");
    struct buffer public_protobuf = vector_bytes(vector, "public_key");
    struct public_key secret; /* a PrivateKey has the form of a PublicKey */
    assert_true(public_key_decode(buffer_bytes(&private_protobuf), &secret, NULL));

    struct identity *identity = identity_from_secret(secret.data, NULL);
    assert_non_null(identity);
    assert_true(bytes_equal(identity_public_key(identity), buffer_bytes(&public_protobuf)));
    assert_true(bytes_equal(identity_secret(identity), secret.data));
    char text[PEER_ID_TEXT_SIZE];
    peer_id_text(identity_peer_id(identity), text);
    assert_string_equal(text, vector_text(vector, "peer_id"));

    identity_free(identity);
    buffer_clear(&private_protobuf);
    buffer_clear(&public_protobuf);
    json_decref(keys);
}

static void a_secret_that_is_no_scalar_is_refused(void **state)
{
    (void)state;
    uint8_t secret[IDENTITY_SECRET_SIZE + 1] = {0};
    struct error error = {0};
    assert_null(identity_from_secret(bytes_of(secret, IDENTITY_SECRET_SIZE), &error));
    assert_non_null(strstr(error.text, "zero"));
    memset(secret, 0xff, sizeof(secret));
    assert_null(identity_from_secret(bytes_of(secret, IDENTITY_SECRET_SIZE), &error));
    secret[0] = 1;
    assert_null(identity_from_secret(bytes_of(secret, IDENTITY_SECRET_SIZE - 1), &error));
    assert_null(identity_from_secret(bytes_of(secret, IDENTITY_SECRET_SIZE + 1), &error));
    assert_non_null(strstr(error.text, "expected 32"));
}

static void generated_identities_differ(void **state)
{
    (void)state;
    struct identity *a = identity_generate(), *b = identity_generate();
    assert_false(peer_id_equal(identity_peer_id(a), identity_peer_id(b)));
    identity_free(a);
    identity_free(b);
    identity_free(NULL);
}

static void an_absent_key_file_is_made_for_its_owner_alone_and_read_again(void **state)
{
    (void)state;
    struct error error = {0};
    mode_t mask = umask(0);
    struct identity *made = identity_load_or_create(path, &error);
    umask(mask);
    if (made == NULL)
        fail_msg("%s", error.text);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_nlink, 1); /* nothing is left beside it */
    assert_int_equal(status.st_size, 65);

    struct identity *read = identity_load_or_create(path, &error);
    assert_non_null(read);
    assert_true(bytes_equal(identity_secret(made), identity_secret(read)));
    identity_free(made);
    identity_free(read);
}

static void processes_that_make_the_same_file_get_the_same_key(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct identity *identity = identity_load_or_create(path, NULL);
            if (identity == NULL)
                _exit(1);
            ssize_t count = write(pipes[1], identity_secret(identity).data, IDENTITY_SECRET_SIZE);
            identity_free(identity);
            _exit(count == IDENTITY_SECRET_SIZE ? 0 : 1);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int result = 1;
        wait(&result);
        assert_int_equal(result, 0);
    }
    uint8_t secrets[PROCESSES][IDENTITY_SECRET_SIZE];
    assert_int_equal(read(pipes[0], secrets, sizeof(secrets)), sizeof(secrets));
    for (int i = 1; i < PROCESSES; i++)
        assert_memory_equal(secrets[0], secrets[i], IDENTITY_SECRET_SIZE);
    close(pipes[0]);
    close(pipes[1]);
}

#define DIGITS "53dadf1d5a164d6b4acdb15e24aa4c5b1d3461bdbd42abedb0a4404d56ced8fb"

static void a_file_that_others_can_use_is_refused_with_the_remedy(void **state)
{
    (void)state;
    const mode_t modes[] = {0640, 0604, 0620, 0602, 0644, 0666};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        write_key(DIGITS "\n", 65, modes[i]);
        struct error error = {0};
        assert_null(identity_load_or_create(path, &error));
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, "chmod 600"));
    }
}

static void digits_with_or_without_newline_are_read(void **state)
{
    (void)state;
    const char *const texts[] = {DIGITS, DIGITS "\n", DIGITS "\r\n", "0x" DIGITS "\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        write_key(texts[i], strlen(texts[i]), 0400);
        struct identity *identity = identity_load_or_create(path, NULL);
        assert_non_null(identity);
        char *digits = hex_text(identity_secret(identity));
        assert_string_equal(digits, DIGITS);
        free(digits);
        identity_free(identity);
    }
}

static void a_malformed_file_is_refused_and_left_alone(void **state)
{
    (void)state;
    static const char zeros[64 + 1] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        const char *text;
        size_t size;
        const char *reason;
    } bad[] = {
        {"", 0, "not a key file"},
        {"\n", 1, "not a key file"},
        {DIGITS, 63, "not a key file"},
        {DIGITS "ab", 66, "not a key file"},
        {DIGITS "\n" DIGITS "\n", 130, "larger than 128 bytes; expected 64 hexadecimal digits"},
        {DIGITS "\0x\n", 67, "not a key file"},
        {"{\"key\":1}", 9, "not a key file"},
        {zeros, 64, "zero"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        write_key(bad[i].text, bad[i].size, 0600);
        struct error error = {0};
        assert_null(identity_load_or_create(path, &error));
        assert_non_null(strstr(error.text, path));
        if (strstr(error.text, bad[i].reason) == NULL)
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, error.text, bad[i].reason);
        struct buffer contents = {0};
        assert_true(file_read(path, 200, &contents, NULL));
        assert_true(bytes_equal(buffer_bytes(&contents), bytes_of(bad[i].text, bad[i].size)));
        buffer_clear(&contents);
    }
}

static void what_is_no_plain_file_is_refused_at_once(void **state)
{
    (void)state;
    struct error error = {0};
    assert_null(identity_load_or_create(folder, &error));
    assert_non_null(strstr(error.text, "not a plain file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(identity_load_or_create(path, &error));
    assert_non_null(strstr(error.text, "not a plain file"));
    bool shared;
    assert_null(identity_load_any(path, false, &shared, &error));
    assert_non_null(strstr(error.text, "not a plain file"));
    char *inside = text_format("%s/absent/key", folder);
    assert_null(identity_load_or_create(inside, &error));
    assert_non_null(strstr(error.text, "No such file"));
    free(inside);
}

/* Writes KEY_FILE and holds what is read of it to the public key, by what it signs, too. */
static void assert_key_of(struct bytes key_file, enum key_type type, struct bytes public_protobuf)
{
    static const char message[] = "whatever is signed";
    struct error error = {0};
    bool shared = true;
    write_key((const char *)key_file.data, key_file.size, 0600);
    struct identity *identity = identity_load_any(path, false, &shared, &error);
    assert_string_equal(error.text, "");
    assert_false(shared);
    assert_int_equal(identity_key_type(identity), type);
    assert_true(bytes_equal(identity_public_key(identity), public_protobuf));
    struct public_key key;
    struct buffer signature = {0};
    assert_true(public_key_decode(public_protobuf, &key, NULL));
    identity_sign(identity, bytes_of_text(message), &signature);
    assert_true(public_key_verify(&key, bytes_of_text(message), buffer_bytes(&signature), &error));
    buffer_clear(&signature);
    identity_free(identity);
}

static void keys_of_every_type_are_read_from_the_specifications_protobufs(void **state)
{
    (void)state;
    json_t *keys = vectors_load("libp2p/keys.json");
    for (size_t type = KEY_RSA; type <= KEY_ECDSA; type++) {
        const json_t *vector = json_array_get(keys, type);
        struct buffer private_protobuf = vector_bytes(vector, "private_key");
        struct buffer public_protobuf = vector_bytes(vector, "public_key");
        assert_key_of(buffer_bytes(&private_protobuf), (enum key_type)type,
                      buffer_bytes(&public_protobuf));
        buffer_clear(&private_protobuf);
        buffer_clear(&public_protobuf);
    }
    json_decref(keys);
}

static void an_ed25519_key_is_read_from_digits_and_from_pem(void **state)
{
    (void)state;
    /* RFC 8032, section 7.1, test 1. */
    static const char digits[] =
        "ed25519:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n";
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";
    struct buffer public_protobuf = {0};
    assert_true(hex_read("08011220"
                         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                         &public_protobuf));
    assert_key_of(bytes_of_text(digits), KEY_ED25519, buffer_bytes(&public_protobuf));
    assert_key_of(bytes_of_text(pem), KEY_ED25519, buffer_bytes(&public_protobuf));
    buffer_clear(&public_protobuf);
}

static void digits_of_any_node_are_read_as_ones_own_are(void **state)
{
    (void)state;
    const char *const texts[] = {DIGITS, DIGITS " \t\r\n\n", "0x" DIGITS "\n", "0X" DIGITS "\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct error error = {0};
        bool shared;
        write_key(texts[i], strlen(texts[i]), 0600);
        struct identity *identity = identity_load_any(path, false, &shared, &error);
        if (identity == NULL)
            fail_msg("case %zu: %s", i, error.text);
        char *digits = hex_text(identity_secret(identity));
        assert_string_equal(digits, DIGITS);
        free(digits);
        identity_free(identity);
    }
}

static void what_is_no_key_in_any_form_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"", "no key in a form that is known"},
        {"hello", "no key in a form that is known"},
        {"ed25519:0102", "an ed25519 key of 2 bytes"},
        {"0101010101010101010101010101010101", "secret key of 17 bytes"},
        {DIGITS "\n" DIGITS "\n", "more stands behind the digits"},
        {DIGITS " # zeam_0\n", "more stands behind the digits"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
         "no key that can be read"},
        /* Of secp256k1, as SEC 1 and PKCS#8 have it. */
        {"-----BEGIN EC PRIVATE KEY-----\n"
         "MHQCAQEEICsN+OFgiJUSFEOcBWwZL4adIn+9/6Mj2/2xu3FAhhlJoAcGBSuBBAAK\n"
         "oUQDQgAEPmwVbR5ztDPHG/hprqFEAvfv36EyQZ9Tg5zbhPE4PfhRdnvvskJ15QRm\n"
         "X9GndeFmrlbYKaV8y0Rh5WMo2t6kAQ==\n"
         "-----END EC PRIVATE KEY-----\n",
         "of a secp256k1 key, write the secret as 64 hexadecimal digits"},
        {"-----BEGIN PRIVATE KEY-----\n"
         "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgKw344WCIlRIUQ5wFbBkv\n"
         "hp0if73/oyPb/bG7cUCGGUmhRANCAAQ+bBVtHnO0M8cb+GmuoUQC9+/foTJBn1OD\n"
         "nNuE8Tg9+FF2e++yQnXlBGZf0ad14WauVtgppXzLRGHlYyja3qQB\n"
         "-----END PRIVATE KEY-----\n",
         "PEM is read of ed25519, RSA and ECDSA keys"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error error = {0};
        bool shared;
        write_key(bad[i].text, strlen(bad[i].text), 0600);
        assert_null(identity_load_any(path, false, &shared, &error));
        if (strstr(error.text, bad[i].told) == NULL || strstr(error.text, path) != error.text)
            fail_msg("case %zu: \"%s\"", i, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_secret_makes_its_public_key),
        cmocka_unit_test(a_secret_that_is_no_scalar_is_refused),
        cmocka_unit_test(generated_identities_differ),
        cmocka_unit_test_teardown(an_absent_key_file_is_made_for_its_owner_alone_and_read_again,
                                  remove_key),
        cmocka_unit_test_teardown(processes_that_make_the_same_file_get_the_same_key, remove_key),
        cmocka_unit_test_teardown(a_file_that_others_can_use_is_refused_with_the_remedy,
                                  remove_key),
        cmocka_unit_test_teardown(digits_with_or_without_newline_are_read, remove_key),
        cmocka_unit_test_teardown(a_malformed_file_is_refused_and_left_alone, remove_key),
        cmocka_unit_test_teardown(what_is_no_plain_file_is_refused_at_once, remove_key),
        cmocka_unit_test_teardown(keys_of_every_type_are_read_from_the_specifications_protobufs,
                                  remove_key),
        cmocka_unit_test_teardown(an_ed25519_key_is_read_from_digits_and_from_pem, remove_key),
        cmocka_unit_test_teardown(digits_of_any_node_are_read_as_ones_own_are, remove_key),
        cmocka_unit_test_teardown(what_is_no_key_in_any_form_is_named, remove_key),
    };
    return cmocka_run_group_tests_name("identity", tests, make_folder, remove_folder);
}
