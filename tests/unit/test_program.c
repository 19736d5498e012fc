#include "common/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/event.h"
#include "common/memory.h"

#include "tests/unit/support.h"

enum { FAILURE = 7 };

/* The sanitizers' allocator ends the program otherwise, in its own way. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=65536";
}

static void nothing(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
}

/* Runs ACT as a program of its own, called `tested`; it must end with FAILURE, and TEXT said. */
static void assert_fails(void (*act)(void), const char *text)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        program_begin("tested", FAILURE);
        act();
        _exit(0);
    }
    close(ends[1]);
    char said[4096] = "";
    size_t size = 0;
    for (ssize_t count; size < sizeof(said) - 1 &&
                        (count = read(ends[0], said + size, sizeof(said) - 1 - size)) > 0;)
        size += (size_t)count;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != FAILURE || strstr(said, text) == NULL)
        fail_msg("ended with wait status 0x%x, and said: %s", (unsigned)status, said);
}

static void ask_for_too_much(void)
{
    free(memory_new(SIZE_MAX / 4));
}

static void resize_to_too_much(void)
{
    free(memory_resize(memory_new(1), SIZE_MAX / 4));
}

static void allocate_for_ever(void)
{
    const struct rlimit limit = {.rlim_cur = 256 << 20, .rlim_max = 256 << 20};
    setrlimit(RLIMIT_AS, &limit);
    for (;;)
        memory_new(1 << 20);
}

static void lets_programs_end_that_have_no_memory(void **state)
{
    (void)state;
    assert_fails(ask_for_too_much, "tested: out of memory\n");
    assert_fails(resize_to_too_much, "tested: out of memory\n");
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes more than that */
    assert_fails(allocate_for_ever, "tested: out of memory\n");
#else
    (void)allocate_for_ever;
#endif
}

static void make_base_without_descriptors(void)
{
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = 3};
    setrlimit(RLIMIT_NOFILE, &none);
    event_base_make(0);
}

/* epoll takes no files. */
static void wait_for_a_file(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct event_base *base = event_base_make(0);
    event_arm(event_new(base, fd, EV_READ, nothing, NULL), NULL);
}

static void lets_programs_end_that_would_wait_in_vain(void **state)
{
    (void)state;
    assert_fails(make_base_without_descriptors,
                 "tested: cannot wait for events: Too many open files\n");
    assert_fails(wait_for_a_file, "tested: cannot wait for events: Operation not permitted\n");
}

static void grow_a_file_beyond_its_limit(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_FSIZE, &none);
    FILE *file = tmpfile();
    if (file == NULL || fputs("text", file) < 0 || fflush(file) == 0)
        _exit(1);
    program_fail("%m");
}

static void a_file_that_may_not_grow_is_a_write_error(void **state)
{
    (void)state;
    assert_fails(grow_a_file_beyond_its_limit, "tested: File too large\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_programs_end_that_have_no_memory),
        cmocka_unit_test(lets_programs_end_that_would_wait_in_vain),
        cmocka_unit_test(a_file_that_may_not_grow_is_a_write_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
