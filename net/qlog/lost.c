#include "net/qlog/lost.h"

#include <string.h>

#include "net/qlog/json.h"
#include "net/qlog/packet.h"

static bool holds(struct bytes text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

/* The string that begins at the quote at PLACE, without its quotes; its data are NULL where it is
 * not closed. */
static struct bytes string_at(struct bytes text, size_t place)
{
    for (size_t end = place + 1; end < text.size && text.data[end] != '\n'; end++) {
        if (text.data[end] == '"')
            return bytes_of(text.data + place + 1, end - place - 1);
        end += text.data[end] == '\\';
    }
    return (struct bytes){0};
}

static size_t skip_spaces(struct bytes text, size_t place)
{
    while (place < text.size && text.data[place] == ' ')
        place++;
    return place;
}

static bool is_name(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i], letter = byte | 0x20;
        if (!(letter >= 'a' && letter <= 'z') && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr("_:.-", byte) == NULL))
            return false;
    }
    return text.size > 0;
}

/* Whether the value of the key that ends before PLACE is an event's name, and there to its end. */
static bool is_whole_name(struct bytes text, size_t place)
{
    place = skip_spaces(text, place);
    if (place >= text.size || text.data[place] != ':')
        return false;
    place = skip_spaces(text, place + 1);
    return place < text.size && text.data[place] == '"' && is_name(string_at(text, place));
}

/* Whether the record says by itself, and not within its data, of what kind it is. */
static bool names_its_kind(struct bytes text)
{
    unsigned depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        depth += byte == '{' || byte == '[';
        depth -= depth > 0 && (byte == '}' || byte == ']');
        if (byte != '"')
            continue;
        struct bytes string = string_at(text, i);
        if (string.data == NULL)
            return false;
        i += string.size + 1;
        if (depth == 1 && bytes_equal(string, bytes_of_text("name")) && is_whole_name(text, i + 1))
            return true;
    }
    return false;
}

static bool names_packet(struct bytes text)
{
    return holds(text, "packet_sent") || holds(text, "packet_received") ||
           holds(text, "PACKET_SENT") || holds(text, "PACKET_RECEIVED");
}

/* The same, where the name may be cut off. */
static bool may_name_packet(struct bytes text)
{
    return holds(text, "packet_") || holds(text, "PACKET_");
}

static bool names_own_event(struct bytes text)
{
    return holds(text, "libp2p:") || holds(text, "\"tap:");
}

/* Where something has been overwritten, what comes behind that may be of another record. */
void qlog_lost_record(struct qlog_lost *lost, struct bytes text)
{
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL)
        lost->untold++;
    else if (names_packet(text))
        lost->packets++;
    else if (names_own_event(text))
        lost->own_events++;
    else if (names_its_kind(text))
        return;
    else if (may_name_packet(text))
        lost->packets++;
    else
        lost->untold++;
}

void qlog_lost_add(struct qlog_lost *lost, const struct qlog_lost *more, double time, bool shared)
{
    uint64_t told = more->packets + more->own_events;
    uint64_t untold = more->untold + (shared ? told : 0);
    lost->packets += shared ? 0 : more->packets;
    lost->own_events += shared ? 0 : more->own_events;
    lost->untold += untold;
    for (int way = QLOG_SENT; way <= QLOG_RECEIVED; way++) {
        struct qlog_sequence *sequence = &lost->sequence[way];
        if (sequence->open == 0)
            sequence->since = time;
        sequence->open += untold;
    }
}

static void settle(struct qlog_lost *lost, struct qlog_sequence *sequence, bool in_order)
{
    if (!in_order)
        lost->in_gaps += sequence->open;
    sequence->open = 0;
}

/* Numbers of 1-RTT packets begin with 0, or go on from those of the handshake. */
static bool begin(struct qlog_sequence *sequence, uint64_t number)
{
    bool follows = number == sequence->next;
    sequence->begun = true;
    sequence->shared = follows && number > 0;
    sequence->next = number + 1;
    return follows || number == 0;
}

/* Whether NUMBER is the next one, and none before it is missing. */
static bool go_on(struct qlog_sequence *sequence, uint64_t number)
{
    sequence->passed += number - sequence->next;
    sequence->next = number + 1;
    return sequence->passed == 0;
}

void qlog_lost_take_packet(struct qlog_lost *lost, const struct qlog_packet *packet)
{
    struct qlog_sequence *sequence = &lost->sequence[packet->direction];
    bool application = qlog_packet_may_be_application(packet);
    bool counts = application || sequence->shared;
    bool late = packet->number < sequence->next;
    if (!sequence->begun && application)
        settle(lost, sequence, begin(sequence, packet->number));
    else if (!sequence->begun)
        sequence->next = late ? sequence->next : packet->number + 1;
    else if (counts && late)
        sequence->passed -= sequence->passed > 0;
    else if (counts)
        settle(lost, sequence, go_on(sequence, packet->number));
}

void qlog_lost_take_ack(struct qlog_lost *lost, const struct qlog_frame *range)
{
    struct qlog_sequence *received = &lost->sequence[QLOG_RECEIVED];
    if (received->passed == 0 && range->offset + range->length == received->next)
        settle(lost, received, true);
}

/* Until when all packets of a direction are known. */
static double known_until(const struct qlog_log *log, enum qlog_direction direction)
{
    const struct qlog_sequence *sequence = &log->lost.sequence[direction];
    return sequence->open > 0 ? sequence->since : log->active[direction];
}

/* Whoever gets a packet acknowledges it soon: where acknowledgements are logged and none tells of a
 * packet that is missing, none is. */
bool qlog_lost_may_be_packets(const struct qlog_log *log, double margin)
{
    bool may_be = log->lost.in_gaps > 0;
    for (int i = QLOG_SENT; i <= QLOG_RECEIVED; i++) {
        const struct qlog_sequence *sequence = &log->lost.sequence[i];
        double known = known_until(log, i == QLOG_SENT ? QLOG_RECEIVED : QLOG_SENT);
        bool closed = log->close.time >= 0 && log->close.time - sequence->since < margin;
        bool acked = log->has_acks && known - sequence->since >= margin;
        may_be |= sequence->open > 0 && !closed && !acked;
    }
    return may_be;
}
