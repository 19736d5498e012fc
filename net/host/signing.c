/* Signed messages: the router says when, and what; the keys are ours and the authors'. */
#include "common/clock.h"
#include "net/address/identity.h"
#include "net/host/internal.h"

static void sign(void *context, struct bytes text, struct buffer *signature)
{
    identity_sign(context, text, signature);
}

/* The PublicKey protobuf that the author's peer id holds, where it does. */
static struct bytes key_within(const struct peer_id *author)
{
    return author->bytes[0] == MULTIHASH_IDENTITY ? bytes_of(author->bytes + 2, author->size - 2U)
                                                  : bytes_of(NULL, 0);
}

static bool is_key_of(const struct public_key *key, const struct peer_id *author)
{
    struct buffer canonical = {0};
    struct peer_id id;
    public_key_encode(key, &canonical);
    peer_id_of_public_key(buffer_bytes(&canonical), &id);
    buffer_clear(&canonical);
    return peer_id_equal(&id, author);
}

static enum gossipsub_signature verify(void *context, struct bytes author, struct bytes key,
                                       struct bytes text, struct bytes signature)
{
    (void)context;
    struct peer_id id;
    struct public_key public_key;
    struct error error;
    if (!peer_id_from_bytes(author, &id, &error) ||
        !public_key_decode(key.size > 0 ? key : key_within(&id), &public_key, &error) ||
        !is_key_of(&public_key, &id))
        return GOSSIPSUB_SIGNATURE_OF_NOBODY;
    return public_key_verify(&public_key, text, signature, &error) ? GOSSIPSUB_SIGNATURE_RIGHT
                                                                   : GOSSIPSUB_SIGNATURE_WRONG;
}

/* Time counts on while we are down, and so do the numbers. */
void signing_start(struct host *host)
{
    const struct peer_id *id = identity_peer_id(host->settings.identity);
    const struct gossipsub_signing signing = {
        .author = bytes_of(id->bytes, id->size), /* holds our key: it is secp256k1 */
        .seqno = clock_epoch_ms() * 1000000,
        .sign = sign,
        .verify = verify,
        .context = (void *)(uintptr_t)host->settings.identity,
    };
    gossipsub_set_signing(host->router, &signing);
}
