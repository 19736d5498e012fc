#include "net/address/public_key.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <secp256k1.h>

#include "common/sha256.h"
#include "common/varint.h"

enum { ED25519_KEY_SIZE = 32, SECP256K1_KEY_SIZE = 33 };

const char *key_type_name(enum key_type type)
{
    static const char *const names[] = {"rsa", "ed25519", "secp256k1", "ecdsa"};
    return names[type];
}

/* Protobuf: a field is a varint of number << 3 | wire type, and then its value. */
enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
    FIELD_TYPE = 1 << 3 | WIRE_VARINT,
    FIELD_DATA = 2 << 3 | WIRE_BYTES,
};

struct field {
    uint64_t key;
    uint64_t number; /* the value, or the length of the bytes */
    struct bytes bytes;
};

static bool take_varint(struct bytes *input, uint64_t *value)
{
    int size = varint_read(*input, value);
    if (size <= 0)
        return false;
    *input = bytes_after(*input, (size_t)size);
    return true;
}

static bool take_field(struct bytes *input, struct field *field)
{
    *field = (struct field){0};
    if (!take_varint(input, &field->key))
        return false;
    switch (field->key & 7) {
    case WIRE_VARINT:
        return take_varint(input, &field->number);
    case WIRE_FIXED64:
        field->number = 8;
        break;
    case WIRE_FIXED32:
        field->number = 4;
        break;
    case WIRE_BYTES:
        if (!take_varint(input, &field->number))
            return false;
        break;
    default:
        return false;
    }
    if (field->number > input->size)
        return false;
    field->bytes = bytes_of(input->data, (size_t)field->number);
    *input = bytes_after(*input, (size_t)field->number);
    return true;
}

bool public_key_decode(struct bytes protobuf, struct public_key *key, struct error *error)
{
    if (protobuf.size > PUBLIC_KEY_SIZE_MAX)
        return error_set(error, "public key: %zu bytes; at most %d are taken", protobuf.size,
                         PUBLIC_KEY_SIZE_MAX);
    bool has_type = false, has_data = false;
    while (protobuf.size > 0) {
        struct field field;
        if (!take_field(&protobuf, &field))
            return error_set(error, "public key: malformed protobuf");
        if (field.key == FIELD_TYPE) {
            if (field.number > KEY_ECDSA)
                return error_set(error, "public key: unknown key type %llu",
                                 (unsigned long long)field.number);
            key->type = (enum key_type)field.number;
            has_type = true;
        } else if (field.key == FIELD_DATA) {
            key->data = field.bytes;
            has_data = true;
        }
    }
    if (!has_type || !has_data)
        return error_set(error, "public key: no %s in the protobuf", has_type ? "data" : "type");
    return true;
}

void public_key_encode(const struct public_key *key, struct buffer *protobuf)
{
    buffer_append_byte(protobuf, FIELD_TYPE);
    buffer_append_byte(protobuf, (uint8_t)key->type);
    buffer_append_byte(protobuf, FIELD_DATA);
    varint_append(protobuf, key->data.size);
    buffer_append(protobuf, key->data.data, key->data.size);
}

void peer_id_of_public_key(struct bytes protobuf, struct peer_id *id)
{
    *id = (struct peer_id){0};
    if (protobuf.size <= PEER_ID_IDENTITY_MAX) {
        id->bytes[0] = MULTIHASH_IDENTITY;
        id->bytes[1] = (uint8_t)protobuf.size;
        if (protobuf.size > 0)
            memcpy(id->bytes + 2, protobuf.data, protobuf.size);
    } else {
        id->bytes[0] = MULTIHASH_SHA2_256;
        id->bytes[1] = SHA256_SIZE;
        sha256(protobuf, id->bytes + 2);
    }
    id->size = (uint8_t)(id->bytes[1] + 2);
}

