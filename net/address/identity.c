#include "net/address/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <secp256k1.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/memory.h"
#include "common/program.h"
#include "common/sha256.h"
#include "net/address/other_key.h"

enum {
    KEY_FILE_SIZE = 2 * IDENTITY_SECRET_SIZE + 1,
    KEY_FILE_SIZE_MAX = 128, /* room for a "0x" and white space at the end */
    ANY_FILE_SIZE_MAX = 16384,
    SIGNATURE_SIZE_MAX = 72, /* DER of two 256-bit numbers */
};

static const char white_space[] = " \t\r\n"; /* that may stand behind a key */

struct identity {
    secp256k1_context *context; /* NULL where it is another key */
    struct other_key *other;
    uint8_t secret[IDENTITY_SECRET_SIZE];
    struct buffer public_key;
    struct peer_id peer_id;
};

static void random_fill(void *output, size_t size)
{
    /* Up to 256 bytes come whole, and only a kernel without the call can refuse. */
    ssize_t count;
    do
        count = getrandom(output, size, 0);
    while (count < 0 && errno == EINTR);
    if (count != (ssize_t)size)
        program_fail("no random numbers: getrandom failed");
}

static void encode_public_key(const secp256k1_context *context, const secp256k1_pubkey *point,
                              struct buffer *protobuf)
{
    uint8_t compressed[33];
    size_t size = sizeof(compressed);
    secp256k1_ec_pubkey_serialize(context, compressed, &size, point, SECP256K1_EC_COMPRESSED);
    struct public_key key = {.type = KEY_SECP256K1, .data = bytes_of(compressed, size)};
    public_key_encode(&key, protobuf);
}

struct identity *identity_from_secret(struct bytes secret, struct error *error)
{
    if (secret.size != IDENTITY_SECRET_SIZE) {
        error_set(error, "secret key of %zu bytes; expected %d", secret.size, IDENTITY_SECRET_SIZE);
        return NULL;
    }
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    uint8_t blinding[32];
    random_fill(blinding, sizeof(blinding));
    secp256k1_pubkey point;
    if (context == NULL || !secp256k1_context_randomize(context, blinding) ||
        !secp256k1_ec_pubkey_create(context, &point, secret.data)) {
        error_set(error, "secret key is zero or not below the order of secp256k1");
        if (context != NULL)
            secp256k1_context_destroy(context);
        return NULL;
    }
    struct identity *identity = memory_new(sizeof(*identity));
    identity->context = context;
    memcpy(identity->secret, secret.data, secret.size);
    encode_public_key(context, &point, &identity->public_key);
    peer_id_of_public_key(buffer_bytes(&identity->public_key), &identity->peer_id);
    return identity;
}

static struct identity *identity_of_other(struct other_key *key, struct bytes file)
{
    static const char label[] = "of a private key: ";
    if (key == NULL)
        return NULL;
    struct identity *identity = memory_new(sizeof(*identity));
    struct buffer labelled = {0};
    identity->other = key;
    buffer_append(&labelled, label, sizeof(label));
    buffer_append(&labelled, file.data, file.size);
    sha256(buffer_bytes(&labelled), identity->secret);
    explicit_bzero(labelled.data, labelled.size);
    buffer_clear(&labelled);
    other_key_public(key, &identity->public_key);
    peer_id_of_public_key(buffer_bytes(&identity->public_key), &identity->peer_id);
    return identity;
}

struct identity *identity_generate(void)
{
    struct identity *identity;
    uint8_t secret[IDENTITY_SECRET_SIZE];
    do {
        random_fill(secret, sizeof(secret));
        identity = identity_from_secret(bytes_of(secret, sizeof(secret)), NULL);
    } while (identity == NULL);
    explicit_bzero(secret, sizeof(secret));
    return identity;
}

static struct identity *parse_key_file(const char *path, char *text, size_t size,
                                       struct error *error)
{
    while (size > 0 && strchr(white_space, text[size - 1]) != NULL)
        size--;
    text[size] = '\0';
    struct buffer secret = {0};
    struct identity *identity = NULL;
    if (strlen(text) != size || !hex_read(text, &secret) || secret.size != IDENTITY_SECRET_SIZE)
        error_set(error, "%s: not a key file: expected %d hexadecimal digits and a newline", path,
                  2 * IDENTITY_SECRET_SIZE);
    else if ((identity = identity_from_secret(buffer_bytes(&secret), error)) == NULL)
        error_prefix(error, "%s", path);
    if (secret.data != NULL)
        explicit_bzero(secret.data, secret.capacity);
    buffer_clear(&secret);
    return identity;
}

/* Whether FD is a plain file that its owner alone can use, or that is told by SHARED where it is
 * not NULL. */
