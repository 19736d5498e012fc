#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "net/qlog/writer.h"

#include "tests/unit/support.h"

static int make_folder(void **state)
{
    char *folder = text_copy("/tmp/test_qlog_writer.XXXXXX");
    *state = mkdtemp(folder);
    return *state == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    rmdir(*state); /* left where a test has failed */
    free(*state);
    return 0;
}

static void write_text(struct qlog_writer *writer, const char *text)
{
    qlog_writer_record(writer, bytes_of_text(text));
    qlog_writer_flush(writer);
}

static void expect_file(const char *folder, const char *name, const char *text)
{
    char *path = text_format("%s/%s", folder, name);
    char content[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(content, text);
    unlink(path);
    free(path);
}

/* The id is the client's choice, and may be one that was there before. */
static void a_log_is_never_written_over(void **state)
{
    struct error error;
    for (int i = 0; i < 3; i++) {
        struct qlog_writer *writer = qlog_writer_new(*state, "00ff", "server", &error);
        assert_non_null(writer);
        write_text(writer, i == 0 ? "first" : "another");
        qlog_writer_free(writer);
    }
    expect_file(*state, "00ff_server.sqlog", "first");
    expect_file(*state, "00ff_server-2.sqlog", "another");
    expect_file(*state, "00ff_server-3.sqlog", "another");
}

static void ends_after_so_many_of_one_name(void **state)
{
    struct error error;
    struct qlog_writer *writers[9];
    for (int i = 0; i < 9; i++) {
        writers[i] = qlog_writer_new(*state, "00ff", "client", &error);
        assert_non_null(writers[i]);
    }
    assert_null(qlog_writer_new(*state, "00ff", "client", &error));
    assert_non_null(strstr(error.text, "cannot write the QUIC log"));
    for (int i = 0; i < 9; i++)
        qlog_writer_discard(writers[i]);
}

static void a_discarded_log_leaves_no_file(void **state)
{
    struct error error;
    struct qlog_writer *writer = qlog_writer_new(*state, "00ff", "server", &error);
    write_text(writer, "noise");
    qlog_writer_discard(writer);
    qlog_writer_discard(NULL);
    assert_int_equal(rmdir(*state), 0);
}

/* As ngtcp2 leaves it: the calendar's time, which makes two logs comparable, is ours to write.
 */
static void the_header_says_when_the_log_began(void **state)
{
    struct error error;
    struct qlog_writer *writer = qlog_writer_new(*state, "00ff", "client", &error);
    assert_non_null(writer);
    uint64_t before = clock_epoch_ms(), reference = 0;
    write_text(writer, "\x1e{\"reference_time\":0,\"a\":1}\n");
    write_text(writer, "\x1e{\"reference_time\":0}\n");
    qlog_writer_free(writer);
    char *path = text_format("%s/00ff_client.sqlog", (const char *)*state);
    char content[128] = "", expected[128];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(sscanf(content, "\x1e{\"reference_time\":%" SCNu64, &reference), 1);
    assert_in_range(reference, before, clock_epoch_ms());
    snprintf(expected, sizeof(expected),
             "\x1e{\"reference_time\":%" PRIu64 ",\"a\":1}\n\x1e{\"reference_time\":0}\n",
             reference);
    assert_string_equal(content, expected);
    unlink(path);
    free(path);
}

/* What a peer proposes is logged whatever bytes it has. */
static void an_event_has_its_fields_in_order(void **state)
{
    struct error error;
    struct qlog_writer *writer = qlog_writer_new(*state, "00ff", "client", &error);
    assert_non_null(writer);
    const struct qlog_field fields[] = {
        {"stream_id", QLOG_NUMBER, .number = INT64_MAX},
        {"protocol", QLOG_TEXT, .text = "\"\xff\n"},
        {"role", QLOG_TEXT, .text = NULL},
        {"peer", QLOG_TEXT, .text = ""},
    };
    qlog_writer_event(writer, 7, QLOG_STREAM_CLOSED, fields, sizeof(fields) / sizeof(*fields));
    qlog_writer_free(writer);
    expect_file(*state, "00ff_client.sqlog",
                "\x1e{\"time\":7,\"name\":\"libp2p:stream_closed\",\"data\":{"
                "\"stream_id\":9223372036854775807,\"protocol\":\"\\\"\xef\xbf\xbd\xef\xbf\xbd\","
                "\"peer\":\"\"}}\n");
}

int main(void)
{
#define WRITER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        WRITER(a_log_is_never_written_over),    WRITER(the_header_says_when_the_log_began),
        WRITER(ends_after_so_many_of_one_name), WRITER(an_event_has_its_fields_in_order),
        WRITER(a_discarded_log_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
