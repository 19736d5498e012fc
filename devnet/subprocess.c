#include "devnet/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "devnet/loop.h"

enum { ENDING_MS = 5000, NOT_RUN = 127 };

char *subprocess_self(void)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    return size > 0 ? text_format("%.*s", (int)size, self) : NULL;
}

/* 0 where it is not started: errno says why. ACTIONS, with what is done to its output, are
 * destroyed. */
static pid_t start(char *const *arguments, posix_spawn_file_actions_t *actions)
{
    pid_t pid = 0;
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int code = posix_spawn(&pid, arguments[0], actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(actions);
    errno = code;
    return code == 0 ? pid : 0;
}

static pid_t start_into(char *const *arguments, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    return start(arguments, &actions);
}

static void stop_waiting(evutil_socket_t fd, short events, void *base)
{
    (void)fd;
    (void)events;
    event_base_loopbreak(base);
}

/* Until the process has ended, LIMIT_MS are over, or a signal comes. */
static void await_end(int fd, uint64_t limit_ms)
{
    struct loop loop;
    loop_init(&loop);
    struct event *ended = event_new(loop.base, fd, EV_READ, stop_waiting, loop.base);
    struct event *late = evtimer_new(loop.base, stop_waiting, loop.base);
    const struct timeval limit = clock_timeval(limit_ms * 1000);
    event_arm(ended, NULL);
    event_arm(late, &limit);
    loop_run(&loop);
    event_free(ended);
    event_free(late);
    loop_clear(&loop);
}

static int status_of(const siginfo_t *end)
{
    return end->si_code == CLD_EXITED ? end->si_status : 128 + end->si_status;
}

/* Whether it has ended; it is waited for then. A descriptor that could not be had is waited for
 * without a limit. */
static bool has_ended(pid_t pid, int fd, int *status)
{
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)pid, &end, WEXITED | (fd >= 0 ? WNOHANG : 0)) != 0 || end.si_pid == 0)
        return false;
    *status = status_of(&end);
    return true;
}

/* It is asked to end, and then killed. */
static int end_it(pid_t pid, int fd)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    int status = 0;
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        uint64_t deadline = clock_now_ms() + ENDING_MS;
        kill(pid, signals[i]);
        while (clock_now_ms() < deadline)
            if (has_ended(pid, fd, &status))
                return status;
            else
                usleep(10000);
    }
    return status;
}

static void take_output(int fd, struct subprocess_outcome *outcome)
{
    struct stat about;
    uint64_t size = fstat(fd, &about) == 0 ? (uint64_t)about.st_size : 0;
    size_t kept = size < SUBPROCESS_OUTPUT_MAX ? (size_t)size : SUBPROCESS_OUTPUT_MAX;
    ssize_t got = kept > 0 ? pread(fd, buffer_extend(&outcome->output, kept), kept, 0) : 0;
    outcome->output.size = got > 0 ? (size_t)got : 0;
    outcome->left_out = size - outcome->output.size;
}

bool subprocess_run(char *const *arguments, uint64_t limit_ms, struct subprocess_outcome *outcome,
                    struct error *error)
{
    *outcome = (struct subprocess_outcome){0};
    int output = memfd_create("output", MFD_CLOEXEC);
    pid_t pid = output >= 0 ? start_into(arguments, output) : 0;
    if (pid == 0) {
        outcome->status = NOT_RUN;
        outcome->not_run = true;
        error_set_kind(error, ERROR_SYSTEM, "%s: %s", arguments[0], strerror(errno));
        if (output >= 0)
            close(output);
        return false;
    }
    int fd = pidfd_open(pid, 0);
    if (fd >= 0)
        await_end(fd, limit_ms);
    if (!has_ended(pid, fd, &outcome->status)) {
        outcome->late = !loop_was_interrupted();
        outcome->status = end_it(pid, fd);
    }
    if (fd >= 0)
        close(fd);
    take_output(output, outcome);
    close(output);
    return !loop_was_interrupted() || error_set(error, "interrupted");
}

void subprocess_clear(struct subprocess_outcome *outcome)
{
    buffer_clear(&outcome->output);
}

int subprocess_run_to_files(char *const *arguments, const char *folder, const char *output,
                            const char *log)
{
    const int flags = O_WRONLY | O_CREAT | O_APPEND;
    posix_spawn_file_actions_t actions;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, flags, 0666);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, flags, 0666);
    pid_t pid = start(arguments, &actions);
    if (pid != 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
