#include "tests/fuzz/wire.h"

#include "net/quic/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain_quic.h"

enum {
    LATENCY_NS = 1000000,
    SIZE_MAX_REWRITTEN = DATAGRAM_SIZE_MAX - 64, /* larger ones the host drops */
    FATES_MAX = 16,
    KEPT_MAX = 16,
    KEPT_SIZE_MAX = 1500,
    FRAMES_SIZE_MAX = 1200, /* waiting for one packet */
    FIRST_OTHER_PORT = 6000,
    FORM_LONG = 0x80,
    TYPE_BITS = 0x30, /* all of them set: Retry */
    SHORT_HEADER = 0x40,
};

struct level {
    uint8_t header[PACKET_HEADER_SIZE_MAX];
    size_t header_size; /* 0: none was sent yet */
    uint64_t next_number, crypto_end;
    bool heard; /* from the host */
    uint64_t heard_number;
    uint8_t waiting[FRAMES_SIZE_MAX];
    size_t waiting_size;
    bool alone;
};

struct fate {
    enum wire_fate kind;
    uint16_t argument;
};

struct fates {
    struct fate items[FATES_MAX];
    size_t first, count;
};

static struct {
    struct sockaddr_in attacker, host;
    uint8_t source[PACKET_CID_SIZE_MAX], destination[PACKET_CID_SIZE_MAX]; /* the attacker's */
    size_t source_size, destination_size;
    struct level levels[LEVELS];
    struct fates fates[2];
    uint8_t kept[KEPT_MAX][KEPT_SIZE_MAX];
    size_t kept_sizes[KEPT_MAX];
    size_t kept_count;
    struct buffer output;
} wire;

/* ---- fates ---- */

void wire_fate(bool from_host, enum wire_fate kind, uint16_t argument)
{
    struct fates *fates = &wire.fates[from_host];
    if (fates->count == FATES_MAX)
        return;
    fates->items[(fates->first + fates->count++) % FATES_MAX] = (struct fate){kind, argument};
}

static struct sockaddr_in other_address(uint8_t source)
{
    struct sockaddr_in address = wire.attacker;
    address.sin_port = htons(FIRST_OTHER_PORT + source);
    return address;
}

static void damage(struct bytes datagram, uint16_t argument)
{
    if (datagram.size > 0)
        ((uint8_t *)(uintptr_t)datagram.data)[argument % datagram.size] ^=
            (uint8_t)(1 + argument % 255);
}

/* DATAGRAM may be changed. */
static void pass(const struct sockaddr_in *from, const struct sockaddr_in *to,
                 struct bytes datagram, struct fates *fates)
{
    uint64_t delay = LATENCY_NS;
    struct sockaddr_in sender = *from;
    struct fate fate = {.kind = FATES};
    if (fates->count > 0) {
        fate = fates->items[fates->first];
        fates->first = (fates->first + 1) % FATES_MAX;
        fates->count--;
    }
    switch (fate.kind) {
    case FATE_LOST:
        return;
    case FATE_TWICE:
        virtual_net_post(from, to, datagram, delay);
        break;
    case FATE_LATE:
        delay += (uint64_t)LATENCY_NS * fate.argument;
        break;
    case FATE_CUT:
        datagram.size = fate.argument % (datagram.size + 1);
        break;
    case FATE_DAMAGED:
        damage(datagram, fate.argument);
        break;
    case FATE_MOVED:
        sender = other_address((uint8_t)fate.argument);
        break;
    case FATES:
        break;
    }
    virtual_net_post(&sender, to, datagram, delay);
}

/* ---- from the attacker ---- */

static void keep(struct bytes datagram)
{
    if (wire.kept_count == KEPT_MAX || datagram.size > KEPT_SIZE_MAX)
        return;
    memcpy(wire.kept[wire.kept_count], datagram.data, datagram.size);
    wire.kept_sizes[wire.kept_count++] = datagram.size;
}

static void remember_cid(uint8_t *kept, size_t *kept_size, struct bytes cid)
{
    if (cid.size > PACKET_CID_SIZE_MAX)
        return;
    memcpy(kept, cid.data, cid.size);
    *kept_size = cid.size;
}

/* Packets of older connections are not those of the present one. */
static bool is_present(const struct packet *packet)
{
    if (!packet->has_level || packet->header.size > PACKET_HEADER_SIZE_MAX)
        return false;
    if (packet->level == LEVEL_APPLICATION)
        return bytes_equal(packet->destination, bytes_of(wire.destination, wire.destination_size));
    if (wire.source_size == 0)
        remember_cid(wire.source, &wire.source_size, packet->source);
    if (!bytes_equal(packet->source, bytes_of(wire.source, wire.source_size)))
        return false;
    remember_cid(wire.destination, &wire.destination_size, packet->destination);
    return true;
}

