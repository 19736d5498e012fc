/*
 * One pass over the bytes of an event, members in any order. It takes nothing on trust: what it
 * accepts is valid JSON that Jansson reads alike, and what it is not certain of it leaves alone
 * (escapes, anything beyond ASCII, line ends within a record, floats where integers are usual, a
 * member twice).
 */
#include "net/qlog/packet.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "net/qlog/json.h"

enum { DEPTH_LIMIT = 16, DIGITS_LIMIT = 18 };

#define TEXT_IS(text, literal)                                                                     \
    ((text).size == sizeof(literal) - 1 && memcmp((text).data, literal, sizeof(literal) - 1) == 0)

struct cursor {
    const uint8_t *at, *end;
};

enum step { STEP_FAILED, STEP_MEMBER, STEP_END };

/* --- Words --- */

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* What no plain text holds: a quote, a backslash, a control character or one beyond ASCII. */
#ifdef __SSE2__

enum { WORD_SIZE = 16 };

/* Where the first such byte of the word at AT is, WORD_SIZE where there is none. */
static inline unsigned plain_size(const uint8_t *at)
{
    __m128i word = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(word, _mm_set1_epi8('"')),
                                _mm_cmpeq_epi8(word, _mm_set1_epi8('\\')));
    stop = _mm_or_si128(stop, _mm_cmplt_epi8(word, _mm_set1_epi8(' '))); /* signed */
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(stop) | 1U << WORD_SIZE);
}

#else

enum { WORD_SIZE = 8 };

