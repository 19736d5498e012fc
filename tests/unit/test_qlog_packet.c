/* The scanner of packet events, held to what Jansson reads: on records in every layout. */
#include "net/qlog/packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "tests/unit/qlog_both_ways.h"
#include "tests/unit/support.h"

static struct qlog_packet_event event;

/* What the scanner takes of TEXT must be what Jansson reads there; the number of bytes it took. */
static size_t scan(const char *text)
{
    size_t size = qlog_packet_scan(&event, bytes_of_text(text));
    if (size > 0)
        assert_true(same_both_ways(&event, bytes_of(text, size)));
    return size;
}

static void assert_scanned(const char *text)
{
    assert_int_equal(scan(text), strlen(text));
}

static void assert_left(const char *text)
{
    assert_int_equal(scan(text), 0);
}

static void layouts_of_known_writers_are_scanned(void **state)
{
    (void)state;
    assert_scanned("{\"time\":12,\"name\":\"transport:packet_received\",\"data\":{\"frames\":[{"
                   "\"frame_type\":\"ack\",\"ack_delay\":0,\"acked_ranges\":[[1,4],[7]]},{"
                   "\"frame_type\":\"stream\",\"stream_id\":8,\"fin\":true,\"offset\":20,"
                   "\"length\":16}],\"header\":{\"packet_type\":\"1RTT\",\"packet_number\":3}}}");
    assert_int_equal(event.listed, 2);
    assert_int_equal(event.frame_count, 3);
    assert_true(event.frames[2].fin);
    assert_int_equal(event.frames[2].length, 16);
    assert_scanned("{\"data\": {\"frames\": [{\"frame_type\": \"stream\", \"length\": 20, "
                   "\"offset\": 0, \"stream_id\": 4, \"fin\": false}], \"header\": "
                   "{\"packet_number\": 4, \"packet_type\": \"initial\", \"dcid\": \"0a\"}}, "
                   "\"name\": \"transport:packet_sent\", \"time\": 1795424588942.8022}");
    assert_true(event.packet.initial && event.packet.direction == QLOG_SENT);
    assert_scanned(
        "{\"time\":1.5,\"name\":\"quic:packet_sent\",\"data\":{\"header\":{},\"frames\":"
        "[{\"raw\":{\"length\":40,\"payload_length\":36},\"stream_id\":4,\"frame_type\":"
        "\"stream\",\"offset\":0},{\"frame_type\":\"connection_close\",\"reason\":\"x\","
        "\"error_space\":\"application_error\",\"error_code\":2,\"raw_error_code\":7}]}}");
    assert_int_equal(event.frames[0].length, 36);
    assert_int_equal(event.frames[1].code, 7);
    assert_true(event.frames[1].application);
    assert_scanned("{\"time\":2,\"name\":\"transport:packet_received\",\"data\":{\"frames\":["
                   "{\"frame_type\":\"ping\"},{\"frame_type\":\"stop_sending\",\"stream_id\":4,"
                   "\"error_code\":9},{\"frame_type\":\"reset_stream\",\"stream_id\":4,"
                   "\"error_code\":8,\"final_size\":3}],\"header\":{\"packet_type\":\"1RTT\"}}}");
    assert_int_equal(event.pings, 1);
    assert_int_equal(event.frames[0].code, 9);
    assert_int_equal(event.frames[1].code, 8);
    assert_scanned("{\"name\":\"recovery:metrics_updated\",\"data\":null,\"time\":0.25}");
    assert_false(event.is_packet);
}

#define PACKET(members) "{\"time\":1,\"name\":\"packet_sent\",\"data\":{" members "}}"
#define FRAME(members)                                                                             \
    "{\"time\":1,\"name\":\"packet_sent\",\"data\":{\"frames\":[{\"frame_type\":"                  \
    "\"stream\"," members "}]}}"

static void what_is_not_certain_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const records[] = {
        FRAME("\"stream_id\":4,\"stream_id\":8"),
        FRAME("\"stream_id\":4.0"),
        FRAME("\"stream_id\":-4"),
        FRAME("\"stream_id\":1e3"),
        FRAME("\"stream_id\":04"),
        FRAME("\"stream_id\":9999999999999999999"),
        FRAME("\"offset\":4"),
        FRAME("\"stream_id\":4,\"note\":\"\\n\""),
        FRAME("\"stream_id\":4,\"note\":\"\xc3\xa9\""),
        FRAME("\"stream_id\":4,"),
        FRAME("\"stream_id\":4,\"a\":[1,]"),
        FRAME("\"stream_id\":4,\"a\":1.e"),
        FRAME("\"stream_id\":4,\"a\":nul"),
        FRAME("\"stream_id\":4,\n\"a\":1"),
        PACKET("\"frames\":[1]"),
        PACKET("\"frames\":{}"),
        PACKET("\"header\":{\"packet_number\":\"1\"}"),
        PACKET("\"frames\":[{\"frame_type\":\"ack\",\"acked_ranges\":[[4,1]]}]"),
        "{\"time\":1,\"name\":\"packet_sent\",\"data\":{}",
        "{\"time\":1,\"name\":\"packet_sent\",\"data\":{}]",
        "{\"time\":\"1\",\"name\":\"packet_sent\"}",
        "{\"time\":1,\"name\":\"packet_sent\",\"time_format\":\"delta\"}",
        "{\"time\":1,\"name\":\"packet_sent\",\"reference_time\":1700000000000}",
        "{\"time\":1}",
        "{\"time\":1,\"name\":\"libp2p:stream_opened\",\"data\":{}}",
        "{\"time\":1,\"name\":\"transport:parameters_set\",\"data\":{}}",
        "{\"time\":1,\"name\":\"packet_sent\",\"qlog_version\":\"0.3\"}",
        "{\"time\":1,\"name\":\"x\",\"data\":[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]}",
    };
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
        assert_left(records[i]);
}

static void a_record_cut_anywhere_is_left(void **state)
{
    (void)state;
    const char *record = FRAME("\"stream_id\":4,\"offset\":0,\"length\":36");
    for (size_t size = 0; size < strlen(record); size++) {
        uint8_t *exact = memory_new(size + 1);
        memcpy(exact, record, size);
        assert_int_equal(qlog_packet_scan(&event, bytes_of(exact, size)), 0);
        free(exact);
    }
}

/* As strtod() has them: among them values between two doubles, and next to halfway. */
static void times_are_the_nearest_doubles(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (unsigned i = 0; i < 200000; i++) {
        char record[96];
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        uint64_t digits = (seed >> 11) % (i % 2 == 0 ? UINT64_C(99999999999999999) : 1u << 20);
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        unsigned places = (unsigned)(seed >> 33) % 17;
        char number[32];
        snprintf(number, sizeof(number), "%018" PRIu64, digits);
        char *whole = number;
        while (*whole == '0' && whole < number + 17 - places)
            whole++;
        snprintf(record, sizeof(record), "{\"time\":%.*s.%s0,\"name\":\"n\"}",
                 (int)(number + 18 - places - whole), whole, number + 18 - places);
        scan(record);
    }
}

static int clear(void **state)
{
    (void)state;
    qlog_packet_event_clear(&event);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_of_known_writers_are_scanned),
        cmocka_unit_test(what_is_not_certain_is_left_to_jansson),
        cmocka_unit_test(a_record_cut_anywhere_is_left),
        cmocka_unit_test(times_are_the_nearest_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
