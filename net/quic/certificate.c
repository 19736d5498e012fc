#include "net/quic/certificate.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "net/quic/der.h"

#define EXTENSION_OID "1.3.6.1.4.1.53594.1.1"
#define SIGNED_PREFIX "libp2p-tls-handshake:"

enum {
    EXTENSION_OID_SIZE = 128, /* as text; the longest that GnuTLS reads */
    SERIAL_SIZE = 8,
    VERSION_3 = 3,
    P256_BITS = 256,
    BACKDATED = 3600,      /* seconds, for peers whose clock is behind */
    LIFETIME_DAYS = 36525, /* a process lives shorter than a hundred years */
    SECONDS_PER_DAY = 24 * 3600,
};

static gnutls_datum_t datum_of(struct bytes bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
}

/* What an identity key signs: that the TLS key, as SubjectPublicKeyInfo, is its own. */
static void append_signed_message(struct buffer *output, struct bytes spki)
{
    buffer_append_text(output, SIGNED_PREFIX);
    buffer_append(output, spki.data, spki.size);
}

/*
 * Making one's own.
 */

/* SignedKey ::= SEQUENCE { publicKey OCTET STRING, signature OCTET STRING } */
static void append_signed_key(struct buffer *output, const struct identity *identity,
                              struct bytes spki)
{
    struct buffer message = {0}, signature = {0}, parts = {0};
    append_signed_message(&message, spki);
    identity_sign(identity, buffer_bytes(&message), &signature);
    der_append(&parts, DER_OCTET_STRING, identity_public_key(identity));
    der_append(&parts, DER_OCTET_STRING, buffer_bytes(&signature));
    der_append(output, DER_SEQUENCE, buffer_bytes(&parts));
    buffer_clear(&message);
    buffer_clear(&signature);
    buffer_clear(&parts);
}

static int set_extension(gnutls_x509_crt_t certificate, const struct identity *identity)
{
    gnutls_pubkey_t key;
    gnutls_datum_t spki = {0};
    int code = gnutls_pubkey_init(&key);
    if (code < 0)
        return code;
    if ((code = gnutls_pubkey_import_x509(key, certificate, 0)) >= 0 &&
        (code = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki)) >= 0) {
        struct buffer signed_key = {0};
        append_signed_key(&signed_key, identity, bytes_of(spki.data, spki.size));
        code = gnutls_x509_crt_set_extension_by_oid(certificate, EXTENSION_OID, signed_key.data,
                                                    signed_key.size, false);
        buffer_clear(&signed_key);
        gnutls_free(spki.data);
    }
    gnutls_pubkey_deinit(key);
    return code;
}

/* Fills in and signs CERTIFICATE for the TLS key KEY. The subject may stay empty. */
static int fill(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
                const struct identity *identity)
{
    uint8_t serial[SERIAL_SIZE];
    time_t now = time(NULL);
    int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and no leading zero */
    if (code < 0 || (code = gnutls_x509_crt_set_version(certificate, VERSION_3)) < 0 ||
        (code = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial))) < 0 ||
        (code = gnutls_x509_crt_set_activation_time(certificate, now - BACKDATED)) < 0 ||
        (code = gnutls_x509_crt_set_expiration_time(certificate, now + (time_t)LIFETIME_DAYS *
                                                                           SECONDS_PER_DAY)) < 0 ||
        (code = gnutls_x509_crt_set_key(certificate, key)) < 0 ||
        (code = set_extension(certificate, identity)) < 0)
        return code;
    return gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

static int generate(gnutls_certificate_credentials_t credentials, gnutls_x509_crt_t certificate,
                    gnutls_x509_privkey_t key, const struct identity *identity)
{
    int code = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (code < 0 || (code = fill(certificate, key, identity)) < 0)
        return code;
    return gnutls_certificate_set_x509_key(credentials, &certificate, 1, key);
}

gnutls_certificate_credentials_t certificate_credentials(const struct identity *identity,
                                                         struct error *error)
{
    gnutls_certificate_credentials_t credentials = NULL;
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t key = NULL;
    int code = gnutls_certificate_allocate_credentials(&credentials);
    if (code >= 0 && (code = gnutls_x509_crt_init(&certificate)) >= 0 &&
        (code = gnutls_x509_privkey_init(&key)) >= 0)
        code = generate(credentials, certificate, key, identity);
    /* The credentials have copies. */
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    if (code >= 0)
        return credentials;
    if (credentials != NULL)
        gnutls_certificate_free_credentials(credentials);
    error_set_kind(error, ERROR_SYSTEM, "cannot make a certificate: %s", gnutls_strerror(code));
    return NULL;
}

/*
 * Judging a peer's.
 */

