/* What is looked at of a connection through a tap, and what of it is in the log. */
#include "net/tap/sight.h"

#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "net/tap/internal.h"
#include "net/tap/observer.h"
#include "tests/unit/support.h"

static unsigned facts;

static void on_connected(void *context, struct tap_pair *pair, uint64_t time_us)
{
    (void)context, (void)pair, (void)time_us;
}

static void on_fact(void *context, struct tap_pair *pair, const struct tap_fact *fact)
{
    (void)context, (void)pair, (void)fact;
    facts++;
}

static void on_passed(void *context, struct tap_pair *pair, const struct tap_fact *fact)
{
    (void)context, (void)pair, (void)fact;
}

static int passed_over;

static void on_passed_over(void *context, struct tap_pair *pair)
{
    (void)context, (void)pair;
    passed_over++;
}

static void on_closed(void *context, struct tap_pair *pair, enum tap_side side,
                      const struct quic_close *close, uint64_t time_us)
{
    (void)context, (void)pair, (void)side, (void)close, (void)time_us;
}

/* Opens that many streams of a connection's dialler, and closes it. */
static void open_streams(struct tap_sight *sight, struct tap_pair *pair, int64_t count)
{
    tap_sight_watcher.connected(sight, pair);
    for (int64_t i = 0; i < count; i++)
        tap_sight_watcher.stream_opened(sight, pair, 4 * i, TAP_DIALLER);
    tap_sight_watcher.closed(sight, pair, TAP_DIALLER, NULL);
}

/* What is logged while streams are opened on two connections, COUNT and OTHER of them. */
static void log_of(struct tap_sight *sight, int64_t count, int64_t other, char *text, size_t size)
{
    struct tap_node nodes[] = {{.name = "a"}, {.name = "b"}};
    struct tap_pair one = {.number = 1, .nodes = {&nodes[0], &nodes[1]}, .id = "one"},
                    two = {.number = 2, .nodes = {&nodes[1], &nodes[0]}, .id = "two"};
    int ends[2], stderr_before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    open_streams(sight, &one, count);
    open_streams(sight, &two, other);
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(ends[1]);
    ssize_t got = read(ends[0], text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    close(ends[0]);
}

static void what_is_not_looked_at_is_in_the_log_once_a_connection(void **state)
{
    (void)state;
    static const struct tap_sight_handlers handlers = {.connected = on_connected,
                                                       .fact = on_fact,
                                                       .passed = on_passed,
                                                       .passed_over = on_passed_over,
                                                       .closed = on_closed};
    char text[2048];
    struct event_base *base = event_base_new();
    struct tap_sight *sight = tap_sight_new(base, &handlers, NULL);
    log_of(sight, TAP_STREAMS_MAX, 1, text, sizeof(text));
    assert_string_equal(text, "");
    assert_int_equal(facts, TAP_STREAMS_MAX + 1);
    log_of(sight, TAP_STREAMS_MAX + 3, TAP_STREAMS_MAX + 1, text, sizeof(text));
    assert_int_equal(tap_sight_passed_over(sight), 4);
    assert_int_equal(passed_over, 4); /* each is told */
    assert_string_equal(
        text,
        "test: warn: connection one of a and b has more than 4096 streams at a time: what is said "
        "on stream 16384, and on others that come meanwhile, is carried and not looked at\n"
        "test: warn: connection two of b and a has more than 4096 streams at a time: what is said "
        "on stream 16384, and on others that come meanwhile, is carried and not looked at\n");
    tap_sight_free(sight);
    event_base_free(base);
}

int main(void)
{
    log_init("test", LOG_WARN, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_looked_at_is_in_the_log_once_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
