#include "net/gossipsub/signing.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base58.h"
#include "net/gossipsub/message_id.h"
#include "net/gossipsub/rpc.h"

static const char prefix[] = "libp2p-pubsub:";

/* The prefix and the message without signature and key. */
static void append_signed(Gossipsub__Message message, struct buffer *output)
{
    message.has_signature = message.has_key = false;
    buffer_append_text(output, prefix);
    size_t size = gossipsub__message__get_packed_size(&message);
    gossipsub__message__pack(&message, buffer_extend(output, size));
}

static struct bytes view(bool there, const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, there ? data->len : 0);
}

static void set_id(struct gossipsub_wire_id *id, struct bytes author, struct bytes seqno)
{
    id->size = (uint8_t)(author.size + seqno.size);
    memcpy(id->bytes, author.data, author.size);
    memcpy(id->bytes + author.size, seqno.data, seqno.size);
}

bool signing_id(const Gossipsub__Message *message, struct gossipsub_wire_id *id,
                enum gossipsub_refusal *refusal)
{
    struct bytes author = view(message->has_from, &message->from);
    struct bytes seqno = view(message->has_seqno, &message->seqno);
    if (author.size == 0 || !message->has_signature || message->signature.len == 0)
        *refusal = GOSSIPSUB_REFUSED_UNSIGNED;
    else if (seqno.size != SEQNO_SIZE)
        *refusal = GOSSIPSUB_REFUSED_SEQNO;
    else if (author.size + seqno.size > GOSSIPSUB_WIRE_ID_SIZE_MAX)
        *refusal = GOSSIPSUB_REFUSED_AUTHOR;
    else {
        set_id(id, author, seqno);
        return true;
    }
    return false;
}

static void name_as_text(struct bytes author, struct bytes seqno, uint8_t *id)
{
    uint64_t number = 0;
    for (size_t i = 0; i < seqno.size; i++)
        number = number << 8 | seqno.data[i];
    struct buffer text = {0};
    char digits[BASE58_TEXT_MAX + 1];
    base58_write(author, digits);
    buffer_append_text(&text, digits);
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    buffer_append_text(&text, digits);
    gossipsub_message_key(buffer_bytes(&text), id);
    buffer_clear(&text);
}

static void name_by_key(struct bytes key, struct bytes seqno, uint8_t *id)
{
    struct buffer name = {0};
    buffer_append(&name, key.data, key.size);
    buffer_append(&name, seqno.data, seqno.size);
    gossipsub_message_key(buffer_bytes(&name), id);
    buffer_clear(&name);
}

size_t signing_other_ids(const struct gossipsub_wire_id *id, struct bytes key,
                         uint8_t ids[SIGNING_OTHER_IDS][GOSSIPSUB_MESSAGE_ID_SIZE])
{
    enum { IDENTITY_HASH = 0, IDENTITY_PREFIX = 2 }; /* of a peer id that is its key */
    struct bytes author = bytes_of(id->bytes, (size_t)id->size - SEQNO_SIZE);
    struct bytes seqno = bytes_of(id->bytes + author.size, SEQNO_SIZE);
    name_as_text(author, seqno, ids[0]);
    if (key.size == 0 && author.size > IDENTITY_PREFIX && author.data[0] == IDENTITY_HASH)
        key = bytes_after(author, IDENTITY_PREFIX);
    if (key.size > 0)
        name_by_key(key, seqno, ids[1]);
    return key.size > 0 ? 2 : 1;
}

bool signing_verify(const struct gossipsub_signing *signing, const Gossipsub__Message *message,
                    enum gossipsub_refusal *refusal)
{
    struct buffer text = {0};
    append_signed(*message, &text);
    enum gossipsub_signature found =
        signing->verify(signing->context, view(message->has_from, &message->from),
                        view(message->has_key, &message->key), buffer_bytes(&text),
                        view(message->has_signature, &message->signature));
    buffer_clear(&text);
    *refusal =
        found == GOSSIPSUB_SIGNATURE_WRONG ? GOSSIPSUB_REFUSED_SIGNATURE : GOSSIPSUB_REFUSED_AUTHOR;
    return found == GOSSIPSUB_SIGNATURE_RIGHT;
}

static ProtobufCBinaryData binary(struct bytes bytes)
{
    /* protobuf-c reads and never writes what it packs. */
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)bytes.data};
}

struct chunk *signing_encode(struct gossipsub_signing *signing, struct bytes topic,
                             struct bytes data, struct gossipsub_wire_id *id)
{
    uint8_t seqno[SEQNO_SIZE];
    signing->seqno++;
    for (size_t i = 0; i < SEQNO_SIZE; i++)
        seqno[i] = (uint8_t)(signing->seqno >> (8 * (SEQNO_SIZE - 1 - i)));
    set_id(id, signing->author, bytes_of(seqno, SEQNO_SIZE));
    Gossipsub__Message message = GOSSIPSUB__MESSAGE__INIT;
    message.has_from = message.has_data = message.has_seqno = message.has_topic = true;
    message.from = binary(signing->author);
    message.data = binary(data);
    message.seqno = binary(bytes_of(seqno, SEQNO_SIZE));
    message.topic = binary(topic);
    struct buffer text = {0}, signature = {0};
    append_signed(message, &text);
    signing->sign(signing->context, buffer_bytes(&text), &signature);
    message.has_signature = true;
    message.signature = binary(buffer_bytes(&signature));
    message.has_key = signing->key.size > 0;
    message.key = binary(signing->key);
    struct chunk *rpc = rpc_encode_whole(&message);
    buffer_clear(&text);
    buffer_clear(&signature);
    return rpc;
}