static uint64_t full_number(const struct packet *packet, uint64_t expected)
{
    uint64_t window = (uint64_t)1 << (8 * packet->number_size);
    uint64_t number = (expected & ~(window - 1)) | packet->number;
    if (number + window / 2 <= expected)
        return number + window;
    return number > expected + window / 2 && number >= window ? number - window : number;
}

static void learn(const struct packet *packet, struct level *level)
{
    memcpy(level->header, packet->header.data, packet->header.size);
    level->header_size = packet->header.size;
    uint64_t number = full_number(packet, level->next_number);
    if (number >= level->next_number)
        level->next_number = number + 1;
    if (packet->level == LEVEL_APPLICATION)
        return; /* ours sends no CRYPTO frames there */
    uint64_t end = packet_crypto_end(packet->frames);
    if (end > level->crypto_end)
        level->crypto_end = end;
}

/* The same packet with what waits for it. */
static void append_with_waiting(const struct packet *packet, struct level *level)
{
    struct buffer frames = {0};
    buffer_append(&frames, level->waiting, level->waiting_size);
    bool fits = wire.output.size + packet->whole.size + frames.size <= SIZE_MAX_REWRITTEN;
    if (!level->alone && fits)
        buffer_append(&frames, packet->frames.data, packet->frames.size);
    packet_append(&wire.output, packet->level, packet->header, packet->number,
                  buffer_bytes(&frames));
    buffer_clear(&frames);
    level->waiting_size = 0;
}

/* A number of fewer bytes than four is not what its first ones say: it is written out in full. */
static void rewrite(struct packet *packet)
{
    struct level *level = &wire.levels[packet->level];
    uint64_t expected = level->next_number;
    learn(packet, level);
    if (level->waiting_size == 0) {
        buffer_append(&wire.output, packet->whole.data, packet->whole.size);
        return;
    }
    packet->number = (uint32_t)full_number(packet, expected);
    append_with_waiting(packet, level);
}

static void from_attacker(struct bytes datagram)
{
    wire.output.size = 0;
    while (datagram.size > 0) {
        struct packet packet = packet_find(datagram, CID_SIZE);
        datagram = bytes_after(datagram, packet.whole.size);
        if (is_present(&packet))
            rewrite(&packet);
        else
            buffer_append(&wire.output, packet.whole.data, packet.whole.size);
    }
    keep(buffer_bytes(&wire.output));
    pass(&wire.attacker, &wire.host, buffer_bytes(&wire.output), &wire.fates[false]);
}

/* ---- from the host ---- */

static bool is_retry(struct bytes datagram)
{
    return datagram.size > PLAIN_TAG_SIZE && (datagram.data[0] & FORM_LONG) != 0 &&
           (datagram.data[0] & TYPE_BITS) == TYPE_BITS && datagram.data[4] != 0;
}

static void hear(struct bytes datagram)
{
    while (datagram.size > 0) {
        struct packet packet = packet_find(datagram, CID_SIZE);
        datagram = bytes_after(datagram, packet.whole.size);
        if (!packet.has_level)
            continue;
        struct level *level = &wire.levels[packet.level];
        uint64_t expected = level->heard ? level->heard_number + 1 : 0;
        level->heard = true;
        level->heard_number = full_number(&packet, expected);
    }
}