static inline unsigned plain_size(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    word = le64toh(word);
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
    /* The highest bit of each such byte, right up to the lowest one. */
    uint64_t stop = (((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
                     (word - EACH_BYTE(' ')) | word) &
                    EACH_BYTE(0x80);
    return stop != 0 ? (unsigned)__builtin_ctzll(stop) / 8 : WORD_SIZE;
}

#endif

static inline bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

static inline void skip_spaces(struct cursor *cursor)
{
    const uint8_t *at = cursor->at;
    while (at < cursor->end && *at == ' ')
        at++;
    cursor->at = at;
}

static inline bool take(struct cursor *cursor, uint8_t byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

static inline bool take_text(struct cursor *cursor, struct bytes *text)
{
    if (!take(cursor, '"'))
        return false;
    const uint8_t *at = cursor->at;
    while (cursor->end - at >= WORD_SIZE) {
        unsigned size = plain_size(at);
        at += size;
        if (size < WORD_SIZE)
            break;
    }
    while (at < cursor->end && is_plain(*at))
        at++;
    *text = bytes_of(cursor->at, (size_t)(at - cursor->at));
    cursor->at = at;
    return take(cursor, '"');
}

/* --- Numbers --- */

static inline bool is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

/* Adds digits to VALUE, as many as a number of LIMIT of them leaves room for and one: how many. */
static inline unsigned add_digits(struct cursor *cursor, unsigned limit, uint64_t *value)
{
    const uint8_t *at = cursor->at, *end = cursor->end;
    if ((size_t)(end - at) > limit + 1)
        end = at + limit + 1;
    uint64_t number = *value;
    while (at < end && is_digit(*at))
        number = 10 * number + (uint64_t)(*at++ - '0');
    unsigned digits = (unsigned)(at - cursor->at);
    cursor->at = at;
    *value = number;
    return digits;
}

/* How many digits there are, from 1 to DIGITS_LIMIT, or 0. */
static inline unsigned take_digits(struct cursor *cursor, uint64_t *value)
{
    const uint8_t *first = cursor->at;
    *value = 0;
    unsigned digits = add_digits(cursor, DIGITS_LIMIT, value);
    return digits <= DIGITS_LIMIT && (digits <= 1 || *first != '0') ? digits : 0;
}

static inline bool take_integer(struct cursor *cursor, uint64_t *value)
{
    return take_digits(cursor, value) > 0 &&
           !(cursor->at < cursor->end && (*cursor->at == '.' || (*cursor->at | 0x20) == 'e'));
}

/* The double nearest to DIGITS / 10^PLACES, as strtod() has it; false where that takes more than 64
 * bits to tell. */
static bool decimal(uint64_t digits, unsigned places, double *value)
{
    uint64_t divisor = 1;
    for (unsigned i = 0; i < places; i++)
        divisor *= 10;
    if (digits <= UINT64_C(1) << 53) {
        *value = (double)digits / (double)divisor; /* both exact: rounded once */
        return true;
    }
    uint64_t whole = digits / divisor, rest = digits % divisor;
    if (whole == 0 || divisor > UINT32_MAX)
        return false;
    /* Long division goes on for 64 binary places, as many as a double has and more; the lowest bit
     * stands for all that follow it. */
    uint64_t high = (rest << 32) / divisor, left = (rest << 32) % divisor;
    uint64_t low = (left << 32) / divisor;
    uint64_t fraction = high << 32 | low, more = (left << 32) % divisor;
    unsigned room = (unsigned)__builtin_clzll(whole); /* at least 4: DIGITS_LIMIT */
    uint64_t mantissa = whole << room | fraction >> (64 - room);
    mantissa |= (fraction << room) != 0 || more != 0;
    *value = (double)mantissa / (double)(UINT64_C(1) << room);
    return true;
}

/* A number as its digits and how many of them are places after the point. */
static inline bool take_places(struct cursor *cursor, uint64_t *value, unsigned *places)
{
    unsigned digits = take_digits(cursor, value);
    *places = 0;
    if (digits == 0)
        return false;
    if (take(cursor, '.')) {
        *places = add_digits(cursor, DIGITS_LIMIT - digits, value);
        if (*places == 0 || *places > DIGITS_LIMIT - digits)
            return false;
    }
    return cursor->at < cursor->end && (*cursor->at | 0x20) != 'e';
}

static bool take_number(struct cursor *cursor, double *value)
{
    uint64_t digits;
    unsigned places;
    return take_places(cursor, &digits, &places) && decimal(digits, places, value);
}

static inline const uint8_t *digits_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

/* A number that take_places() takes, unread. */
static inline bool skip_number(struct cursor *cursor)
{
    const uint8_t *first = cursor->at, *at = digits_end(first, cursor->end);
    size_t digits = (size_t)(at - first);
    if (digits == 0 || (digits > 1 && *first == '0'))
        return false;
    if (at < cursor->end && *at == '.') {
        const uint8_t *point = at;
        at = digits_end(at + 1, cursor->end);
        digits += (size_t)(at - point) - 1;
        if (at == point + 1)
            return false;
    }
    cursor->at = at;
    return digits <= DIGITS_LIMIT && at < cursor->end && (*at | 0x20) != 'e';
}

/* --- Objects, arrays, and what nobody reads --- */

/* The next member of an object, up to its value. */
static inline enum step next_member(struct cursor *cursor, bool first, struct bytes *key)
{
    skip_spaces(cursor);
    if (!first && take(cursor, ','))
        skip_spaces(cursor);
    else if (take(cursor, '}'))
        return STEP_END;
    else if (!first)
        return STEP_FAILED;
    if (!take_text(cursor, key))
        return STEP_FAILED;
    skip_spaces(cursor);
    if (!take(cursor, ':'))
        return STEP_FAILED;
    skip_spaces(cursor);
    return STEP_MEMBER;
}

static inline enum step next_element(struct cursor *cursor, bool first)
{
    skip_spaces(cursor);
    if (take(cursor, ']'))
        return STEP_END;
    if (!first) {
        if (!take(cursor, ','))
            return STEP_FAILED;
        skip_spaces(cursor);
    }
    return cursor->at < cursor->end && *cursor->at != ']' ? STEP_MEMBER : STEP_FAILED;
}

static bool skip_value(struct cursor *cursor, unsigned depth);

static bool skip_object(struct cursor *cursor, unsigned depth)
{
    struct bytes key;
    cursor->at++;
    for (bool first = true;; first = false) {
        enum step step = next_member(cursor, first, &key);
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (!skip_value(cursor, depth))
            return false;
    }
}

static bool skip_array(struct cursor *cursor, unsigned depth)
{
    cursor->at++;
    for (bool first = true;; first = false) {
        enum step step = next_element(cursor, first);
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (!skip_value(cursor, depth))
            return false;
    }
}

static bool take_word(struct cursor *cursor, const char *word, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static bool skip_value(struct cursor *cursor, unsigned depth)
{
    struct bytes text;
    if (cursor->at == cursor->end || depth == DEPTH_LIMIT)
        return false;
    switch (*cursor->at) {
    case '"':
        return take_text(cursor, &text);
    case '{':
        return skip_object(cursor, depth + 1);
    case '[':
        return skip_array(cursor, depth + 1);
    case 't':
        return take_word(cursor, "true", 4);
    case 'f':
        return take_word(cursor, "false", 5);
    case 'n':
        return take_word(cursor, "null", 4);
    case '-':
        cursor->at++;
        return skip_number(cursor);
    default:
        return skip_number(cursor);
    }
}

/* --- Frames --- */

/* Members of a frame, as bits: those that it has. */
enum {
    HAS_TYPE = 1 << 0,
    HAS_STREAM = 1 << 1,
    HAS_OFFSET = 1 << 2,
    HAS_LENGTH = 1 << 3,
    HAS_FIN = 1 << 4,
    HAS_RAW = 1 << 5,
    HAS_ACKED = 1 << 6,
    HAS_SPACE = 1 << 7,
    HAS_CODE = 1 << 8,
    HAS_RAW_CODE = 1 << 9,
    HAS_REASON = 1 << 10,
    HAS_RAW_PAYLOAD = 1 << 11,
    HAS_RAW_LENGTH = 1 << 12,
    HAS_FINAL_SIZE = 1 << 13,
};

struct members {
    unsigned has; /* the others are set where this says so */
    struct bytes type, space, reason;
    uint64_t stream_id, offset, length, code, raw_code, raw_payload, raw_length, final_size;
    bool fin;
};

/* False where it is there for the second time. */
static inline bool once(unsigned *has, unsigned member)
{
    bool first = (*has & member) == 0;
    *has |= member;
    return first;
}

static inline bool take_flag(struct cursor *cursor, bool *flag)
{
    *flag = take_word(cursor, "true", 4);
    return *flag || take_word(cursor, "false", 5);
}

static bool take_raw(struct cursor *cursor, struct members *members)
{
    struct bytes key;
    if (!take(cursor, '{'))
        return false;
    for (bool first = true;; first = false) {
        enum step step = next_member(cursor, first, &key);
        bool taken;
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (TEXT_IS(key, "payload_length"))
            taken =
                once(&members->has, HAS_RAW_PAYLOAD) && take_integer(cursor, &members->raw_payload);
        else if (TEXT_IS(key, "length"))
            taken =
                once(&members->has, HAS_RAW_LENGTH) && take_integer(cursor, &members->raw_length);
        else
            taken = skip_value(cursor, 4);
        if (!taken)
            return false;
    }
}

/* One range: [first, last], or [only]. */
static bool take_range(struct cursor *cursor, struct qlog_packet_event *event)
{
    uint64_t first, last;
    if (!take(cursor, '['))
        return false;
    skip_spaces(cursor);
    if (!take_integer(cursor, &first))
        return false;
    last = first;
    skip_spaces(cursor);
    if (take(cursor, ',')) {
        skip_spaces(cursor);
        if (!take_integer(cursor, &last))
            return false;
        skip_spaces(cursor);
    }
    if (last < first || !take(cursor, ']'))
        return false;
    struct qlog_frame *ack = qlog_packet_event_add(event);
    ack->type = QLOG_FRAME_ACK;
    ack->offset = first;
    ack->length = last - first + 1;
    return true;
}

/* An array: what is in it is taken by TAKE_ELEMENT, which is called with each. */
static inline bool take_array(struct cursor *cursor, struct qlog_packet_event *event,
                              bool (*take_element)(struct cursor *cursor,
                                                   struct qlog_packet_event *event))
{
    if (!take(cursor, '['))
        return false;
    for (bool first = true;; first = false) {
        enum step step = next_element(cursor, first);
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (!take_element(cursor, event))
            return false;
    }
}

static inline bool take_counted(struct cursor *cursor, unsigned *has, unsigned member,
                                uint64_t *value)
{
    return once(has, member) && take_integer(cursor, value);
}

/* A member whose key is told by its size first, the frequent ones early. */
static inline bool take_frame_member(struct cursor *cursor, struct bytes key,
                                     struct members *members, struct qlog_packet_event *event)
{
    unsigned *has = &members->has;
    if (TEXT_IS(key, "frame_type"))
        return once(has, HAS_TYPE) && take_text(cursor, &members->type);
    if (TEXT_IS(key, "stream_id"))
        return take_counted(cursor, has, HAS_STREAM, &members->stream_id);
    if (TEXT_IS(key, "offset"))
        return take_counted(cursor, has, HAS_OFFSET, &members->offset);
    if (TEXT_IS(key, "length"))
        return take_counted(cursor, has, HAS_LENGTH, &members->length);
    if (TEXT_IS(key, "fin"))
        return once(has, HAS_FIN) && take_flag(cursor, &members->fin);
    if (TEXT_IS(key, "raw"))
        return once(has, HAS_RAW) && take_raw(cursor, members);
    if (TEXT_IS(key, "acked_ranges"))
        return once(has, HAS_ACKED) && take_array(cursor, event, take_range);
    if (TEXT_IS(key, "error_space"))
        return once(has, HAS_SPACE) && take_text(cursor, &members->space);
    if (TEXT_IS(key, "error_code"))
        return take_counted(cursor, has, HAS_CODE, &members->code);
    if (TEXT_IS(key, "raw_error_code"))
        return take_counted(cursor, has, HAS_RAW_CODE, &members->raw_code);
    if (TEXT_IS(key, "reason"))
        return once(has, HAS_REASON) && take_text(cursor, &members->reason);
    if (TEXT_IS(key, "final_size"))
        return take_counted(cursor, has, HAS_FINAL_SIZE, &members->final_size);
    return skip_value(cursor, 4);
}

static void fill_stream(struct qlog_frame *frame, const struct members *members)
{
    frame->offset = (members->has & HAS_OFFSET) != 0 ? members->offset : 0;
    frame->length = (members->has & HAS_LENGTH) != 0        ? members->length
                    : (members->has & HAS_RAW_PAYLOAD) != 0 ? members->raw_payload
                    : (members->has & HAS_RAW_LENGTH) != 0  ? members->raw_length
                                                            : 0;
    frame->sized = (members->has & (HAS_LENGTH | HAS_RAW_PAYLOAD)) != 0;
    if (!frame->sized && (members->has & HAS_RAW_LENGTH) != 0)
        qlog_frame_doubt_length(frame);
    frame->fin = members->fin;
}

static void fill_close(struct qlog_frame *frame, const struct members *members)
{
    frame->application =
        (members->has & HAS_SPACE) != 0 && qlog_space_is_application(members->space);
    if ((members->has & HAS_REASON) != 0)
        frame->reason = members->reason;
}

static uint64_t code_of(const struct members *members)
{
    if ((members->has & HAS_RAW_CODE) != 0)
        return members->raw_code;
    return (members->has & HAS_CODE) != 0 ? members->code : 0;
}

static bool take_frame(struct cursor *cursor, struct qlog_packet_event *event)
{
    struct members members = {0};
    struct bytes key;
    size_t frames_before = event->frame_count;
    enum step step;
    event->listed++;
    if (!take(cursor, '{'))
        return false;
    for (bool first = true; (step = next_member(cursor, first, &key)) == STEP_MEMBER; first = false)
        if (!take_frame_member(cursor, key, &members, event))
            return false;
    if ((members.has & HAS_TYPE) == 0 || step != STEP_END)
        return false;
    enum qlog_frame_type type = qlog_frame_type_of(members.type);
    if (type == QLOG_FRAME_ACK)
        return true;
    event->frame_count = frames_before; /* without ranges that were no ACK's */
    if (type == QLOG_FRAME_OTHER) {
        event->pings += qlog_text_is(members.type, "ping");
        return true;
    }
    if (type == QLOG_FRAME_UNKNOWN) /* by its name */
        return false;
    struct qlog_frame *frame = qlog_packet_event_add(event);
    frame->type = type;
    if (type != QLOG_FRAME_STREAM)
        frame->code = code_of(&members);
    if (type == QLOG_FRAME_CLOSE) {
        if ((members.has & (HAS_CODE | HAS_RAW_CODE)) == 0)
            return false; /* it may be told by name */
        fill_close(frame, &members);
        frame->application |= members.type.size == sizeof("application_close") - 1;
        return true;
    }
    if ((members.has & HAS_STREAM) == 0)
        return false;
    frame->stream_id = members.stream_id;
    if (type == QLOG_FRAME_STREAM)
        fill_stream(frame, &members);
    else if (type == QLOG_FRAME_RESET && (members.has & HAS_FINAL_SIZE) != 0) {
        frame->sized = true;
        frame->length = members.final_size;
    }
    return true;
}

/* --- Packets --- */

enum { HAS_PACKET_TYPE = 1 << 0, HAS_NUMBER = 1 << 1, HAS_DESTINATION = 1 << 2 };

static bool take_header(struct cursor *cursor, struct qlog_packet *packet)
{
    unsigned has = 0;
    struct bytes key, type;
    if (!take(cursor, '{'))
        return false;
    for (bool first = true;; first = false) {
        enum step step = next_member(cursor, first, &key);
        bool taken;
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (TEXT_IS(key, "packet_number")) {
            taken = take_counted(cursor, &has, HAS_NUMBER, &packet->number);
        } else if (TEXT_IS(key, "packet_type")) {
            taken = once(&has, HAS_PACKET_TYPE) && take_text(cursor, &type);
            if (taken)
                qlog_packet_set_type(packet, type);
        } else if (TEXT_IS(key, "dcid")) {
            taken = once(&has, HAS_DESTINATION) && take_text(cursor, &packet->destination_id);
        } else {
            taken = skip_value(cursor, 3);
        }
        if (!taken)
            return false;
    }
}

enum { HAS_HEADER = 1 << 0, HAS_FRAMES = 1 << 1 };

static bool take_data(struct cursor *cursor, struct qlog_packet_event *event)
{
    unsigned has = 0;
    struct bytes key;
    if (!take(cursor, '{'))
        return false;
    for (bool first = true;; first = false) {
        enum step step = next_member(cursor, first, &key);
        bool taken;
        if (step != STEP_MEMBER)
            return step == STEP_END;
        if (TEXT_IS(key, "frames"))
            taken = once(&has, HAS_FRAMES) && take_array(cursor, event, take_frame);
        else if (TEXT_IS(key, "header"))
            taken = once(&has, HAS_HEADER) && take_header(cursor, &event->packet);
        else /* a packet's type beside its header is of old drafts */
            taken = !TEXT_IS(key, "packet_type") && skip_value(cursor, 2);
        if (!taken)
            return false;
    }
}

enum { HAS_TIME = 1 << 0, HAS_NAME = 1 << 1, HAS_DATA = 1 << 2, HAS_GROUP = 1 << 3 };

/* What only a header has: Jansson sees to those, and the splitter to documents. */
static bool is_of_header(struct bytes key)
{
    return TEXT_IS(key, "qlog_version") || TEXT_IS(key, "qlog_format") ||
           TEXT_IS(key, "file_schema") || TEXT_IS(key, "traces");
}

/* What else an event may say of itself, which is left to Jansson. */
static bool is_of_few_events(struct bytes key)
{
    return TEXT_IS(key, "ODCID") || TEXT_IS(key, "time_format") || TEXT_IS(key, "reference_time");
}

/* What nearly all events are, in the words of nearly all writers; false for others. */
static inline bool is_usual(struct bytes name, struct qlog_packet_event *event)
{
    event->is_packet = true;
    if (TEXT_IS(name, "transport:packet_sent"))
        event->packet.direction = QLOG_SENT;
    else if (TEXT_IS(name, "transport:packet_received"))
        event->packet.direction = QLOG_RECEIVED;
    else
        event->is_packet = false;
    return event->is_packet || TEXT_IS(name, "recovery:metrics_updated");
}

static bool take_name(struct cursor *cursor, struct qlog_packet_event *event)
{
    struct bytes name;
    if (!take_text(cursor, &name))
        return false;
    event->name = name;
    if (is_usual(name, event))
        return true;
    event->is_packet = qlog_packet_direction(name, &event->packet.direction);
    return event->is_packet || !qlog_event_is_read(name);
}

static bool take_event_member(struct cursor *cursor, struct bytes key, unsigned *has,
                              struct qlog_packet_event *event)
{
    if (TEXT_IS(key, "time"))
        return once(has, HAS_TIME) && take_number(cursor, &event->time);
    if (TEXT_IS(key, "name"))
        return once(has, HAS_NAME) && take_name(cursor, event);
    if (TEXT_IS(key, "group_id"))
        return once(has, HAS_GROUP) && take_text(cursor, &event->group);
    if (!TEXT_IS(key, "data"))
        return !is_of_header(key) && !is_of_few_events(key) && skip_value(cursor, 1);
    if (!once(has, HAS_DATA))
        return false;
    /* Where the name is still to come, it may be a packet's. */
    bool may_be_packet = (*has & HAS_NAME) == 0 || event->is_packet;
    return may_be_packet ? take_data(cursor, event) : skip_value(cursor, 1);
}

size_t qlog_packet_scan(struct qlog_packet_event *event, struct bytes input)
{
    struct cursor cursor = {input.data, input.data + input.size};
    struct bytes key;
    unsigned has = 0;
    enum step step;
    qlog_packet_event_begin(event);
    event->is_packet = false;
    event->group = (struct bytes){0};
    if (!take(&cursor, '{'))
        return 0;
    for (bool first = true; (step = next_member(&cursor, first, &key)) == STEP_MEMBER;
         first = false)
        if (!take_event_member(&cursor, key, &has, event))
            return 0;
    bool whole = step == STEP_END && (has & HAS_TIME) != 0 && (has & HAS_NAME) != 0;
    return whole ? (size_t)(cursor.at - input.data) : 0;
}
