#include "net/protocols/identify.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "common/varint.h"
#include "net/protocols/identify.pb-c.h"

char *identify_safe_text(struct bytes text)
{
    return utf8_safe_text(text);
}

void identify_clear(struct identify *identify)
{
    for (size_t i = 0; i < identify->protocol_count; i++)
        free(identify->protocols[i]);
    free(identify->protocols);
    free(identify->agent);
    free(identify->protocol_version);
    free(identify->listen);
    buffer_clear(&identify->public_key);
    *identify = (struct identify){0};
}

/* ---- encoding ---- */

/* protobuf-c borrows what it packs, and asks for it without `const`. */
static ProtobufCBinaryData borrow(struct bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static ProtobufCBinaryData borrow_text(const char *text)
{
    return borrow(bytes_of_text(text != NULL ? text : ""));
}

static ProtobufCBinaryData *borrow_protocols(const struct identify *identify)
{
    ProtobufCBinaryData *protocols = memory_new(identify->protocol_count * sizeof(*protocols));
    for (size_t i = 0; i < identify->protocol_count; i++)
        protocols[i] = borrow_text(identify->protocols[i]);
    return protocols;
}

/* The binary form; its data is freed with free(). */
static ProtobufCBinaryData encode_address(const struct multiaddr *address)
{
    struct buffer encoded = {0};
    multiaddr_encode(address, &encoded);
    return (ProtobufCBinaryData){.len = encoded.size, .data = encoded.data};
}

static void pack(const IdentifyMessage *message, struct buffer *output)
{
    size_t size = identify_message__get_packed_size(message);
    varint_append(output, size);
    identify_message__pack(message, buffer_extend(output, size));
}

void identify_encode(const struct identify *identify, struct buffer *output)
{
    IdentifyMessage message = IDENTIFY_MESSAGE__INIT;
    message.has_public_key = identify->public_key.size > 0;
    message.public_key = borrow(buffer_bytes(&identify->public_key));
    message.has_agent_version = identify->agent != NULL;
    message.agent_version = borrow_text(identify->agent);
    message.has_protocol_version = identify->protocol_version != NULL;
    message.protocol_version = borrow_text(identify->protocol_version);
    message.n_protocols = identify->protocol_count;
    message.protocols = borrow_protocols(identify);
    message.n_listen_addresses = identify->listen_count;
    message.listen_addresses =
        memory_new(identify->listen_count * sizeof(*message.listen_addresses));
    for (size_t i = 0; i < identify->listen_count; i++)
        message.listen_addresses[i] = encode_address(&identify->listen[i]);
    message.has_observed_address = identify->has_observed;
    if (identify->has_observed)
        message.observed_address = encode_address(&identify->observed);

    pack(&message, output);

    free(message.observed_address.data);
    for (size_t i = 0; i < message.n_listen_addresses; i++)
        free(message.listen_addresses[i].data);
    free(message.listen_addresses);
    free(message.protocols);
}

/* ---- decoding ---- */

/* The text as it may be shown, cut between two characters where it is too long. */
static char *take_text(ProtobufCBinaryData data)
{
    size_t size = data.len;
    if (size > IDENTIFY_TEXT_MAX) {
        size = IDENTIFY_TEXT_MAX;
        for (int i = 0; i < 3 && (data.data[size] & 0xc0) == 0x80; i++)
            size--;
    }
    return utf8_safe_text(bytes_of(data.data, size));
}

static void replace_text(char **text, protobuf_c_boolean present, ProtobufCBinaryData data)
{
    if (!present)
        return;
    free(*text);
    *text = take_text(data);
}

static void merge_protocols(struct identify *identify, const IdentifyMessage *message)
{
    size_t room = IDENTIFY_PROTOCOLS_MAX - identify->protocol_count;
    size_t count = message->n_protocols < room ? message->n_protocols : room;
    if (count == 0)
        return;
    identify->protocols = memory_resize(identify->protocols, (identify->protocol_count + count) *
                                                                 sizeof(*identify->protocols));
    for (size_t i = 0; i < count; i++)
        identify->protocols[identify->protocol_count++] = take_text(message->protocols[i]);
}

static void merge_addresses(struct identify *identify, const IdentifyMessage *message)
{
    for (size_t i = 0; i < message->n_listen_addresses; i++) {
        ProtobufCBinaryData data = message->listen_addresses[i];
        struct multiaddr address;
        if (identify->listen_count == IDENTIFY_ADDRESSES_MAX)
            return;
        if (!multiaddr_decode(bytes_of(data.data, data.len), &address, NULL))
            continue;
        identify->listen = memory_resize(identify->listen,
                                         (identify->listen_count + 1) * sizeof(*identify->listen));
        identify->listen[identify->listen_count++] = address;
    }
}

/* Lists grow, and of single fields the last one counts. */
static void merge(struct identify *identify, const IdentifyMessage *message)
{
    ProtobufCBinaryData observed = message->observed_address;
    replace_text(&identify->agent, message->has_agent_version, message->agent_version);
    replace_text(&identify->protocol_version, message->has_protocol_version,
                 message->protocol_version);
    if (message->has_public_key) {
        identify->public_key.size = 0;
        buffer_append(&identify->public_key, message->public_key.data, message->public_key.len);
    }
    merge_protocols(identify, message);
    merge_addresses(identify, message);
    if (message->has_observed_address)
        identify->has_observed =
            multiaddr_decode(bytes_of(observed.data, observed.len), &identify->observed, NULL);
}

/* Merges the message at the start of INPUT; returns the bytes it takes, or 0 with the error set. */
static size_t decode_message(struct bytes input, struct identify *identify, struct error *error)
{
    uint64_t length;
    int prefix = varint_read(input, &length);
    if (prefix <= 0 || length > input.size - (size_t)prefix) {
        error_set(error, "identify: the answer ends within a message");
        return 0;
    }
    IdentifyMessage *message = identify_message__unpack(NULL, (size_t)length, input.data + prefix);
    if (message == NULL) {
        error_set(error, "identify: a message of %zu bytes is no protobuf", (size_t)length);
        return 0;
    }
    merge(identify, message);
    identify_message__free_unpacked(message, NULL);
    return (size_t)prefix + (size_t)length;
}

bool identify_decode(struct bytes input, struct identify *identify, struct error *error)
{
    identify_clear(identify);
    if (input.size == 0 || input.size > IDENTIFY_SIZE_MAX)
        return error_set(error, "identify: the answer has %zu bytes, expected 1 to %d", input.size,
                         IDENTIFY_SIZE_MAX);
    while (input.size > 0) {
        size_t taken = decode_message(input, identify, error);
        if (taken == 0) {
            identify_clear(identify);
            return false;
        }
        input = bytes_after(input, taken);
    }
    return true;
}

/* ---- pushes ---- */

#define SWAP(one, other)                                                                           \
    do {                                                                                           \
        __typeof__(one) kept = (one);                                                              \
        (one) = (other);                                                                           \
        (other) = kept;                                                                            \
    } while (0)

void identify_update(struct identify *identify, struct identify *update)
{
    if (update->agent != NULL)
        SWAP(identify->agent, update->agent);
    if (update->protocol_version != NULL)
        SWAP(identify->protocol_version, update->protocol_version);
    if (update->public_key.size > 0)
        SWAP(identify->public_key, update->public_key);
    if (update->protocol_count > 0) {
        SWAP(identify->protocols, update->protocols);
        SWAP(identify->protocol_count, update->protocol_count);
    }
    if (update->listen_count > 0) {
        SWAP(identify->listen, update->listen);
        SWAP(identify->listen_count, update->listen_count);
    }
    if (update->has_observed) {
        identify->has_observed = true;
        identify->observed = update->observed;
    }
    identify_clear(update);
}
