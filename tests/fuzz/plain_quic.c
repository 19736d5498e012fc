#include "tests/fuzz/plain_quic.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "common/random.h"
#include "net/quic/internal.h"
#include "tests/fuzz/fuzz.h"

/* ---- packet protection ---- */

int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *output, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *input,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size);
int __wrap_ngtcp2_crypto_decrypt_cb(uint8_t *output, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *input,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size);
int __wrap_ngtcp2_crypto_hp_mask_cb(uint8_t *output, const ngtcp2_crypto_cipher *cipher,
                                    const ngtcp2_crypto_cipher_ctx *context, const uint8_t *sample);

int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *output, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *input,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size)
{
    (void)aead, (void)context, (void)nonce, (void)nonce_size, (void)header, (void)header_size;
    if (size > 0)
        memmove(output, input, size);
    memset(output + size, 0, PLAIN_TAG_SIZE);
    return 0;
}

int __wrap_ngtcp2_crypto_decrypt_cb(uint8_t *output, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *input,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size)
{
    (void)aead, (void)context, (void)nonce, (void)nonce_size, (void)header, (void)header_size;
    if (size < PLAIN_TAG_SIZE)
        return NGTCP2_ERR_DECRYPT;
    memmove(output, input, size - PLAIN_TAG_SIZE);
    return 0;
}

int __wrap_ngtcp2_crypto_hp_mask_cb(uint8_t *output, const ngtcp2_crypto_cipher *cipher,
                                    const ngtcp2_crypto_cipher_ctx *context, const uint8_t *sample)
{
    (void)cipher, (void)context, (void)sample;
    memset(output, 0, NGTCP2_HP_MASKLEN);
    return 0;
}

/* ---- random numbers: defined here, GnuTLS' own calls come here too ---- */

static struct random source;

void plain_quic_begin(void)
{
    random_seed(&source, 1);
}

int gnutls_rnd(gnutls_rnd_level_t level, void *output, size_t size)
{
    (void)level;
    uint8_t *bytes = output;
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t value = random_next(&source);
        memcpy(bytes + i, &value, size - i < sizeof(value) ? size - i : sizeof(value));
    }
    return 0;
}

/* ---- certificates ---- */

enum { IDENTITIES_MAX = 4 };

static struct kept {
    const struct identity *identity;
    gnutls_certificate_credentials_t credentials;
} kept[IDENTITIES_MAX];

gnutls_certificate_credentials_t __wrap_certificate_credentials(const struct identity *identity,
                                                                struct error *error);
gnutls_certificate_credentials_t __real_certificate_credentials(const struct identity *identity,
                                                                struct error *error);
void __wrap_gnutls_certificate_free_credentials(gnutls_certificate_credentials_t credentials);

gnutls_certificate_credentials_t __wrap_certificate_credentials(const struct identity *identity,
                                                                struct error *error)
{
    size_t i = 0;
    while (i < IDENTITIES_MAX && kept[i].identity != NULL && kept[i].identity != identity)
        i++;
    require(i < IDENTITIES_MAX);
    if (kept[i].identity == NULL)
        kept[i] = (struct kept){identity, __real_certificate_credentials(identity, error)};
    return kept[i].credentials;
}

void __wrap_gnutls_certificate_free_credentials(gnutls_certificate_credentials_t credentials)
{
    (void)credentials; /* kept */
}
