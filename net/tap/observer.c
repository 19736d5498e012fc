#include "net/tap/observer.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash_table.h"
#include "common/varint.h"
#include "net/protocols/identify.h"
#include "net/protocols/multistream.h"
#include "net/protocols/reqresp.h"
#include "net/tap/limits.h"

enum half_state {
    HALF_NEGOTIATES,
    HALF_SPEAKS, /* the protocol's bytes */
    HALF_IS_OVER_THE_LIMIT,
};

enum speech { SPEECH_OTHER, SPEECH_GOSSIP, SPEECH_STATUS, SPEECH_BLOCKS, SPEECH_IDENTIFY };

/* What one side says on a stream. */
struct half {
    enum half_state state;
    uint64_t read; /* bytes */
    uint64_t spoken_at;
    bool speaks, ended;
    bool optimistic;       /* of the opener: what it said behind a proposal, with no answer yet */
    struct buffer pending; /* a message of negotiation that is not whole, or a payload */
};

struct observed_stream {
    int64_t id;
    enum tap_side opener;
    char protocol[MULTISTREAM_MESSAGE_MAX];
    enum speech speech;
    bool agreed;
    struct half halves[TAP_SIDES];
    struct rpc_skim skim; /* of the opener's half */
    UT_hash_handle hh;
};

struct tap_observer {
    tap_observer_told *told;
    void *context;
    struct observed_stream *streams;
    uint64_t passed_over;
    uint64_t now_us;
    bool has_status[TAP_SIDES];
    struct status statuses[TAP_SIDES];
};

/* The stream and side that are read, for what is called back. */
struct reading {
    struct tap_observer *observer;
    struct observed_stream *stream;
    enum tap_side by;
};

const char *tap_fact_name(enum tap_fact_kind kind)
{
    static const char *const names[TAP_FACT_KINDS] = {
        [TAP_FACT_OPENED] = "stream_opened",
        [TAP_FACT_PROPOSED] = "proposed",
        [TAP_FACT_AGREED] = "agreed",
        [TAP_FACT_REFUSED] = "refused",
        [TAP_FACT_ILLEGIBLE] = "illegible",
        [TAP_FACT_SPEAKS] = "speaks",
        [TAP_FACT_RPC] = "rpc",
        [TAP_FACT_STATUS] = "status",
        [TAP_FACT_BLOCKS] = "blocks",
        [TAP_FACT_ERROR_CODE] = "error_code",
        [TAP_FACT_AGENT] = "agent",
        [TAP_FACT_MALFORMED] = "malformed",
        [TAP_FACT_ENDED] = "ended",
        [TAP_FACT_CLOSED] = "stream_closed",
    };
    return names[kind];
}

