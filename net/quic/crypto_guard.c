#include "net/quic/crypto_guard.h"

enum {
    /* RFC 8446, section 4. */
    NEW_SESSION_TICKET = 4,
    CERTIFICATE_REQUEST = 13,
    FINISHED = 20,
    KEY_UPDATE = 24,
    /* RFC 9000, section 20.1, and RFC 9001, section 4.8. */
    PROTOCOL_VIOLATION = 0x0a,
    CRYPTO_BUFFER_EXCEEDED = 0x0d,
    UNEXPECTED_MESSAGE = 0x100 + 10,
};

/* The bytes of DATA up to the end of a header or of a message, whichever is next; 0 at its end. */
static size_t step(struct crypto_place *place, struct bytes data)
{
    size_t size = data.size;
    if (place->header_size == TLS_HEADER_SIZE) {
        size = size < place->left ? size : place->left;
        place->left -= (uint32_t)size;
    } else {
        size_t missing = TLS_HEADER_SIZE - place->header_size;
        size = size < missing ? size : missing;
        if (size > 0)
            memcpy(place->header + place->header_size, data.data, size);
        place->header_size += size;
        const uint8_t *header = place->header;
        if (place->header_size == TLS_HEADER_SIZE)
            place->left = (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
    }
    return size;
}

static bool has_header(const struct crypto_place *place)
{
    return place->header_size == TLS_HEADER_SIZE;
}

static bool at_end(const struct crypto_place *place)
{
    return has_header(place) && place->left == 0;
}

static enum crypto_decision refuse(struct crypto_guard *guard, uint64_t code, const char *reason)
{
    guard->code = code;
    error_set(&guard->reason, "%s", reason);
    return CRYPTO_REFUSE;
}

static enum crypto_decision refuse_message(struct crypto_guard *guard, uint8_t type)
{
    if (type == KEY_UPDATE)
        return refuse(guard, UNEXPECTED_MESSAGE,
                      "a TLS KeyUpdate, which QUIC forbids (RFC 9001, section 6)");
    if (type == CERTIFICATE_REQUEST && !guard->server)
        return refuse(guard, PROTOCOL_VIOLATION,
                      "a TLS CertificateRequest after the handshake (RFC 9001, section 4.4)");
    guard->code = UNEXPECTED_MESSAGE;
    error_set(&guard->reason, "a TLS message of type %u after the handshake", type);
    return CRYPTO_REFUSE;
}

/* What follows Finished at the same level would wait within TLS for whatever reads on there. */
static enum crypto_decision decide_handshake(struct crypto_guard *guard, struct bytes data)
{
    struct crypto_place *place = &guard->handshake;
    while (data.size > 0 && !guard->finished) {
        data = bytes_after(data, step(place, data));
        if (!at_end(place))
            continue;
        guard->finished = place->header[0] == FINISHED;
        place->header_size = 0;
    }
    return data.size > 0 ? refuse_message(guard, data.data[0]) : CRYPTO_PASS;
}

static enum crypto_decision count_ticket(struct crypto_guard *guard)
{
    guard->tickets++;
    guard->ticket_bytes += TLS_HEADER_SIZE + guard->application.left;
    if (guard->ticket_bytes <= CRYPTO_TICKET_BYTES_MAX)
        return CRYPTO_DROP;
    error_set(&guard->reason, "more than %d bytes of TLS session tickets", CRYPTO_TICKET_BYTES_MAX);
    guard->code = CRYPTO_BUFFER_EXCEEDED;
    return CRYPTO_REFUSE;
}

static enum crypto_decision decide_application(struct crypto_guard *guard, struct bytes data)
{
    struct crypto_place *place = &guard->application;
    while (data.size > 0) {
        uint8_t type = place->header_size == 0 ? data.data[0] : place->header[0];
        if (guard->server || type != NEW_SESSION_TICKET)
            return refuse_message(guard, type);
        bool had_header = has_header(place);
        data = bytes_after(data, step(place, data));
        if (!had_header && has_header(place) && count_ticket(guard) == CRYPTO_REFUSE)
            return CRYPTO_REFUSE;
        if (at_end(place))
            place->header_size = 0;
    }
    return CRYPTO_DROP;
}

enum crypto_decision crypto_guard_decide(struct crypto_guard *guard, enum crypto_level level,
                                         struct bytes data)
{
    switch (level) {
    case CRYPTO_INITIAL:
        if (!guard->finished || data.size == 0)
            return CRYPTO_PASS;
        return refuse_message(guard, data.data[0]);
    case CRYPTO_HANDSHAKE:
        return decide_handshake(guard, data);
    case CRYPTO_APPLICATION:
        break;
    }
    return decide_application(guard, data);
}