/* The bytes of a certificate that signatures are made over, and the one made over them. */
struct cut {
    struct bytes signed_part; /* TBSCertificate */
    struct bytes spki;        /* SubjectPublicKeyInfo */
    struct bytes signature;
};

/*
 * Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
 * TBSCertificate ::= SEQUENCE { [0] version, serialNumber, signature, issuer, validity, subject,
 *                               subjectPublicKeyInfo, ([1] and [2] unique ids,) ([3] extensions) }
 * (RFC 5280, section 4.1; the unique ids must be left out.)
 */
static bool cut_certificate(struct bytes der, struct cut *cut)
{
    struct der_value certificate, tbs, outer_algorithm, inner_algorithm, part;
    if (!der_take(&der, DER_SEQUENCE, &certificate) || der.size > 0)
        return false;
    struct bytes rest = certificate.contents;
    if (!der_take(&rest, DER_SEQUENCE, &tbs) || !der_take(&rest, DER_SEQUENCE, &outer_algorithm) ||
        !der_take_bits(&rest, &cut->signature) || rest.size > 0)
        return false;
    cut->signed_part = tbs.whole;

    rest = tbs.contents;
    if (!der_take(&rest, DER_CONTEXT(0), &part) || !der_take(&rest, DER_INTEGER, &part) ||
        !der_take(&rest, DER_SEQUENCE, &inner_algorithm) || !der_take(&rest, DER_SEQUENCE, &part) ||
        !der_take(&rest, DER_SEQUENCE, &part) || !der_take(&rest, DER_SEQUENCE, &part) ||
        !der_take(&rest, DER_SEQUENCE, &part))
        return false;
    cut->spki = part.whole;
    return (rest.size == 0 || (der_take(&rest, DER_CONTEXT(3), &part) && rest.size == 0)) &&
           bytes_equal(inner_algorithm.whole, outer_algorithm.whole);
}

static bool check_validity(gnutls_x509_crt_t certificate, time_t now, struct certificate_peer *peer,
                           struct error *error)
{
    time_t start = gnutls_x509_crt_get_activation_time(certificate);
    time_t end = gnutls_x509_crt_get_expiration_time(certificate);
    if (start == (time_t)-1 || end == (time_t)-1)
        return error_set(error, "certificate: its time of validity cannot be read");
    peer->valid_from = start;
    peer->valid_until = end;
    if (now < start)
        return error_set(error,
                         "certificate: not yet valid: begins %lld s from now (is a clock "
                         "wrong?)",
                         (long long)(start - now));
    if (now > end)
        return error_set(error, "certificate: expired %lld s ago (is a clock wrong?)",
                         (long long)(now - end));
    return true;
}

/* ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279, section 2.2.3). */
static bool is_high_s_of_p256(gnutls_pubkey_t key, struct bytes signature)
{
    static const uint8_t half[] = {0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
                                   0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};
    unsigned bits = 0;
    struct der_value both, s;
    if (gnutls_pubkey_get_pk_algorithm(key, &bits) != GNUTLS_PK_ECDSA || bits != P256_BITS ||
        !der_take(&signature, DER_SEQUENCE, &both) || !der_take(&both.contents, DER_INTEGER, &s) ||
        !der_take(&both.contents, DER_INTEGER, &s))
        return false;
    if (s.contents.size != sizeof(half))
        return s.contents.size > sizeof(half); /* a zero stands before its highest bit */
    return memcmp(s.contents.data, half, sizeof(half)) > 0;
}