static bool check_key_file(const char *path, int fd, bool *shared, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_kind(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s: not a plain file, so not a key file", path);
    bool others = (status.st_mode & 077) != 0;
    if (shared != NULL)
        *shared = others;
    else if (others)
        return error_set(error, "%s: others can use this key (mode %04o); run: chmod 600 %s", path,
                         (unsigned)status.st_mode & 07777, path);
    return true;
}

static struct identity *load(const char *path, int fd, bool *shared, struct error *error)
{
    if (!check_key_file(path, fd, shared, error))
        return NULL;
    char text[KEY_FILE_SIZE_MAX + 1];
    ssize_t size = read(fd, text, sizeof(text));
    struct identity *identity = NULL;
    if (size < 0)
        error_set_kind(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    else if (size > KEY_FILE_SIZE_MAX)
        error_set(error,
                  "%s: not a key file: larger than %d bytes; expected %d hexadecimal digits and a "
                  "newline",
                  path, KEY_FILE_SIZE_MAX, 2 * IDENTITY_SECRET_SIZE);
    else
        identity = parse_key_file(path, text, (size_t)size, error);
    explicit_bzero(text, sizeof(text));
    return identity;
}

/* What a key file holds. */
static void key_file_text(const struct identity *identity, char text[KEY_FILE_SIZE + 1])
{
    hex_write(identity_secret(identity), text);
    text[KEY_FILE_SIZE - 1] = '\n';
}

bool identity_save(const struct identity *identity, const char *path, struct error *error)
{
    char text[KEY_FILE_SIZE + 1];
    key_file_text(identity, text);
    bool saved = file_write(path, bytes_of(text, KEY_FILE_SIZE), 0600, error);
    explicit_bzero(text, sizeof(text));
    return saved;
}

/*
 * Writes a fresh key beside PATH and links it there, which leaves alone a file that another process
 * has made meanwhile. True where a key file is there afterwards, whoever made it.
 */
static bool create(const char *path, struct error *error)
{
    struct identity *identity = identity_generate();
    char text[KEY_FILE_SIZE + 1];
    key_file_text(identity, text);
    identity_free(identity);

    char *fresh = text_format("%s.XXXXXX", path);
    int fd = mkostemp(fresh, O_CLOEXEC); /* for us alone, and through no link */
    bool made = fd >= 0 && file_write_all(fd, bytes_of(text, KEY_FILE_SIZE)) &&
                (link(fresh, path) == 0 || errno == EEXIST);
    int code = errno;
    if (fd >= 0) {
        close(fd);
        unlink(fresh);
    }
    if (!made)
        error_set_kind(error, ERROR_SYSTEM, "%s: cannot make the key file: %s", path,
                       strerror(code));
    explicit_bzero(text, sizeof(text));
    free(fresh);
    errno = code;
    return made;
}

/* Not to wait for a writer where the path is a named pipe. */
static int open_key_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static struct identity *load_and_close(const char *path, int fd, bool *shared, struct error *error)
{
    if (fd < 0) {
        struct stat about;
        bool dangles = errno == ENOENT && lstat(path, &about) == 0;
        error_set_kind(error, ERROR_SYSTEM, "%s: cannot read the key file: %s", path,
                       dangles ? "a link to nothing, through which none is made" : strerror(errno));
        return NULL;
    }
    struct identity *identity = load(path, fd, shared, error);
    close(fd);
    if (identity == NULL)
        errno = EINVAL;
    return identity;
}

struct identity *identity_load_or_create(const char *path, struct error *error)
{
    int fd = open_key_file(path);
    if (fd < 0 && errno == ENOENT) {
        if (!create(path, error))
            return NULL;
        fd = open_key_file(path);
    }
    return load_and_close(path, fd, NULL, error);
}

struct identity *identity_load(const char *path, bool *shared, struct error *error)
{
    return load_and_close(path, open_key_file(path), shared, error);
}

/* ---- keys of other nodes ---- */

static struct identity *of_digits(const char *digits, bool ed25519, struct error *error)
{
    struct buffer secret = {0};
    struct identity *identity = NULL;
    if (!hex_read(digits, &secret))
        error_set(error, "expected %d hexadecimal digits", 2 * IDENTITY_SECRET_SIZE);
    else if (ed25519)
        identity = identity_of_other(other_key_ed25519(buffer_bytes(&secret), error),
                                     buffer_bytes(&secret));
    else
        identity = identity_from_secret(buffer_bytes(&secret), error);
    if (secret.data != NULL)
        explicit_bzero(secret.data, secret.capacity);
    buffer_clear(&secret);
    return identity;
}

/* A PrivateKey is written as a PublicKey is. */
static struct identity *of_protobuf(struct bytes file, struct error *error)
{
    struct public_key key;
    if (!public_key_decode(file, &key, NULL)) {
        error_set(error,
                  "no key in a form that is known: %d hexadecimal digits, ed25519: and as "
                  "many, a PrivateKey of libp2p's, or PEM",
                  2 * IDENTITY_SECRET_SIZE);
        return NULL;
    }
    if (key.type == KEY_SECP256K1)
        return identity_from_secret(key.data, error);
    if (key.type == KEY_ED25519)
        return identity_of_other(other_key_ed25519(key.data, error), file);
    return identity_of_other(other_key_der(key.type, key.data, error), file);
}

static struct identity *of_file(struct buffer *file, struct error *error)
{
    static const char pem[] = "-----BEGIN ", ed25519[] = "ed25519:";
    if (file->size == 0)
        return of_protobuf(buffer_bytes(file), error);
    if (memmem(file->data, file->size, pem, strlen(pem)) != NULL)
        return identity_of_other(other_key_pem(buffer_bytes(file), error), buffer_bytes(file));
    char *text = text_format("%.*s", (int)file->size, (const char *)file->data);
    size_t length = strcspn(text, white_space);
    size_t end = length + strspn(text + length, white_space);
    text[length] = '\0';
    bool is_ed25519 = strncmp(text, ed25519, strlen(ed25519)) == 0;
    const char *digits = is_ed25519 ? text + strlen(ed25519) : text;
    bool is_text = is_ed25519 || strspn(digits, "0123456789abcdefABCDEFxX") >= IDENTITY_SECRET_SIZE;
    struct identity *identity = NULL;
    if (!is_text)
        identity = of_protobuf(buffer_bytes(file), error);
    else if (end < file->size)
        error_set(error, "more stands behind the digits; expected %d and a newline",
                  2 * IDENTITY_SECRET_SIZE);
    else
        identity = of_digits(digits, is_ed25519, error);
    explicit_bzero(text, strlen(text));
    free(text);
    return identity;
}

struct identity *identity_load_any(const char *path, bool pipe, bool *shared, struct error *error)
{
    struct stat about;
    struct buffer file = {0};
    bool read = pipe ? file_read_pipe(path, ANY_FILE_SIZE_MAX, &file, error)
                     : file_read_plain(path, ANY_FILE_SIZE_MAX, &file, error);
    if (!read)
        return NULL;
    *shared = stat(path, &about) == 0 && (about.st_mode & 077) != 0;
    struct identity *identity = of_file(&file, error);
    if (identity == NULL)
        error_prefix(error, "%s", path);
    if (file.data != NULL)
        explicit_bzero(file.data, file.capacity);
    buffer_clear(&file);
    return identity;
}

void identity_free(struct identity *identity)
{
    if (identity == NULL)
        return;
    if (identity->context != NULL)
        secp256k1_context_destroy(identity->context);
    other_key_free(identity->other);
    explicit_bzero(identity->secret, sizeof(identity->secret));
    buffer_clear(&identity->public_key);
    free(identity);
}

const struct peer_id *identity_peer_id(const struct identity *identity)
{
    return &identity->peer_id;
}

struct bytes identity_public_key(const struct identity *identity)
{
    return buffer_bytes(&identity->public_key);
}

enum key_type identity_key_type(const struct identity *identity)
{
    return identity->other != NULL ? other_key_type(identity->other) : KEY_SECP256K1;
}

struct bytes identity_secret(const struct identity *identity)
{
    return bytes_of(identity->secret, sizeof(identity->secret));
}

void identity_sign(const struct identity *identity, struct bytes message, struct buffer *signature)
{
    uint8_t digest[SHA256_SIZE];
    if (identity->other != NULL) {
        other_key_sign(identity->other, message, signature);
        return;
    }
    sha256(message, digest);

    /* Neither call can fail: the secret was checked, and the room suffices for any signature. */
    secp256k1_ecdsa_signature made;
    secp256k1_ecdsa_sign(identity->context, &made, digest, identity->secret, NULL, NULL);
    uint8_t der[SIGNATURE_SIZE_MAX];
    size_t size = sizeof(der);
    secp256k1_ecdsa_signature_serialize_der(identity->context, der, &size, &made);
    buffer_append(signature, der, size);
}

void identity_sign_digest(const struct identity *identity,
                          const uint8_t digest[IDENTITY_DIGEST_SIZE],
                          uint8_t signature[IDENTITY_SIGNATURE_SIZE])
{
    secp256k1_ecdsa_signature made;
    secp256k1_ecdsa_sign(identity->context, &made, digest, identity->secret, NULL, NULL);
    secp256k1_ecdsa_signature_serialize_compact(identity->context, signature, &made);
}
