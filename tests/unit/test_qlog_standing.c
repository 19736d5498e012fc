#include "tests/unit/support.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/verdict/standing.h"

enum { STREAMS = 3, GRACE = 100 };

/* A connection of a few streams whose verdicts the tests set, and what was told of them. */
struct scene {
    struct qlog_log log;
    struct qlog_joined_stream streams[STREAMS];
    struct qlog_judgement judgement[STREAMS];
    struct qlog_judgement *of_connections[1];
    struct qlog_connection connection, *items[1];
    struct qlog_connections connections;
    struct qlog_judgements judgements;
    struct qlog_standing standing;
    unsigned tellings;
    uint64_t stream;
    int before, verdict;
};

static void told(void *context, const struct qlog_connection *connection,
                 const struct qlog_joined_stream *stream, const struct qlog_judgement *judgement,
                 int before)
{
    struct scene *scene = context;
    assert_ptr_equal(connection, &scene->connection);
    scene->tellings++;
    scene->stream = stream->id;
    scene->before = before;
    scene->verdict = (int)judgement->verdict;
}

static char connection_id[] = "0a1b", log_path[] = "log";

static int set_up(void **state)
{
    struct scene *scene = *state = memory_new(sizeof(*scene));
    scene->log.path = log_path;
    scene->items[0] = &scene->connection;
    scene->of_connections[0] = scene->judgement;
    scene->connection = (struct qlog_connection){.id = connection_id,
                                                 .ends[QLOG_CLIENT] = &scene->log,
                                                 .streams = scene->streams,
                                                 .stream_count = STREAMS};
    for (size_t i = 0; i < STREAMS; i++)
        scene->streams[i].id = 4 * i;
    scene->connections = (struct qlog_connections){.items = scene->items, .count = 1};
    scene->judgements = (struct qlog_judgements){.items = scene->of_connections,
                                                 .connections = &scene->connections};
    scene->standing = (struct qlog_standing){.handler = told, .context = scene, .grace = GRACE};
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    qlog_standing_clear(&scene->standing);
    free(scene);
    return 0;
}

/* QUIET is how long ago the log grew. */
static void look(struct scene *scene, int64_t now, double quiet)
{
    scene->tellings = 0;
    scene->log.quiet = quiet;
    qlog_standing_look(&scene->standing, &scene->judgements, now);
}

static void a_verdict_is_told_once_it_has_stood(void **state)
{
    struct scene *scene = *state;
    look(scene, 1000, 0);
    assert_int_equal(scene->tellings, 0);
    assert_int_equal(scene->standing.unsettled, STREAMS);
    assert_int_equal(scene->standing.due, 1000 + GRACE);
    look(scene, 1099, 0);
    assert_int_equal(scene->tellings, 0);
    look(scene, 1100, 0);
    assert_int_equal(scene->tellings, STREAMS);
    assert_int_equal(scene->before, QLOG_NOT_TOLD);
    assert_int_equal(scene->standing.told[QLOG_LIVE], STREAMS);
    assert_int_equal(scene->standing.unsettled, 0);
    assert_true(scene->standing.due == INT64_MAX);
    look(scene, 2000, 0);
    assert_int_equal(scene->tellings, 0);
}

static void what_a_log_has_said_for_long_is_told_at_once(void **state)
{
    struct scene *scene = *state;
    look(scene, 50, GRACE); /* before the clock's zero */
    assert_int_equal(scene->tellings, STREAMS);
}

static void a_verdict_that_does_not_stand_is_not_told(void **state)
{
    struct scene *scene = *state;
    look(scene, 1000, GRACE);
    scene->judgement[1].verdict = QLOG_ORPHANED;
    look(scene, 2000, GRACE);
    scene->judgement[1].verdict = QLOG_LIVE;
    look(scene, 2050, GRACE);
    look(scene, 5000, GRACE);
    assert_int_equal(scene->tellings, 0);
    assert_int_equal(scene->standing.told[QLOG_ORPHANED], 0);
}

static void a_change_is_told_with_what_was_before(void **state)
{
    struct scene *scene = *state;
    look(scene, 1000, GRACE);
    scene->judgement[1].verdict = QLOG_ORPHANED;
    look(scene, 2000, GRACE);
    assert_int_equal(scene->tellings, 0);
    look(scene, 2000 + GRACE, GRACE);
    assert_int_equal(scene->tellings, 1);
    assert_int_equal(scene->stream, 4);
    assert_int_equal(scene->before, QLOG_LIVE);
    assert_int_equal(scene->verdict, QLOG_ORPHANED);
    assert_int_equal(scene->standing.told[QLOG_LIVE], STREAMS - 1);
    assert_int_equal(scene->standing.told[QLOG_ORPHANED], 1);
    assert_int_equal(qlog_standing_told(&scene->standing, &scene->connection, 4), QLOG_ORPHANED);
    assert_int_equal(qlog_standing_told(&scene->standing, &scene->connection, 12), QLOG_NOT_TOLD);
}

static void a_stream_that_was_let_go_of_counts_no_more(void **state)
{
    struct scene *scene = *state;
    look(scene, 1000, GRACE);
    scene->streams[0] = scene->streams[1];
    scene->streams[1] = scene->streams[2];
    scene->connection.stream_count = 2;
    look(scene, 2000, GRACE);
    assert_int_equal(scene->tellings, 0);
    assert_int_equal(scene->standing.told[QLOG_LIVE], 2);
    scene->connection.stream_count = 1;
    look(scene, 3000, GRACE);
    assert_int_equal(scene->standing.told[QLOG_LIVE], 1);
}

static void a_connection_that_is_there_no_more_stays_counted(void **state)
{
    struct scene *scene = *state;
    look(scene, 1000, GRACE);
    scene->connections.count = 0;
    look(scene, 2000, GRACE);
    assert_int_equal(scene->standing.told[QLOG_LIVE], STREAMS);
    assert_int_equal(scene->standing.unsettled, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_verdict_is_told_once_it_has_stood),
        TEST(what_a_log_has_said_for_long_is_told_at_once),
        TEST(a_verdict_that_does_not_stand_is_not_told),
        TEST(a_change_is_told_with_what_was_before),
        TEST(a_stream_that_was_let_go_of_counts_no_more),
        TEST(a_connection_that_is_there_no_more_stays_counted),
    };
    return cmocka_run_group_tests_name("qlog_standing", tests, NULL, NULL);
}