static bool check_self_signature(gnutls_x509_crt_t certificate, const struct cut *cut,
                                 struct certificate_peer *peer, struct error *error)
{
    gnutls_sign_algorithm_t algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    const char *name = gnutls_sign_get_name(algorithm);
    if (!gnutls_sign_is_secure2(algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
        return error_set(error, "certificate: self-signed by %s, which is not secure",
                         name != NULL ? name : "an unknown algorithm");
    gnutls_pubkey_t key;
    if (gnutls_pubkey_init(&key) < 0)
        return error_set(error, "certificate: out of memory");
    gnutls_datum_t spki = datum_of(cut->spki), signed_part = datum_of(cut->signed_part),
                   signature = datum_of(cut->signature);
    int code = gnutls_pubkey_import(key, &spki, GNUTLS_X509_FMT_DER);
    if (code >= 0)
        code = gnutls_pubkey_verify_data2(key, algorithm, 0, &signed_part, &signature);
    peer->signature = name;
    peer->own_high_s = code >= 0 && is_high_s_of_p256(key, cut->signature);
    gnutls_pubkey_deinit(key);
    return code >= 0 ||
           error_set_kind(error, ERROR_SYSTEM, "certificate: its self-signature (%s) is wrong: %s",
                          name, gnutls_strerror(code));
}

/* Finds the libp2p extension; no other may be critical, for we know none. */
static bool find_extension(gnutls_x509_crt_t certificate, gnutls_datum_t *extension,
                           bool *is_critical, struct error *error)
{
    bool found = false;
    for (unsigned i = 0;; i++) {
        char oid[EXTENSION_OID_SIZE] = "";
        size_t size = sizeof(oid);
        unsigned critical = 0;
        int code = gnutls_x509_crt_get_extension_info(certificate, i, oid, &size, &critical);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (code < 0)
            return error_set_kind(error, ERROR_SYSTEM,
                                  "certificate: extension %u cannot be read: %s", i,
                                  gnutls_strerror(code));
        if (strcmp(oid, EXTENSION_OID) != 0) {
            if (critical)
                return error_set(error, "certificate: unknown critical extension %s", oid);
        } else if (found) {
            return error_set(error, "certificate: the libp2p extension stands there twice");
        } else if (gnutls_x509_crt_get_extension_data2(certificate, i, extension) < 0) {
            return error_set(error, "certificate: the libp2p extension cannot be read");
        } else {
            found = true;
            *is_critical = critical != 0;
        }
    }
    return found ||
           error_set(error, "certificate: the libp2p extension (%s) is not there", EXTENSION_OID);
}

static bool cut_signed_key(struct bytes extension, struct bytes *protobuf, struct bytes *signature)
{
    struct der_value sequence, first, second;
    if (!der_take(&extension, DER_SEQUENCE, &sequence) || extension.size > 0)
        return false;
    struct bytes parts = sequence.contents;
    if (!der_take(&parts, DER_OCTET_STRING, &first) ||
        !der_take(&parts, DER_OCTET_STRING, &second) || parts.size > 0)
        return false;
    *protobuf = first.contents;
    *signature = second.contents;
    return true;
}

static bool check_signed_key(struct bytes extension, struct bytes spki,
                             struct certificate_peer *peer, struct error *error)
{
    struct bytes protobuf, signature;
    if (!cut_signed_key(extension, &protobuf, &signature))
        return error_set(error, "certificate: the libp2p extension is malformed: no sequence of "
                                "public key and signature");
    struct public_key key;
    if (!public_key_decode(protobuf, &key, error))
        return error_prefix(error, "certificate: the libp2p extension");

    struct buffer message = {0};
    append_signed_message(&message, spki);
    bool verified = public_key_verify(&key, buffer_bytes(&message), signature, error) ||
                    error_prefix(error, "certificate: the libp2p extension");
    buffer_clear(&message);
    if (!verified)
        return false;

    struct buffer canonical = {0};
    public_key_encode(&key, &canonical);
    peer_id_of_public_key(buffer_bytes(&canonical), &peer->id);
    peer->key_type = key.type;
    peer->high_s = public_key_is_high_s(&key, signature);
    buffer_clear(&canonical);
    return true;
}

static bool judge(gnutls_x509_crt_t certificate, const struct cut *cut, time_t now,
                  struct certificate_peer *peer, struct error *error)
{
    gnutls_datum_t extension = {0};
    bool good = check_validity(certificate, now, peer, error) &&
                find_extension(certificate, &extension, &peer->extension_critical, error) &&
                check_self_signature(certificate, cut, peer, error) &&
                check_signed_key(bytes_of(extension.data, extension.size), cut->spki, peer, error);
    gnutls_free(extension.data);
    return good;
}

bool certificate_verify(struct bytes der, time_t now, struct certificate_peer *peer,
                        struct error *error)
{
    if (der.size > CERTIFICATE_SIZE_MAX)
        return error_set(error, "certificate: %zu bytes; at most %d are taken", der.size,
                         CERTIFICATE_SIZE_MAX);
    struct cut cut;
    if (!cut_certificate(der, &cut))
        return error_set(error, "certificate: not an X.509 certificate of version 3 in DER");
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return error_set(error, "certificate: out of memory");
    gnutls_datum_t input = datum_of(der);
    int code = gnutls_x509_crt_import(certificate, &input, GNUTLS_X509_FMT_DER);
    bool good = code < 0 ? error_set_kind(error, ERROR_SYSTEM, "certificate: cannot be read: %s",
                                          gnutls_strerror(code))
                         : judge(certificate, &cut, now, peer, error);
    gnutls_x509_crt_deinit(certificate);
    return good;
}

bool certificate_verify_session(gnutls_session_t session, struct certificate_peer *peer,
                                struct error *error)
{
    unsigned count = 0;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
    if (certificates == NULL || count == 0)
        return error_set(error, "certificate: the peer presented none");
    if (count > 1)
        return error_set(error, "certificate: the peer presented %u; expected one", count);
    return certificate_verify(bytes_of(certificates[0].data, certificates[0].size), time(NULL),
                              peer, error);
}
