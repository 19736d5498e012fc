/* The reader of QUIC logs: dialects, cuts, junk, and logs made to hurt. */
#include "net/qlog/reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "net/qlog/lost.h"
#include "net/verdict/connections.h"
#include "net/verdict/verdict.h"
#include "tests/unit/support.h"

#define HEADER                                                                                     \
    "\x1e{\"qlog_format\":\"JSON-SEQ\",\"qlog_version\":\"0.3\",\"trace\":{\"vantage_point\":{"    \
    "\"name\":\"n\",\"type\":\"client\"},\"common_fields\":{\"group_id\":\"ABCD\"}}}\n"
#define SENT(time, frame)                                                                          \
    "\x1e{\"time\":" time ",\"name\":\"transport:packet_sent\",\"data\":{\"header\":{"             \
    "\"packet_type\":\"1RTT\",\"packet_number\":7},\"frames\":[" frame "]}}\n"
#define STREAM(id, offset, length)                                                                 \
    "{\"frame_type\":\"stream\",\"stream_id\":" id ",\"offset\":" offset ",\"length\":" length "}"
#define PARAMETERS(owner)                                                                          \
    "\x1e{\"time\":1,\"name\":\"transport:parameters_set\",\"data\":{\"owner\":\"" owner "\"}}\n"
#define CLOSED                                                                                     \
    "\x1e{\"time\":3,\"name\":\"transport:connection_closed\",\"data\":{\"owner\":\"local\"}}\n"
#define DOCUMENT_BEGIN                                                                             \
    "{\"qlog_format\": \"JSON\", \"qlog_version\": \"0.3\", \"traces\": [{\"common_fields\": "     \
    "{\"ODCID\": \"abcd\"}, \"events\": ["
#define DOCUMENT_EVENT                                                                             \
    "{\"data\": {\"frames\": [{\"fin\": false, \"frame_type\": \"stream\", \"length\": 20, "       \
    "\"offset\": 0, \"stream_id\": 4}], \"header\": {\"packet_number\": 4, \"packet_type\": "      \
    "\"1RTT\"}}, \"name\": \"transport:packet_sent\", \"time\": 1795424372084.5}"
#define DOCUMENT_END "], \"vantage_point\": {\"name\": \"aioquic\", \"type\": \"server\"}}]}"

static unsigned notes;

static void count_note(void *context, const char *path, const char *text)
{
    (void)context, (void)path, (void)text;
    notes++;
}

/* Reads TEXT in blocks of BLOCK bytes. */
static enum qlog_outcome read_text(struct qlog_reader *reader, struct bytes text, size_t block,
                                   struct error *error)
{
    notes = 0;
    qlog_reader_init(reader, "test", count_note, NULL);
    while (text.size > 0) {
        size_t size = text.size < block ? text.size : block;
        if (!qlog_reader_feed(reader, bytes_of(text.data, size), error))
            return reader->not_a_log ? QLOG_NOT_A_LOG : QLOG_FAILED;
        text = bytes_after(text, size);
    }
    return qlog_reader_end(reader, error);
}

static enum qlog_outcome read_whole(struct qlog_reader *reader, const char *text,
                                    struct error *error)
{
    return read_text(reader, bytes_of_text(text), 1 << 16, error);
}

static void lines_and_documents_say_the_same(void **state)
{
    (void)state;
    const char *const texts[] = {
        HEADER SENT("1.5", STREAM("4", "0", "20")) SENT("2", STREAM("4", "20", "16")),
        DOCUMENT_BEGIN DOCUMENT_EVENT ", " DOCUMENT_EVENT DOCUMENT_END,
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t block = 1; block < 200; block += 13) {
            struct qlog_reader reader;
            struct error error = {.text = ""};
            assert_int_equal(read_text(&reader, bytes_of_text(texts[i]), block, &error), QLOG_READ);
            assert_int_equal(reader.log_count, 1);
            const struct qlog_log *log = reader.logs[0];
            assert_string_equal(qlog_log_id(log), "abcd");
            assert_int_equal(log->role, i == 0 ? QLOG_CLIENT : QLOG_SERVER);
            assert_int_equal(log->packets, 2);
            assert_int_equal(qlog_log_find(log, 4)->half[QLOG_SENT].bytes, i == 0 ? 36 : 20);
            assert_false(log->truncated);
            assert_int_equal(notes, 0);
            qlog_reader_clear(&reader);
        }
    }
}