static bool verify_secp256k1(const struct public_key *key, struct bytes message,
                             struct bytes signature, struct error *error)
{
    const secp256k1_context *context = secp256k1_context_static;
    secp256k1_pubkey point;
    if (key->data.size != SECP256K1_KEY_SIZE ||
        !secp256k1_ec_pubkey_parse(context, &point, key->data.data, key->data.size))
        return error_set(error, "secp256k1: not a compressed public key of %d bytes",
                         SECP256K1_KEY_SIZE);
    secp256k1_ecdsa_signature parsed;
    if (signature.size == 0 ||
        !secp256k1_ecdsa_signature_parse_der(context, &parsed, signature.data, signature.size))
        return error_set(error, "secp256k1: the signature is not DER");
    /* The library verifies low S alone, and half of what other implementations sign is high. */
    secp256k1_ecdsa_signature_normalize(context, &parsed, &parsed);

    uint8_t digest[SHA256_SIZE];
    sha256(message, digest);
    return secp256k1_ecdsa_verify(context, &parsed, digest, &point) ||
           error_set(error, "secp256k1: the signature is wrong");
}

static gnutls_datum_t datum_of(struct bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
}

static bool import_ed25519(gnutls_pubkey_t output, struct bytes data, struct error *error)
{
    gnutls_datum_t point = datum_of(data);
    return (data.size == ED25519_KEY_SIZE &&
            gnutls_pubkey_import_ecc_raw(output, GNUTLS_ECC_CURVE_ED25519, &point, NULL) ==
                GNUTLS_E_SUCCESS) ||
           error_set(error, "ed25519: not a public key of %d bytes", ED25519_KEY_SIZE);
}

/* RSA and ECDSA keys are SubjectPublicKeyInfo in DER, which says its algorithm once more. */
static bool import_spki(gnutls_pubkey_t output, const struct public_key *key, struct error *error)
{
    gnutls_datum_t spki = datum_of(key->data);
    int code = gnutls_pubkey_import(output, &spki, GNUTLS_X509_FMT_DER);
    if (code != GNUTLS_E_SUCCESS)
        return error_set_kind(error, ERROR_SYSTEM, "%s: not a public key: %s",
                              key_type_name(key->type), gnutls_strerror(code));
    unsigned bits = 0;
    int algorithm = gnutls_pubkey_get_pk_algorithm(output, &bits);
    if (algorithm != (key->type == KEY_RSA ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA))
        return error_set(error, "%s: the key inside is for %s", key_type_name(key->type),
                         gnutls_pk_get_name(algorithm));
    if (key->type == KEY_RSA && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return error_set(error, "rsa: a key of %u bits; expected %d to %d", bits, RSA_BITS_MIN,
                         RSA_BITS_MAX);
    return true;
}

static bool verify_gnutls(const struct public_key *key, struct bytes message,
                          struct bytes signature, struct error *error)
{
    gnutls_pubkey_t imported;
    if (gnutls_pubkey_init(&imported) != GNUTLS_E_SUCCESS)
        return error_set(error, "public key: out of memory");
    bool verified = key->type == KEY_ED25519 ? import_ed25519(imported, key->data, error)
                                             : import_spki(imported, key, error);
    if (verified) {
        gnutls_sign_algorithm_t algorithm = key->type == KEY_RSA       ? GNUTLS_SIGN_RSA_SHA256
                                            : key->type == KEY_ED25519 ? GNUTLS_SIGN_EDDSA_ED25519
                                                                       : GNUTLS_SIGN_ECDSA_SHA256;
        gnutls_datum_t signed_data = datum_of(message), signature_data = datum_of(signature);
        verified = gnutls_pubkey_verify_data2(imported, algorithm, 0, &signed_data,
                                              &signature_data) >= 0 ||
                   error_set(error, "%s: the signature is wrong", key_type_name(key->type));
    }
    gnutls_pubkey_deinit(imported);
    return verified;
}

bool public_key_verify(const struct public_key *key, struct bytes message, struct bytes signature,
                       struct error *error)
{
    return key->type == KEY_SECP256K1 ? verify_secp256k1(key, message, signature, error)
                                      : verify_gnutls(key, message, signature, error);
}

bool public_key_is_high_s(const struct public_key *key, struct bytes signature)
{
    secp256k1_ecdsa_signature parsed;
    return key->type == KEY_SECP256K1 && signature.size > 0 &&
           secp256k1_ecdsa_signature_parse_der(secp256k1_context_static, &parsed, signature.data,
                                               signature.size) &&
           secp256k1_ecdsa_signature_normalize(secp256k1_context_static, NULL, &parsed);
}
