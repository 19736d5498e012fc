#include "net/address/other_key.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "common/memory.h"

enum { ED25519_SIZE = 32 };

struct other_key {
    enum key_type type;
    gnutls_privkey_t key;
    struct buffer public_data; /* as the protobuf holds it */
};

static gnutls_datum_t datum_of(struct bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.data,
                            .size = (unsigned)bytes.size};
}

static bool type_of(gnutls_privkey_t key, enum key_type *type)
{
    switch (gnutls_privkey_get_pk_algorithm(key, NULL)) {
    case GNUTLS_PK_RSA:
        *type = KEY_RSA;
        return true;
    case GNUTLS_PK_EDDSA_ED25519:
        *type = KEY_ED25519;
        return true;
    case GNUTLS_PK_ECDSA:
        *type = KEY_ECDSA;
        return true;
    default:
        return false;
    }
}

/* Ed25519's is the point alone; the others' a SubjectPublicKeyInfo. */
static int export_public(struct other_key *key)
{
    gnutls_pubkey_t public_key;
    gnutls_datum_t data = {0};
    int code = gnutls_pubkey_init(&public_key);
    if (code < 0)
        return code;
    code = gnutls_pubkey_import_privkey(public_key, key->key, 0, 0);
    if (code >= 0)
        code = key->type == KEY_ED25519
                   ? gnutls_pubkey_export_ecc_raw2(public_key, NULL, &data, NULL, 0)
                   : gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &data);
    if (code >= 0)
        buffer_append(&key->public_data, data.data, data.size);
    gnutls_free(data.data);
    gnutls_pubkey_deinit(public_key);
    return code;
}

/* Takes over what CODE says was imported. */
static struct other_key *finish(struct other_key *key, int code, struct error *error)
{
    bool known = code >= 0 && type_of(key->key, &key->type);
    if (known)
        code = export_public(key);
    if (known && code >= 0)
        return key;
    if (code >= 0)
        error_set(error, "a key of a type that libp2p does not have");
    else
        error_set(error, "no key that can be read: %s", gnutls_strerror(code));
    other_key_free(key);
    return NULL;
}

static struct other_key *key_new(int *code)
{
    struct other_key *key = memory_new(sizeof(*key));
    *code = gnutls_privkey_init(&key->key);
    return key;
}

static int import_x509(struct other_key *key, gnutls_datum_t data, gnutls_x509_crt_fmt_t format)
{
    gnutls_x509_privkey_t parsed;
    int code = gnutls_x509_privkey_init(&parsed);
    if (code < 0)
        return code;
    code = gnutls_x509_privkey_import2(parsed, &data, format, NULL, 0);
    if (code >= 0)
        code = gnutls_privkey_import_x509(key->key, parsed, GNUTLS_PRIVKEY_IMPORT_COPY);
    gnutls_x509_privkey_deinit(parsed);
    return code;
}

static struct other_key *import(struct bytes data, gnutls_x509_crt_fmt_t format,
                                struct error *error)
{
    int code;
    struct other_key *key = key_new(&code);
    if (code >= 0)
        code = import_x509(key, datum_of(data), format);
    return finish(key, code, error);
}

/* As PKCS#8 (RFC 8410), of which GnuTLS computes the public key. */
struct other_key *other_key_ed25519(struct bytes secret, struct error *error)
{
    static const uint8_t start[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                    0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    if (secret.size < ED25519_SIZE || secret.size % ED25519_SIZE != 0) {
        error_set(error,
                  "an ed25519 key of %zu bytes; expected %d, or as many more of the public key",
                  secret.size, ED25519_SIZE);
        return NULL;
    }
    uint8_t der[sizeof(start) + ED25519_SIZE];
    memcpy(der, start, sizeof(start));
    memcpy(der + sizeof(start), secret.data, ED25519_SIZE);
    struct other_key *key = import(bytes_of(der, sizeof(der)), GNUTLS_X509_FMT_DER, error);
    explicit_bzero(der, sizeof(der));
    return key;
}

struct other_key *other_key_der(enum key_type type, struct bytes der, struct error *error)
{
    struct other_key *key = import(der, GNUTLS_X509_FMT_DER, error);
    if (key == NULL || key->type == type)
        return key;
    error_set(error, "holds a key of type %s, and says %s", key_type_name(key->type),
              key_type_name(type));
    other_key_free(key);
    return NULL;
}

struct other_key *other_key_pem(struct bytes pem, struct error *error)
{
    struct error why;
    struct other_key *key = import(pem, GNUTLS_X509_FMT_PEM, &why);
    if (key == NULL) /* GnuTLS does not know secp256k1 */
        error_set(error,
                  "PEM is read of ed25519, RSA and ECDSA keys without a password; of a secp256k1 "
                  "key, write the secret as 64 hexadecimal digits (%s)",
                  why.text);
    return key;
}

void other_key_free(struct other_key *key)
{
    if (key == NULL)
        return;
    if (key->key != NULL)
        gnutls_privkey_deinit(key->key);
    buffer_clear(&key->public_data);
    free(key);
}

enum key_type other_key_type(const struct other_key *key)
{
    return key->type;
}

void other_key_public(const struct other_key *key, struct buffer *protobuf)
{
    const struct public_key public_key = {.type = key->type,
                                          .data = buffer_bytes(&key->public_data)};
    public_key_encode(&public_key, protobuf);
}

void other_key_sign(const struct other_key *key, struct bytes message, struct buffer *signature)
{
    gnutls_sign_algorithm_t algorithm = key->type == KEY_RSA       ? GNUTLS_SIGN_RSA_SHA256
                                        : key->type == KEY_ED25519 ? GNUTLS_SIGN_EDDSA_ED25519
                                                                   : GNUTLS_SIGN_ECDSA_SHA256;
    gnutls_datum_t data = datum_of(message), made = {0};
    if (gnutls_privkey_sign_data2(key->key, algorithm, 0, &data, &made) >= 0)
        buffer_append(signature, made.data, made.size);
    gnutls_free(made.data);
}