static void a_log_is_read_wherever_it_is_cut_off(void **state)
{
    (void)state;
    const char *const texts[] = {
        HEADER SENT("1", STREAM("4", "0", "20")) SENT("2", STREAM("8", "0", "36")),
        DOCUMENT_BEGIN DOCUMENT_EVENT ", " DOCUMENT_EVENT DOCUMENT_END,
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t size = 0; size <= strlen(texts[i]); size++) {
            struct qlog_reader reader;
            struct error error = {.text = ""};
            enum qlog_outcome outcome = read_text(&reader, bytes_of(texts[i], size), 64, &error);
            assert_int_not_equal(outcome, QLOG_FAILED);
            qlog_reader_clear(&reader);
        }
    }
}

static void lengths_are_found_in_each_place(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
    assert_int_equal(
        read_whole(&reader,
                   HEADER SENT("1", "{\"frame_type\":\"stream\",\"stream_id\":0,\"offset\":0,"
                                    "\"raw\":{\"payload_length\":20}}")
                       SENT("2", "{\"frame_type\":\"stream\",\"stream_id\":4,\"offset\":16,"
                                 "\"raw\":{\"length\":20}}") SENT("3", STREAM("4", "36", "0"))
                           SENT("3", "{\"frame_type\":\"ack\",\"acked_ranges\":[[7],[9,12]]}"),
                   &error),
        QLOG_READ);
    assert_int_equal(qlog_log_find(reader.logs[0], 0)->half[QLOG_SENT].bytes, 20);
    assert_int_equal(qlog_log_find(reader.logs[0], 4)->half[QLOG_SENT].bytes, 36);
    qlog_reader_clear(&reader);
}

static void junk_and_broken_records_are_passed_over(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
    assert_int_equal(
        read_whole(
            &reader,
            HEADER "some words\n" SENT(
                "1", STREAM("4", "0", "20")) "\x1e{\"time\":2,\"name\":\"transp" /* cut off */
            SENT("3", STREAM("4", "20", "16")) "{\"time\":3,\n{\"time\":4,\"name\":\"x:y\"}\n"
                                               "\x1e{\"time\":1e999,\"name\":\"x:y\"}\n",
            &error),
        QLOG_READ);
    assert_int_equal(qlog_log_find(reader.logs[0], 4)->half[QLOG_SENT].bytes, 36);
    assert_int_equal(reader.logs[0]->records, 3);
    assert_int_equal(notes, 4);
    qlog_reader_clear(&reader);
}

#define INITIAL(direction, number)                                                                 \
    "\x1e{\"time\":0,\"name\":\"transport:packet_" direction "\",\"data\":{\"header\":{"           \
    "\"packet_type\":\"initial\",\"packet_number\":" number "},\"frames\":[]}}\n"
#define PACKET(time, direction, number, frames)                                                    \
    "\x1e{\"time\":" time ",\"name\":\"transport:packet_" direction "\",\"data\":{\"header\":{"    \
    "\"packet_type\":\"1RTT\",\"packet_number\":" number "},\"frames\":[" frames "]}}\n"
#define ACK(number) "{\"frame_type\":\"ack\",\"acked_ranges\":[[" number "]]}"
#define CUT "\x1e{\"time\":1\n"
#define PING "{\"frame_type\":\"ping\"}"
#define SENT_ONE ",\"name\":\"transport:packet_sent\"" ONE_RTT
#define RECEIVED_ONE ",\"name\":\"transport:packet_received\"" ONE_RTT
#define ONE_RTT ",\"data\":{\"header\":{\"packet_type\":\"1RTT\",\"packet_number\":"
#define BOTH(when, number)                                                                         \
    "\x1e{\"time\":" when SENT_ONE number "},\"frames\":[" PING "]}}\n"                            \
    "\x1e{\"time\":" when RECEIVED_ONE number "},\"frames\":[" PING "]}}\n"
#define CLOSE "{\"frame_type\":\"connection_close\"}"