static enum speech speech_of(const char *protocol)
{
    static const struct {
        const char *prefix;
        enum speech speech;
    } rows[] = {
        {"/meshsub/", SPEECH_GOSSIP},
        {"/floodsub/", SPEECH_GOSSIP},
        {REQRESP_STATUS_PROTOCOL, SPEECH_STATUS},
        {REQRESP_BLOCKS_BY_ROOT_PROTOCOL, SPEECH_BLOCKS},
        {REQRESP_BLOCKS_BY_RANGE_PROTOCOL, SPEECH_BLOCKS},
        {IDENTIFY_PROTOCOL, SPEECH_IDENTIFY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strncmp(protocol, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].speech;
    return SPEECH_OTHER;
}

static struct tap_fact fact_of(const struct reading *reading, enum tap_fact_kind kind)
{
    return (struct tap_fact){
        .kind = kind,
        .time_us = reading->observer->now_us,
        .stream = reading->stream->id,
        .by = reading->by,
        .opener = reading->stream->opener,
        .protocol = reading->stream->protocol,
        .gossip = reading->stream->speech == SPEECH_GOSSIP,
        .answer = reading->by != reading->stream->opener,
    };
}

static void tell(const struct reading *reading, const struct tap_fact *fact)
{
    reading->observer->told(reading->observer->context, fact);
}

static void tell_problem(const struct reading *reading, enum tap_fact_kind kind, uint64_t at,
                         const char *problem)
{
    struct tap_fact fact = fact_of(reading, kind);
    fact.at = at;
    fact.problem = problem;
    tell(reading, &fact);
}

static struct half *half_of(const struct reading *reading)
{
    return &reading->stream->halves[reading->by];
}

static struct half *other_half_of(const struct reading *reading)
{
    return &reading->stream->halves[tap_other(reading->by)];
}

/* ---- what a protocol says ---- */

static void rpc_told(void *context, const struct skimmed_rpc *rpc)
{
    const struct reading *reading = context;
    struct tap_fact fact = fact_of(reading, TAP_FACT_RPC);
    fact.rpc = rpc;
    fact.size = rpc->size;
    fact.at = half_of(reading)->spoken_at + rpc->at;
    tell(reading, &fact);
}

/* What is read as a whole, at its end. */
static void keep_payload(const struct reading *reading, struct bytes data)
{
    struct half *half = half_of(reading);
    if (half->pending.size + data.size > TAP_PAYLOAD_MAX) {
        half->state = HALF_IS_OVER_THE_LIMIT;
        buffer_clear(&half->pending);
        tell_problem(reading, TAP_FACT_MALFORMED, half->spoken_at, "longer than it may be");
        return;
    }
    buffer_append(&half->pending, data.data, data.size);
}

/* The code of an answer, and where it is an error its text: of blocks no more is read. */
static void keep_code(const struct reading *reading, struct bytes data)
{
    struct buffer *pending = &half_of(reading)->pending;
    uint8_t code = pending->size > 0 ? pending->data[0] : data.data[0];
    bool refusal = reading->by != reading->stream->opener && code != REQRESP_SUCCESS;
    size_t size = refusal ? reqresp_encoded_max(0) : 1, room = size - pending->size;
    buffer_append(pending, data.data, data.size < room ? data.size : room);
}

static void speak(const struct reading *reading, struct bytes data)
{
    struct observed_stream *stream = reading->stream;
    struct half *half = half_of(reading);
    if (data.size == 0)
        return;
    if (!half->speaks) {
        half->speaks = true;
        half->spoken_at = half->read;
        struct tap_fact fact = fact_of(reading, TAP_FACT_SPEAKS);
        fact.at = half->read;
        tell(reading, &fact);
    }
    bool opener = reading->by == stream->opener;
    if (stream->speech == SPEECH_GOSSIP && opener)
        rpc_skim(&stream->skim, data, rpc_told, (void *)reading);
    else if (stream->speech == SPEECH_GOSSIP && half->spoken_at == half->read)
        tell_problem(reading, TAP_FACT_MALFORMED, half->read,
                     "says something on a gossipsub stream that it did not open");
    else if (stream->speech == SPEECH_STATUS || stream->speech == SPEECH_IDENTIFY)
        keep_payload(reading, data);
    else if (stream->speech == SPEECH_BLOCKS)
        keep_code(reading, data);
    half->read += data.size;
}

static void tell_status(const struct reading *reading, struct bytes ssz)
{
    struct tap_observer *observer = reading->observer;
    enum tap_side other = tap_other(reading->by);
    struct tap_fact fact = fact_of(reading, TAP_FACT_STATUS);
    struct status status;
    if (!status_decode(ssz, &status, NULL)) {
        tell_problem(reading, TAP_FACT_MALFORMED, half_of(reading)->spoken_at,
                     "no status: another length, or unsound");
        return;
    }
    observer->has_status[reading->by] = true;
    observer->statuses[reading->by] = status;
    fact.at = half_of(reading)->spoken_at;
    fact.status = &status;
    fact.contradicts =
        observer->has_status[other] && status_contradicts(&status, &observer->statuses[other]);
    tell(reading, &fact);
}

static void tell_code(const struct reading *reading, uint8_t code, struct bytes text)
{
    struct tap_fact fact = fact_of(reading, TAP_FACT_ERROR_CODE);
    fact.at = half_of(reading)->spoken_at;
    fact.code = code;
    fact.text = text;
    tell(reading, &fact);
}

static void end_status(const struct reading *reading)
{
    struct half *half = half_of(reading);
    struct buffer ssz = {0};
    uint8_t code = REQRESP_SUCCESS;
    struct bytes input = buffer_bytes(&half->pending);
    bool answer = reading->by != reading->stream->opener;
    bool whole = answer ? reqresp_decode_response(input, STATUS_SSZ_SIZE, &code, &ssz, NULL) > 0
                        : reqresp_decode_request(input, STATUS_SSZ_SIZE, &ssz, NULL);
    if (!whole)
        tell_problem(reading, TAP_FACT_MALFORMED, half->spoken_at,
                     answer ? "no answer to a status" : "no request with a status");
    else if (code != REQRESP_SUCCESS)
        tell_code(reading, code, buffer_bytes(&ssz));
    else
        tell_status(reading, buffer_bytes(&ssz));
    buffer_clear(&ssz);
}

static void end_blocks(const struct reading *reading)
{
    struct half *half = half_of(reading);
    uint8_t code = half->pending.data[0];
    bool answer = reading->by != reading->stream->opener;
    if (answer && code != REQRESP_SUCCESS) {
        struct buffer text = {0};
        reqresp_decode_response(buffer_bytes(&half->pending), 0, &code, &text, NULL);
        tell_code(reading, code, buffer_bytes(&text));
        buffer_clear(&text);
        return;
    }
    struct tap_fact fact = fact_of(reading, TAP_FACT_BLOCKS);
    fact.at = half->spoken_at;
    fact.size = half->read - half->spoken_at;
    tell(reading, &fact);
}

static void end_identify(const struct reading *reading)
{
    struct identify identify = {0};
    if (reading->by == reading->stream->opener)
        return;
    if (identify_decode(buffer_bytes(&half_of(reading)->pending), &identify, NULL)) {
        struct tap_fact fact = fact_of(reading, TAP_FACT_AGENT);
        fact.at = half_of(reading)->spoken_at;
        fact.text = bytes_of_text(identify.agent != NULL ? identify.agent : "");
        tell(reading, &fact);
    } else {
        tell_problem(reading, TAP_FACT_MALFORMED, half_of(reading)->spoken_at,
                     "no answer to identify");
    }
    identify_clear(&identify);
}

/* The opener's RPC is never whole, which is told once: what may follow of it nobody reads. */
static void break_rpc(const struct reading *reading)
{
    struct tap_fact fact = fact_of(reading, TAP_FACT_MALFORMED);
    fact.at = half_of(reading)->read;
    fact.size = rpc_skim_announced(&reading->stream->skim);
    fact.problem = "ends within an RPC";
    half_of(reading)->state = HALF_IS_OVER_THE_LIMIT;
    rpc_skim_clear(&reading->stream->skim);
    tell(reading, &fact);
}

/* Where a stream breaks off, that is no fault of the RPC it was in, unless that is larger than some
 * take: those break off where they find out. */
static void break_speech(struct tap_observer *observer, struct observed_stream *stream)
{
    const struct reading reading = {observer, stream, stream->opener};
    if (stream->speech == SPEECH_GOSSIP && half_of(&reading)->state == HALF_SPEAKS &&
        rpc_skim_announced(&stream->skim) > rpc_limits[0].size)
        break_rpc(&reading);
}

/* The half is at its end, with nothing left out. */
static void end_speech(const struct reading *reading)
{
    struct half *half = half_of(reading);
    if (half->state != HALF_SPEAKS || !half->speaks)
        return;
    switch (reading->stream->speech) {
    case SPEECH_GOSSIP:
        if (reading->by == reading->stream->opener && rpc_skim_is_within(&reading->stream->skim))
            break_rpc(reading);
        break;
    case SPEECH_STATUS:
        end_status(reading);
        break;
    case SPEECH_BLOCKS:
        end_blocks(reading);
        break;
    case SPEECH_IDENTIFY:
        end_identify(reading);
        break;
    case SPEECH_OTHER:
        break;
    }
}

/* ---- negotiation ---- */

static const char header[] = "/multistream/1.0.0";

static bool is_text(struct bytes message, const char *text)
{
    return message.size == strlen(text) && memcmp(message.data, text, message.size) == 0;
}

/* Passes over what is said until the end: of what there is no telling. */
static void stop_reading(const struct reading *reading, uint64_t at, const char *problem)
{
    half_of(reading)->state = HALF_IS_OVER_THE_LIMIT;
    buffer_clear(&half_of(reading)->pending);
    tell_problem(reading, TAP_FACT_ILLEGIBLE, at, problem);
}

static void propose(const struct reading *reading, struct bytes name, uint64_t at)
{
    struct observed_stream *stream = reading->stream;
    memcpy(stream->protocol, name.data, name.size);
    stream->protocol[name.size] = '\0';
    stream->speech = speech_of(stream->protocol);
    half_of(reading)->state = HALF_SPEAKS;
    half_of(reading)->optimistic = true;
    struct tap_fact fact = fact_of(reading, TAP_FACT_PROPOSED);
    fact.at = at;
    tell(reading, &fact);
}

/* What the opener said for the protocol refused is of no stream. */
static void forget_optimism(const struct reading *reading)
{
    struct half *half = other_half_of(reading);
    rpc_skim_clear(&reading->stream->skim);
    buffer_clear(&half->pending);
    half->state = HALF_NEGOTIATES;
    half->speaks = false;
}

static void answer(const struct reading *reading, struct bytes name, uint64_t at)
{
    struct observed_stream *stream = reading->stream;
    bool proposed = stream->protocol[0] != '\0' && other_half_of(reading)->optimistic;
    bool refused = is_text(name, "na");
    if (!proposed || (!refused && !is_text(name, stream->protocol))) {
        stop_reading(reading, at, "answers what was not proposed");
        return;
    }
    struct tap_fact fact = fact_of(reading, refused ? TAP_FACT_REFUSED : TAP_FACT_AGREED);
    fact.at = at;
    other_half_of(reading)->optimistic = false;
    if (refused)
        forget_optimism(reading);
    else
        half_of(reading)->state = HALF_SPEAKS;
    stream->agreed = !refused;
    tell(reading, &fact);
}

/* One message, without its length and newline. */
static void read_message(const struct reading *reading, struct bytes message, uint64_t at)
{
    if (is_text(message, header))
        return;
    if (reading->by != reading->stream->opener)
        answer(reading, message, at);
    else if (message.size > 0 && message.data[0] == '/')
        propose(reading, message, at);
    else
        stop_reading(reading, at, "proposes no protocol");
}

/* How much of INPUT is one message; 0: there is more to come; -1: it is none. */
static long message_size(struct bytes input, struct bytes *message)
{
    uint64_t length;
    int head = varint_read(input, &length);
    if (head <= 0)
        return head;
    if (length == 0 || length > MULTISTREAM_MESSAGE_MAX)
        return -1;
    if (input.size < (size_t)head + length)
        return 0;
    *message = bytes_of(input.data + head, (size_t)length - 1);
    return message->data[message->size] == '\n' ? (long)length + head : -1;
}

/* How many bytes of DATA belong to it. */
static size_t negotiate(const struct reading *reading, struct bytes data)
{
    struct half *half = half_of(reading);
    size_t before = half->pending.size, taken = 0;
    buffer_append(&half->pending, data.data, data.size);
    struct buffer pending = half->pending;
    half->pending = (struct buffer){0};
    while (half->state == HALF_NEGOTIATES) {
        struct bytes rest = bytes_of(pending.data + taken, pending.size - taken), message;
        long size = message_size(rest, &message);
        uint64_t at = half->read + taken - before;
        if (size < 0)
            stop_reading(reading, at, "is no multistream-select message");
        if (size == 0)
            buffer_append(&half->pending, rest.data, rest.size);
        if (size <= 0) {
            taken = pending.size;
            break;
        }
        taken += (size_t)size;
        read_message(reading, message, at);
    }
    half->read += taken - before;
    buffer_clear(&pending);
    return taken - before;
}

/* ---- what comes ---- */

static struct observed_stream *find(const struct tap_observer *observer, int64_t id)
{
    struct observed_stream *stream;
    HASH_FIND(hh, observer->streams, &id, sizeof(id), stream);
    return stream;
}

struct tap_observer *tap_observer_new(tap_observer_told *told, void *context)
{
    struct tap_observer *observer = memory_new(sizeof(*observer));
    *observer = (struct tap_observer){.told = told, .context = context};
    return observer;
}

static void forget(struct tap_observer *observer, struct observed_stream *stream)
{
    HASH_DEL(observer->streams, stream);
    rpc_skim_clear(&stream->skim);
    for (size_t i = 0; i < TAP_SIDES; i++)
        buffer_clear(&stream->halves[i].pending);
    free(stream);
}

void tap_observer_free(struct tap_observer *observer)
{
    struct observed_stream *stream, *next;
    HASH_ITER(hh, observer->streams, stream, next)
    forget(observer, stream);
    free(observer);
}

void tap_observer_opened(struct tap_observer *observer, int64_t id, enum tap_side opener,
                         uint64_t time_us)
{
    if (find(observer, id) != NULL)
        return;
    observer->now_us = time_us;
    if (HASH_COUNT(observer->streams) == TAP_STREAMS_MAX) {
        observer->passed_over++;
        return;
    }
    struct observed_stream *stream = memory_new(sizeof(*stream));
    *stream = (struct observed_stream){.id = id, .opener = opener};
    HASH_ADD(hh, observer->streams, id, sizeof(stream->id), stream);
    const struct reading reading = {observer, stream, opener};
    struct tap_fact fact = fact_of(&reading, TAP_FACT_OPENED);
    tell(&reading, &fact);
}

void tap_observer_data(struct tap_observer *observer, int64_t id, enum tap_side from,
                       struct bytes data, uint64_t time_us)
{
    struct observed_stream *stream = find(observer, id);
    if (stream == NULL)
        return;
    observer->now_us = time_us;
    const struct reading reading = {observer, stream, from};
    struct half *half = &stream->halves[from];
    if (half->state == HALF_NEGOTIATES) {
        size_t taken = negotiate(&reading, data);
        data = bytes_of(data.data + taken, data.size - taken);
    }
    if (half->state == HALF_SPEAKS)
        speak(&reading, data);
    else
        half->read += data.size;
}

void tap_observer_ended(struct tap_observer *observer, int64_t id, enum tap_side by,
                        enum tap_end how, uint64_t code, uint64_t time_us)
{
    struct observed_stream *stream = find(observer, id);
    if (stream == NULL)
        return;
    observer->now_us = time_us;
    const struct reading reading = {observer, stream, by};
    struct half *half = &stream->halves[by];
    if (how == TAP_FIN)
        end_speech(&reading);
    else if ((by == stream->opener) == (how == TAP_RESET))
        break_speech(observer, stream);
    if (how != TAP_STOP)
        half->ended = true;
    struct tap_fact fact = fact_of(&reading, TAP_FACT_ENDED);
    fact.at = half->read;
    fact.how = how;
    fact.code = code;
    tell(&reading, &fact);
}

void tap_observer_closed(struct tap_observer *observer, int64_t id, uint64_t time_us)
{
    struct observed_stream *stream = find(observer, id);
    if (stream == NULL)
        return;
    observer->now_us = time_us;
    break_speech(observer, stream);
    const struct reading reading = {observer, stream, stream->opener};
    struct tap_fact fact = fact_of(&reading, TAP_FACT_CLOSED);
    fact.unfinished = !stream->halves[TAP_DIALLER].ended || !stream->halves[TAP_LISTENER].ended;
    tell(&reading, &fact);
    forget(observer, stream);
}

void tap_observer_over(struct tap_observer *observer, uint64_t time_us)
{
    struct observed_stream *stream, *next;
    observer->now_us = time_us;
    HASH_ITER(hh, observer->streams, stream, next)
    break_speech(observer, stream);
}

uint64_t tap_observer_passed_over(const struct tap_observer *observer)
{
    return observer->passed_over;
}