/* The tag of a Retry is made where no wrapper reaches; a client of ours expects zeros. */
static void from_host(const struct sockaddr_in *to, struct bytes datagram)
{
    wire.output.size = 0;
    buffer_append(&wire.output, datagram.data, datagram.size);
    if (is_retry(datagram))
        memset(wire.output.data + datagram.size - PLAIN_TAG_SIZE, 0, PLAIN_TAG_SIZE);
    if (to->sin_addr.s_addr != wire.attacker.sin_addr.s_addr) {
        virtual_net_post(&wire.host, to, buffer_bytes(&wire.output), LATENCY_NS);
        return;
    }
    hear(datagram);
    /* Also to the address of one that was moved, as a NAT would have it. */
    pass(&wire.host, &wire.attacker, buffer_bytes(&wire.output), &wire.fates[true]);
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static void on_sent(const struct sockaddr_in *from, const struct sockaddr_in *to,
                    struct bytes datagram)
{
    if (same_address(from, &wire.attacker))
        from_attacker(datagram);
    else if (same_address(from, &wire.host))
        from_host(to, datagram);
    else
        virtual_net_post(from, to, datagram, LATENCY_NS);
}

/* ---- the fuzzer's ---- */

void wire_frames(enum packet_level which, struct bytes frames, bool alone)
{
    struct level *level = &wire.levels[which];
    size_t room = FRAMES_SIZE_MAX - level->waiting_size;
    size_t size = frames.size < room ? frames.size : room;
    if (size > 0)
        memcpy(level->waiting + level->waiting_size, frames.data, size);
    level->waiting_size += size;
    level->alone = alone;
}

void wire_crypto(enum packet_level which, struct bytes data)
{
    struct level *level = &wire.levels[which];
    struct buffer frame = {0};
    buffer_append_byte(&frame, 6);
    packet_append_integer(&frame, level->crypto_end);
    packet_append_integer(&frame, data.size);
    buffer_append(&frame, data.data, data.size);
    wire_frames(which, buffer_bytes(&frame), false);
    buffer_clear(&frame);
    level->crypto_end += data.size;
}

bool wire_waiting(enum packet_level level)
{
    return wire.levels[level].waiting_size > 0;
}

/* The header of a level at which nothing was sent yet. */
static void make_header(struct level *level, enum packet_level which)
{
    struct buffer header = {0};
    if (which == LEVEL_APPLICATION) {
        buffer_append_byte(&header, SHORT_HEADER);
        buffer_append(&header, wire.destination, wire.destination_size);
    } else {
        static const uint8_t first[LEVELS] = {0xc0, 0xe0, 0};
        buffer_append_byte(&header, first[which]);
        buffer_append(&header, "\0\0\0\1", 4);
        buffer_append_byte(&header, (uint8_t)wire.destination_size);
        buffer_append(&header, wire.destination, wire.destination_size);
        buffer_append_byte(&header, (uint8_t)wire.source_size);
        buffer_append(&header, wire.source, wire.source_size);
        if (which == LEVEL_INITIAL)
            buffer_append_byte(&header, 0);
    }
    memcpy(level->header, header.data, header.size);
    level->header_size = header.size;
    buffer_clear(&header);
}

void wire_force(enum packet_level which)
{
    struct level *level = &wire.levels[which];
    if (level->waiting_size == 0 || wire.destination_size == 0)
        return;
    if (level->header_size == 0)
        make_header(level, which);
    wire.output.size = 0;
    packet_append(&wire.output, which, bytes_of(level->header, level->header_size),
                  (uint32_t)level->next_number++, bytes_of(level->waiting, level->waiting_size));
    level->waiting_size = 0;
    pass(&wire.attacker, &wire.host, buffer_bytes(&wire.output), &wire.fates[false]);
}

void wire_acknowledge(enum packet_level which)
{
    const struct level *level = &wire.levels[which];
    if (!level->heard)
        return;
    struct buffer frame = {0};
    buffer_append_byte(&frame, 2);
    packet_append_integer(&frame, level->heard_number);
    packet_append_integer(&frame, 0);
    packet_append_integer(&frame, 0);
    packet_append_integer(&frame, level->heard_number);
    wire_frames(which, buffer_bytes(&frame), false);
    buffer_clear(&frame);
}

void wire_raw(struct bytes datagram, uint8_t source)
{
    struct sockaddr_in from = source == 0 ? wire.attacker : other_address(source);
    virtual_net_post(&from, &wire.host, datagram, LATENCY_NS);
}

/* Of a long header: the first byte of either connection id is another one. */
static void vary(uint8_t *datagram, size_t size, uint8_t variant)
{
    enum { DESTINATION = 6 };
    if (size <= DESTINATION || (datagram[0] & FORM_LONG) == 0)
        return;
    size_t source = DESTINATION + datagram[DESTINATION - 1] + (size_t)1;
    datagram[DESTINATION] ^= variant;
    if (source < size)
        datagram[source] ^= variant;
}

void wire_replay(size_t index, uint8_t variant, uint8_t source)
{
    if (wire.kept_count == 0)
        return;
    index %= wire.kept_count;
    uint8_t copy[KEPT_SIZE_MAX];
    size_t size = wire.kept_sizes[index];
    memcpy(copy, wire.kept[index], size);
    vary(copy, size, variant);
    wire_raw(bytes_of(copy, size), source);
}

/* ---- beginning and end ---- */

void wire_begin(const struct sockaddr_in *attacker, const struct sockaddr_in *host)
{
    memset(&wire, 0, sizeof(wire));
    wire.attacker = *attacker;
    wire.host = *host;
    virtual_net_begin(on_sent);
}

void wire_end(void)
{
    virtual_net_end();
    buffer_clear(&wire.output);
}

void wire_connection(void)
{
    memset(wire.levels, 0, sizeof(wire.levels));
    wire.source_size = wire.destination_size = 0;
}
