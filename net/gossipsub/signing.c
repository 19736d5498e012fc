#include "net/gossipsub/signing.h"

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