static void packet_numbers_show_whether_a_packet_was_lost(void **state)
{
    (void)state;
    static const struct {
        const char *events;
        bool may_be;
    } cases[] = {
        {BOTH("1", "0") CUT BOTH("2", "1"), false},
        {BOTH("1", "0") CUT BOTH("2", "2"), true},
        {BOTH("1", "0") CUT PACKET("2", "sent", "1", PING), true}, /* none came since */
        {BOTH("1", "0") CUT PACKET("2", "sent", "1", ACK("0")), false},
        {BOTH("1", "0") CUT PACKET("2", "sent", "1", CLOSE), false},
        {BOTH("1", "0") CUT PACKET("900", "sent", "1", CLOSE), true},
        {BOTH("1", "0") PACKET("2", "received", "1", ACK("0"))
             CUT PACKET("900", "received", "2", PING),
         false}, /* none that was sent has been acknowledged */
        {BOTH("1", "0") BOTH("2", "2") CUT BOTH("3", "3"), true}, /* a late one may be */
        {BOTH("1", "0") BOTH("2", "2") BOTH("3", "1") CUT BOTH("4", "3"), false},
        {CUT BOTH("1", "0"), false},
        {CUT BOTH("1", "5"), true},
        {INITIAL("sent", "4") INITIAL("received", "4") CUT BOTH("1", "5"), false},
        {BOTH("1", "0") CUT "\x1e{\"time\":2,\"name\":\"x:y\"}\n", true},
        {BOTH("1", "0") CUT, false}, /* the log ends with it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error error;
        struct qlog_reader reader;
        char *text = text_format("%s%s", HEADER, cases[i].events);
        assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
        if (qlog_lost_may_be_packets(reader.logs[0], 500) != cases[i].may_be)
            fail_msg("case %zu", i);
        qlog_reader_clear(&reader);
        free(text);
    }
}

static void a_number_beyond_64_bits_costs_nothing(void **state)
{
    (void)state;
    struct error error;
    struct qlog_reader reader;
    /* What quiche and quinn say of a threshold that is not set. */
    const char *text =
        HEADER "\x1e{\"time\":1,\"name\":\"recovery:metrics_updated\",\"data\":{"
               "\"ssthresh\":18446744073709551615}}\n" SENT("2", STREAM("0", "0", "36"));
    assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
    assert_int_equal(notes, 0);
    assert_int_equal(reader.logs[0]->bad_records, 0);
    assert_int_equal(reader.logs[0]->records, 2);
    assert_int_equal(reader.logs[0]->stream_frames, 1);
    qlog_reader_clear(&reader);
}

static void a_number_beyond_64_bits_takes_no_others_digits(void **state)
{
    (void)state;
    struct error error;
    struct qlog_reader reader;
    const char *text = HEADER SENT("18446744073709551616e-20,\"group_id\":18446744073709551615",
                                   STREAM("4611686018427387900", "0", "9007199254740993"))
        SENT("-9223372036854775809,\"group_id\":340282366920938463463374607431768211455",
             "{\"frame_type\":\"note 9999999999999999999, \\\":99999999999999999999\"}")
            SENT("1,99999999999999999999:2", "");
    assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
    assert_int_equal(notes, 1);
    assert_int_equal(reader.log_count, 2);
    assert_string_equal(reader.logs[0]->event_group, "18446744073709551615");
    assert_string_equal(reader.logs[1]->event_group, "340282366920938463463374607431768211455");
    assert_string_equal(reader.logs[1]->unknown_frame,
                        "note 9999999999999999999, \":99999999999999999999");
    const struct qlog_stream *stream = qlog_log_find(reader.logs[0], 4611686018427387900);
    assert_non_null(stream);
    assert_int_equal(stream->half[QLOG_SENT].bytes, 9007199254740993);
    qlog_reader_clear(&reader);
}

static void a_group_is_known_again_whatever_it_holds(void **state)
{
    (void)state;
    static const char *const groups[] = {"a\\t1",    "a\\n1",   "a\x7f",
                                         "\xc2\x85", "\\u0085", "\xef\xbf\xbd"};
    static const size_t connections = 5; /* the fourth is the fifth */
    struct error error;
    struct qlog_reader reader;
    struct buffer text = {0};
    buffer_append_text(&text, HEADER);
    for (size_t i = 0; i < 5 * sizeof(groups) / sizeof(*groups); i++) {
        char *event =
            text_format("\x1e{\"time\":%zu,\"name\":\"packet_sent\",\"group_id\":\"%s\"}\n", i,
                        groups[i % (sizeof(groups) / sizeof(*groups))]);
        buffer_append_text(&text, event);
        free(event);
    }
    assert_int_equal(read_text(&reader, buffer_bytes(&text), 1 << 16, &error), QLOG_READ);
    assert_int_equal(reader.log_count, connections);
    for (size_t i = 0; i < connections; i++)
        assert_int_equal(reader.logs[i]->packets, i == 3 ? 10 : 5);
    qlog_reader_clear(&reader);
    buffer_clear(&text);
}

static void a_separator_alone_begins_anew_where_one_stood_before(void **state)
{
    (void)state;
    struct error error;
    /* Amid a record, then one that is cut off, and last a line that has none. */
    const char *text =
        HEADER "\x1e{\"time\":1,\"name\":\"x:y\",\"data\":{\"frames\":\n[\n{\n}\n]\n}\n}\n"
               "\x1e{\"time\":2,\n\"data\":\n{\n" SENT(
                   "3", STREAM("4", "0", "36")) "{\"time\":4,\n{\"time\":5,\"name\":\"x:y\"}\n";
    for (size_t block = 1; block < 100; block += 7) {
        struct qlog_reader reader;
        assert_int_equal(read_text(&reader, bytes_of_text(text), block, &error), QLOG_READ);
        assert_int_equal(notes, 2);
        assert_int_equal(reader.logs[0]->records, 3);
        assert_int_equal(reader.logs[0]->packets, 1);
        qlog_reader_clear(&reader);
    }
}

struct heads {
    size_t count, size;
};

static bool count_heads(void *context, const struct qlog_record *record, struct error *error)
{
    struct heads *heads = context;
    (void)error;
    heads->count += record->kind == QLOG_RECORD_TRACE_HEAD;
    heads->size += record->kind == QLOG_RECORD_TRACE_HEAD ? record->text.size : 0;
    return true;
}

static void a_traces_head_is_handed_out_once(void **state)
{
    (void)state;
    struct qlog_splitter splitter;
    struct heads heads = {0};
    struct error error;
    struct buffer text = {0};
    buffer_append_text(&text, "{\"qlog_version\":\"0.3\",\"traces\":[");
    for (unsigned trace = 0; trace < 2; trace++) {
        buffer_append_text(&text, trace > 0 ? ",{\"a\":1" : "{\"a\":1");
        for (unsigned i = 0; i < 1000; i++)
            buffer_append_text(&text, ",\"events\":[]");
        buffer_append_byte(&text, '}');
    }
    buffer_append_text(&text, "]}");
    qlog_splitter_init(&splitter, count_heads, &heads);
    assert_true(qlog_splitter_read(&splitter, buffer_bytes(&text), &error));
    assert_int_equal(heads.count, 2);
    assert_true(heads.size < 100);
    qlog_splitter_clear(&splitter);
    buffer_clear(&text);
}

static void a_connection_may_end_before_its_first_packet(void **state)
{
    (void)state;
    static const struct {
        const char *events;
        bool never_began;
    } cases[] = {
        {PARAMETERS("local") CLOSED, true},
        {PARAMETERS("local"), false},                             /* cut off */
        {PARAMETERS("local") PARAMETERS("remote") CLOSED, false}, /* logged without its packets */
        {PARAMETERS("local") SENT("2", "{\"frame_type\":\"crypto\"}") CLOSED, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error error;
        struct qlog_reader reader;
        char *text = text_format("%s%s", HEADER, cases[i].events);
        assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
        assert_int_equal(qlog_log_never_began(reader.logs[0]), cases[i].never_began);
        qlog_reader_clear(&reader);
        free(text);
    }
}

static void what_is_no_log_is_told_at_once(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 "hello",
                                 "[1,2]",
                                 "{\"a\":1}",
                                 "{\"traces\":[]}",
                                 "\n\n",
                                 "{\"a\":\"\xff\"}",
                                 "{}",
                                 "{\"time\":1,\"name\":\"a:b\"}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct qlog_reader reader;
        struct error error = {.text = ""};
        assert_int_equal(read_whole(&reader, texts[i], &error), QLOG_NOT_A_LOG);
        assert_non_null(strstr(error.text, "not a QUIC log: "));
        qlog_reader_clear(&reader);
    }
}

/* --- Limits --- */

static void expect_failure(const char *text, const char *message)
{
    struct qlog_reader reader;
    struct error error = {.text = ""};
    assert_int_equal(read_whole(&reader, text, &error), QLOG_FAILED);
    if (strstr(error.text, message) == NULL || strstr(error.text, "record ") == NULL)
        fail_msg("\"%s\" does not say \"%s\" and which record", error.text, message);
    qlog_reader_clear(&reader);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[4096];
    int size = snprintf(text, sizeof(text), "%s\x1e{\"time\":1,\"data\":", HEADER);
    memset(text + size, '[', 1000);
    text[size + 1000] = '\0';
    expect_failure(text, "nested deeper than 64 levels");
}

static void brackets_that_do_not_match_are_refused(void **state)
{
    (void)state;
    expect_failure(HEADER "\x1e{\"time\":1,\"data\":[}}\n", "brackets do not match");
}

static void numbers_that_quic_does_not_know_cost_their_frame(void **state)
{
    (void)state;
    static const struct {
        const char *frame, *why;
    } cases[] = {
        {STREAM("4611686018427387904", "0", "1"),
         "stream id 4611686018427387904 is larger than QUIC allows"},
        {STREAM("-4", "0", "1"), "stream_id is no number"},
        {STREAM("1e300", "0", "1"), "stream_id is no number"},
        {STREAM("\"x4\"", "0", "1"), "stream_id is no number"},
        {STREAM("4", "4611686018427387903", "4611686018427387903"),
         "stream 4 is longer than QUIC allows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct qlog_reader reader;
        struct error error;
        char *text = text_format("%s\x1e{\"time\":1,\"name\":\"transport:packet_sent\",\"data\":{"
                                 "\"frames\":[%s,%s]}}\n",
                                 HEADER, cases[i].frame, STREAM("8", "0", "36"));
        assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
        assert_int_equal(reader.logs[0]->unread_frames, 1);
        assert_non_null(strstr(reader.logs[0]->unread_why, cases[i].why));
        assert_int_equal(qlog_log_find(reader.logs[0], 8)->half[QLOG_SENT].bytes, 36);
        qlog_reader_clear(&reader);
        free(text);
    }
}

/* Reads FRAMES, each sent in a packet of its own, and hands out what was sent on stream 4. */
static struct qlog_half sent_on_4(const char *const *frames, size_t count)
{
    struct qlog_reader reader;
    struct error error;
    char *text = text_copy(HEADER);
    for (size_t i = 0; i < count; i++) {
        char *more = text_format("%s\x1e{\"time\":%zu,\"name\":\"transport:packet_sent\",\"data\":"
                                 "{\"frames\":[{\"frame_type\":%s}]}}\n",
                                 text, i, frames[i]);
        free(text);
        text = more;
    }
    assert_int_equal(read_whole(&reader, text, &error), QLOG_READ);
    struct qlog_half half = qlog_log_find(reader.logs[0], 4)->half[QLOG_SENT];
    qlog_reader_clear(&reader);
    free(text);
    return half;
}

#define BARE(offset) "\"stream\",\"stream_id\":4,\"offset\":" offset

static void a_frame_without_a_length_ends_where_the_next_begins(void **state)
{
    (void)state;
    static const struct {
        const char *frames[3];
        size_t count;
        bool open;
        uint64_t bytes;
        double negotiated;
    } cases[] = {
        {{BARE("0")}, 1, true, 0, QLOG_NEVER},
        {{BARE("0"), BARE("20"), BARE("36")}, 3, true, 36, 1},
        {{BARE("0"), BARE("36") ",\"length\":5"}, 2, false, 41, 0},
        {{BARE("0"), BARE("36") ",\"length\":0,\"fin\":true"}, 2, false, 36, 0},
        {{BARE("0"), "\"reset_stream\",\"stream_id\":4,\"final_size\":36"}, 2, false, 36, 0},
        {{BARE("0"), "\"reset_stream\",\"stream_id\":4"}, 2, true, 0, QLOG_NEVER},
        {{BARE("0"), BARE("0")}, 2, true, 0, QLOG_NEVER},
        {{BARE("0"), BARE("0") ",\"length\":36"}, 2, false, 36, 1},
        {{BARE("36"), BARE("0"), BARE("50") ",\"length\":1"}, 3, false, 51, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct qlog_half half = sent_on_4(cases[i].frames, cases[i].count);
        assert_int_equal(half.open, cases[i].open);
        assert_int_equal(half.bytes, cases[i].bytes);
        assert_int_equal((int)half.negotiated, (int)cases[i].negotiated);
    }
}

static void frames_are_known_by_name_and_by_number(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum qlog_frame_type kind;
        bool fin;
    } cases[] = {
        {"\"STREAM\"", QLOG_FRAME_STREAM, false},
        {"8", QLOG_FRAME_STREAM, false},
        {"\"0x0f\"", QLOG_FRAME_STREAM, true},
        {"9", QLOG_FRAME_STREAM, true},
        {"\"Stream\"", QLOG_FRAME_STREAM, false},
        {"\"rst_stream\"", QLOG_FRAME_RESET, false},
        {"4", QLOG_FRAME_RESET, false},
        {"\"5\"", QLOG_FRAME_STOP, false},
        {"28", QLOG_FRAME_CLOSE, false},
        {"\"0x1D\"", QLOG_FRAME_CLOSE, false},
        {"\"unknown\",\"raw_frame_type\":10", QLOG_FRAME_STREAM, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int key = 0; key < 2; key++) {
            struct qlog_packet_event event = {0};
            char *text = text_format("{\"frames\":[{\"%s\":%s,\"stream_id\":\"4\",\"offset\":0}]}",
                                     key == 0 ? "frame_type" : "type", cases[i].type);
            json_t *data = json_loads(text, 0, NULL);
            qlog_packet_parse(&event, QLOG_SENT, data);
            assert_int_equal(event.frame_count, 1);
            assert_int_equal(event.frames[0].type, cases[i].kind);
            assert_int_equal(event.frames[0].fin, cases[i].fin);
            json_decref(data);
            free(text);
            qlog_packet_event_clear(&event);
        }
    assert_int_equal(qlog_frame_type_numbered(0x40), QLOG_FRAME_UNKNOWN);
}

static void an_endless_record_is_refused_with_bounded_memory(void **state)
{
    (void)state;
    static const char *const starts[] = {HEADER "\x1e{\"time\":1,\"data\":\"",
                                         DOCUMENT_BEGIN "{\"data\":\"",
                                         DOCUMENT_BEGIN "], \"summary\":\""};
    char *block = memory_new(1 << 16);
    memset(block, 'x', 1 << 16);
    for (size_t i = 0; i < 3; i++) {
        struct qlog_reader reader;
        struct error error = {.text = ""};
        qlog_reader_init(&reader, "test", NULL, NULL);
        assert_true(qlog_reader_feed(&reader, bytes_of_text(starts[i]), &error));
        unsigned blocks = 0;
        while (qlog_reader_feed(&reader, bytes_of(block, 1 << 16), &error))
            assert_true(++blocks < 20);
        assert_non_null(strstr(error.text, "longer than 1048576 bytes"));
        qlog_reader_clear(&reader);
    }
    free(block);
}

static void streams_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
    qlog_reader_init(&reader, "test", NULL, NULL);
    assert_true(qlog_reader_feed(&reader, bytes_of_text(HEADER), &error));
    uint64_t count = 0;
    char text[512];
    do {
        int size = snprintf(text, sizeof(text), SENT("1", STREAM("%llu", "0", "1")),
                            (unsigned long long)(count * 4096 * 4));
        if (!qlog_reader_feed(&reader, bytes_of(text, (size_t)size), &error))
            break;
    } while (++count < 1000000);
    assert_int_equal(count, QLOG_STREAMS_LIMIT);
    assert_non_null(strstr(error.text, "is one more than the 65536 open ones of a connection"));
    assert_non_null(strstr(error.text, "record 65538 at byte "));
    assert_int_equal(reader.logs[0]->stream_count, QLOG_STREAMS_LIMIT);
    qlog_reader_clear(&reader);
}

static void unreadable_records_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
    qlog_reader_init(&reader, "test", NULL, NULL);
    assert_true(qlog_reader_feed(&reader, bytes_of_text(HEADER), &error));
    unsigned count = 0;
    while (qlog_reader_feed(&reader, bytes_of_text("\x1e{\"time\":}\n"), &error))
        assert_true(++count <= QLOG_BAD_RECORDS_LIMIT);
    assert_non_null(strstr(error.text, "more than 1000 unreadable records"));
    qlog_reader_clear(&reader);
}

/* --- Judging what was read --- */

/* As many gossipsub-shaped streams as a connection may have. */
static void many_streams_are_judged_in_bounded_time(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
    qlog_reader_init(&reader, "test", NULL, NULL);
    assert_true(qlog_reader_feed(&reader, bytes_of_text(HEADER), &error));
    char text[1024];
    for (unsigned long long i = 0; i < 20000; i++) {
        int size = snprintf(
            text, sizeof(text),
            SENT("%llu",
                 STREAM(
                     "%llu", "0",
                     "36")) "\x1e{\"time\":%llu,"
                            "\"name\":\"transport:packet_received\",\"data\":{\"frames\":[" STREAM(
                                "%llu", "0", "36") "]}}\n",
            i, 4 * i, i, 4 * i);
        assert_true(qlog_reader_feed(&reader, bytes_of(text, (size_t)size), &error));
    }
    assert_int_equal(qlog_reader_end(&reader, &error), QLOG_READ);
    struct qlog_connections connections = {0};
    const char *duplicate = NULL;
    assert_true(qlog_connections_add(&connections, "log", reader.logs, reader.log_count,
                                     qlog_reader_mark(&reader), &duplicate));
    qlog_connections_join(&connections);
    struct qlog_judgements judgements = qlog_judge(&connections);
    assert_int_equal(judgements.items[0][0].verdict, QLOG_LIVE);
    assert_int_equal(judgements.items[0][1].verdict, QLOG_ORPHANED);
    assert_int_equal(judgements.items[0][19999].verdict, QLOG_UNKNOWN);
    qlog_judgements_clear(&judgements);
    qlog_connections_clear(&connections);
    qlog_reader_clear(&reader);
}

static void a_packet_that_was_lost_arrived_later_than_it_was_sent(void **state)
{
    (void)state;
    struct qlog_reader reader;
    struct error error = {.text = ""};
#define NUMBERED(time, number, frame)                                                              \
    "{\"time\":" time ",\"name\":\"transport:packet_sent\",\"data\":{\"header\":{"                 \
    "\"packet_number\":" number "},\"frames\":[" frame "]}}\n"
#define RECEIVED(time, frames)                                                                     \
    "{\"time\":" time ",\"name\":\"transport:packet_received\",\"data\":{\"frames\":[" frames      \
    "]}}\n"
    assert_int_equal(
        read_whole(&reader,
                   HEADER NUMBERED("0", "1", STREAM("0", "0", "1"))
                       NUMBERED("1", "2", STREAM("4", "0", "36")) /* lost */
                   NUMBERED("2", "3", STREAM("8", "0", "36"))
                       RECEIVED("10", "{\"frame_type\":\"ack\",\"acked_ranges\":[[1],[3,3]]}")
                           NUMBERED("11", "4", STREAM("4", "0", "36"))
                               RECEIVED("20", "{\"frame_type\":\"ack\",\"acked_ranges\":[[3,4]]}"),
                   &error),
        QLOG_READ);
    assert_true(qlog_log_find(reader.logs[0], 8)->delivered > 1.5);
    assert_true(qlog_log_find(reader.logs[0], 8)->delivered < 2.5);
    assert_true(qlog_log_find(reader.logs[0], 4)->delivered > 10.5);
    qlog_reader_clear(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_documents_say_the_same),
        cmocka_unit_test(a_log_is_read_wherever_it_is_cut_off),
        cmocka_unit_test(lengths_are_found_in_each_place),
        cmocka_unit_test(junk_and_broken_records_are_passed_over),
        cmocka_unit_test(packet_numbers_show_whether_a_packet_was_lost),
        cmocka_unit_test(a_number_beyond_64_bits_costs_nothing),
        cmocka_unit_test(a_number_beyond_64_bits_takes_no_others_digits),
        cmocka_unit_test(a_group_is_known_again_whatever_it_holds),
        cmocka_unit_test(a_separator_alone_begins_anew_where_one_stood_before),
        cmocka_unit_test(a_traces_head_is_handed_out_once),
        cmocka_unit_test(a_connection_may_end_before_its_first_packet),
        cmocka_unit_test(what_is_no_log_is_told_at_once),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(brackets_that_do_not_match_are_refused),
        cmocka_unit_test(numbers_that_quic_does_not_know_cost_their_frame),
        cmocka_unit_test(a_frame_without_a_length_ends_where_the_next_begins),
        cmocka_unit_test(frames_are_known_by_name_and_by_number),
        cmocka_unit_test(an_endless_record_is_refused_with_bounded_memory),
        cmocka_unit_test(streams_beyond_the_limit_are_refused),
        cmocka_unit_test(unreadable_records_beyond_the_limit_are_refused),
        cmocka_unit_test(many_streams_are_judged_in_bounded_time),
        cmocka_unit_test(a_packet_that_was_lost_arrived_later_than_it_was_sent),
    };
    return cmocka_run_group_tests_name("qlog_reader", tests, NULL, NULL);
}
