#include "tests/fuzz/packets.h"

#include "tests/fuzz/plain_quic.h"

enum {
    FORM_LONG = 0x80,
    NUMBER_SIZE_BITS = 3,
    TYPE_INITIAL = 0,
    TYPE_HANDSHAKE = 2,
    NUMBER_SIZE = 4,
    FRAME_PADDING = 0,
    FRAME_PING = 1,
    FRAME_ACK = 2,
    FRAME_ACK_ECN = 3,
    FRAME_CRYPTO = 6,
};

/* ---- reading: false, and nothing taken, where there is too little ---- */

static bool take(struct bytes *input, size_t size, struct bytes *taken)
{
    if (size > input->size)
        return false;
    *taken = bytes_of(input->data, size);
    *input = bytes_after(*input, size);
    return true;
}

static bool take_integer(struct bytes *input, uint64_t *value)
{
    struct bytes digits;
    if (input->size == 0 || !take(input, (size_t)1 << (input->data[0] >> 6), &digits))
        return false;
    *value = digits.data[0] & 0x3f;
    for (size_t i = 1; i < digits.size; i++)
        *value = *value << 8 | digits.data[i];
    return true;
}

static bool take_counted(struct bytes *input, struct bytes *taken)
{
    struct bytes size;
    return take(input, 1, &size) && take(input, size.data[0], taken);
}

static bool take_number(struct bytes *input, struct packet *packet)
{
    struct bytes digits;
    packet->number_size = (size_t)(packet->whole.data[0] & NUMBER_SIZE_BITS) + 1;
    if (!take(input, packet->number_size, &digits) || input->size < PLAIN_TAG_SIZE)
        return false;
    for (size_t i = 0; i < digits.size; i++)
        packet->number = packet->number << 8 | digits.data[i];
    packet->frames = bytes_of(input->data, input->size - PLAIN_TAG_SIZE);
    return true;
}

static bool find_long(struct bytes datagram, struct packet *packet)
{
    struct bytes rest = datagram, part;
    uint64_t size;
    unsigned type = (datagram.data[0] >> 4) & 3;
    if ((type != TYPE_INITIAL && type != TYPE_HANDSHAKE) || !take(&rest, 5, &part) ||
        !take_counted(&rest, &packet->destination) || !take_counted(&rest, &packet->source))
        return false;
    if (type == TYPE_INITIAL && (!take_integer(&rest, &size) || !take(&rest, size, &part)))
        return false;
    packet->level = type == TYPE_INITIAL ? LEVEL_INITIAL : LEVEL_HANDSHAKE;
    packet->header = bytes_of(datagram.data, datagram.size - rest.size);
    if (!take_integer(&rest, &size) || !take(&rest, size, &part))
        return false;
    packet->whole = bytes_of(datagram.data, datagram.size - rest.size);
    return take_number(&part, packet);
}

static bool find_short(struct bytes datagram, size_t cid_size, struct packet *packet)
{
    struct bytes rest = datagram, part;
    if (!take(&rest, 1, &part) || !take(&rest, cid_size, &packet->destination))
        return false;
    packet->level = LEVEL_APPLICATION;
    packet->header = bytes_of(datagram.data, datagram.size - rest.size);
    return take_number(&rest, packet);
}

struct packet packet_find(struct bytes datagram, size_t cid_size)
{
    struct packet packet = {.whole = datagram};
    if (datagram.size == 0)
        return packet;
    packet.has_level = (datagram.data[0] & FORM_LONG) != 0
                           ? find_long(datagram, &packet)
                           : find_short(datagram, cid_size, &packet);
    if (!packet.has_level)
        packet.whole = datagram;
    return packet;
}

static bool pass_ack(struct bytes *frames, bool counts)
{
    uint64_t value, ranges;
    for (int i = 0; i < 2; i++) {
        if (!take_integer(frames, &value)) /* the largest number, the delay */
            return false;
    }
    if (!take_integer(frames, &ranges))
        return false;
    for (uint64_t left = 1 + 2 * ranges + (counts ? 3 : 0); left > 0; left--) {
        if (!take_integer(frames, &value))
            return false;
    }
    return true;
}

uint64_t packet_crypto_end(struct bytes frames)
{
    uint64_t end = 0, type, offset, size;
    struct bytes data;
    for (;;) {
        while (frames.size > 0 && frames.data[0] == FRAME_PADDING)
            frames = bytes_after(frames, 1);
        if (!take_integer(&frames, &type))
            break;
        if (type == FRAME_PING)
            continue;
        if (type == FRAME_ACK || type == FRAME_ACK_ECN) {
            if (!pass_ack(&frames, type == FRAME_ACK_ECN))
                break;
            continue;
        }
        if (type != FRAME_CRYPTO || !take_integer(&frames, &offset) ||
            !take_integer(&frames, &size) || !take(&frames, size, &data))
            break;
        end = offset + size > end ? offset + size : end;
    }
    return end;
}

/* ---- writing ---- */

void packet_append_integer(struct buffer *output, uint64_t value)
{
    size_t bits = value < 0x40 ? 0 : value < 0x4000 ? 1 : value < 0x40000000 ? 2 : 3;
    size_t size = (size_t)1 << bits;
    uint8_t *digits = buffer_extend(output, size);
    for (size_t i = 0; i < size; i++)
        digits[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    digits[0] = (uint8_t)((digits[0] & 0x3f) | bits << 6);
}

void packet_append(struct buffer *datagram, enum packet_level level, struct bytes header,
                   uint32_t number, struct bytes frames)
{
    static const uint8_t tag[PLAIN_TAG_SIZE];
    size_t first = datagram->size;
    buffer_append(datagram, header.data, header.size);
    datagram->data[first] |= NUMBER_SIZE_BITS;
    if (level != LEVEL_APPLICATION)
        packet_append_integer(datagram, NUMBER_SIZE + frames.size + PLAIN_TAG_SIZE);
    for (int i = NUMBER_SIZE - 1; i >= 0; i--)
        buffer_append_byte(datagram, (uint8_t)(number >> (8 * i)));
    buffer_append(datagram, frames.data, frames.size);
    buffer_append(datagram, tag, sizeof(tag));
}
