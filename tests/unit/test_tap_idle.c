/*
 * 48 s of idle, which is longer than idle timeouts of 30 s, directly and through a tap: the clock
 * is stepped, second by second, so that they take none.
 */
#include <event2/event.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/tap_table.h"

enum { IDLE_S = 48, TIMEOUT_MS = 30000, KEEP_ALIVE_MS = 12000, TURNS = 50 };

static const char *clocks; /* see tests/preload/clock_step.c */

static void set_clock(int seconds)
{
    FILE *file = fopen(clocks, "r+");
    assert_non_null(file);
    fprintf(file, "%+09d %+09d\n", 0, seconds);
    assert_int_equal(fclose(file), 0);
}

static void idle(void)
{
    static int stepped; /* it never goes back */
    for (unsigned i = 0; i < IDLE_S; i++) {
        set_clock(++stepped);
        for (int turn = 0; turn < TURNS; turn++)
            event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

static void set_timeouts(void)
{
    a.policy.idle_timeout_ms = b.policy.idle_timeout_ms = TIMEOUT_MS;
}

static void nobody_says_anything(void)
{
    set_timeouts();
    connect_both();
    idle();
    assert_int_equal(a.closed, 1);
    assert_int_equal(b.closed, 1);
}

/* As leanSpec does, which sends none of its own. */
static void listener_lives_by_pings(void)
{
    set_timeouts();
    a.policy.keep_alive_ms = KEEP_ALIVE_MS;
    connect_both();
    idle();
    assert_true(b.pings >= IDLE_S * 1000 / KEEP_ALIVE_MS - 1);
    say(quic_stream_open(b.connection), "still here");
    await(&a.data, 1);
}

static void dialler_lives_by_pings(void)
{
    set_timeouts();
    b.policy.keep_alive_ms = KEEP_ALIVE_MS;
    connect_both();
    idle();
    assert_true(a.pings >= IDLE_S * 1000 / KEEP_ALIVE_MS - 1);
    say(quic_stream_open(a.connection), "still here");
    await(&b.data, 1);
}

#define SAME(script)                                                                               \
    static void script##_either_way(void **state)                                                  \
    {                                                                                              \
        (void)state;                                                                               \
        compare(#script, script, &(struct way){0}, &(struct way){.tapped = true});                 \
    }

SAME(nobody_says_anything)
SAME(listener_lives_by_pings)
SAME(dialler_lives_by_pings)

/* Runs this program with clocks that can be stepped; returns where that cannot be. */
static void run_with_clocks(char **arguments)
{
    char self[PATH_MAX] = {0}, path[] = "/tmp/tap_idle.XXXXXX";
    int file = mkstemp(path);
    if (file < 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
        dprintf(file, "%+09d %+09d\n", 0, 0) < 0)
        return;
    close(file);
    const char *options = getenv("ASAN_OPTIONS");
    char *asan = text_format("%s:verify_asan_link_order=0", options != NULL ? options : "");
    char *preload = text_format("%s/clock_step.so", dirname(strdupa(self)));
    setenv("ASAN_OPTIONS", asan, 1);
    setenv("LD_PRELOAD", preload, 1);
    setenv("CLOCK_STEP", path, 1);
    execv(self, arguments);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_says_anything_either_way),
        cmocka_unit_test(listener_lives_by_pings_either_way),
        cmocka_unit_test(dialler_lives_by_pings_either_way),
    };
    clocks = getenv("CLOCK_STEP");
    if (clocks == NULL) {
        run_with_clocks(argv);
        perror("test_tap_idle: clocks that can be stepped");
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(clocks);
    return failed;
}
