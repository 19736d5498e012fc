#include "devnet/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { STAT_SIZE = 1024, STAT_STATE = 3, STAT_START_TIME = 22 };

/* Field NUMBER, from 3 on, of /proc/PID/stat; NULL where there is no such process. */
static const char *read_stat(pid_t pid, int number, char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, STAT_SIZE - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return NULL;
    text[size] = '\0';
    /* The name before it, in parentheses, may have anything in it. */
    const char *field = strrchr(text, ')');
    for (int at = STAT_STATE - 1; field != NULL && at < number; at++) {
        field = strchr(field, ' ');
        field = field != NULL ? field + 1 : NULL;
    }
    return field;
}

/* 0 where it cannot be read. */
static uint64_t read_start_time(pid_t pid)
{
    char text[STAT_SIZE];
    const char *field = read_stat(pid, STAT_START_TIME, text);
    return field != NULL ? strtoull(field, NULL, 10) : 0;
}

/* Our child: its id is its own until we wait for it. */
static bool note_start_time(struct process *process, const char *program, struct error *error)
{
    process->start_time = read_start_time(process->pid);
    if (process->start_time != 0)
        return true;
    error_set(error,
              "cannot read from /proc/%d/stat when %s was started, without which it would not be "
              "known again: mount /proc",
              (int)process->pid, program);
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    process->pid = 0;
    return false;
}

bool process_start(char *const *arguments, const char *output, const char *log,
                   struct process *process, struct error *error)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output, flags, 0666);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log, flags, 0666);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int code = posix_spawn(&process->pid, arguments[0], &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) {
        process->pid = 0;
        return error_set(error, "cannot start %s: %s", arguments[0], strerror(code));
    }
    return note_start_time(process, arguments[0], error);
}

enum likeness { IS_GONE, IS_IT, MAY_BE_IT };

/* Whether the process that has its id now is the one that was started. */
static enum likeness identify(const struct process *process)
{
    if (process->pid <= 0)
        return IS_GONE;
    uint64_t start_time = read_start_time(process->pid);
    if (kill(process->pid, 0) != 0 && errno == ESRCH)
        return IS_GONE;
    if (start_time == 0 || process->start_time == 0)
        return MAY_BE_IT;
    char text[STAT_SIZE];
    const char *state = read_stat(process->pid, STAT_STATE, text);
    bool runs = state != NULL && *state != 'Z' && *state != 'X';
    return start_time == process->start_time && runs ? IS_IT : IS_GONE;
}

bool process_is_running(const struct process *process)
{
    return identify(process) != IS_GONE;
}

/* Says in LIKENESS what the descriptor is of. */
static int open_identified(const struct process *process, enum likeness *likeness)
{
    *likeness = IS_GONE;
    int fd = process->pid > 0 ? pidfd_open(process->pid, 0) : -1;
    /* Only after opening is it sure that the descriptor is not another's. */
    if (fd >= 0)
        *likeness = identify(process);
    if (fd >= 0 && *likeness == IS_GONE) {
        close(fd);
        return -1;
    }
    return fd;
}

int process_open(const struct process *process)
{
    enum likeness likeness;
    return open_identified(process, &likeness);
}

size_t process_find_ended(const struct process *processes, size_t count, uint64_t patience_ms)
{
    struct pollfd *waits = memory_new(count * sizeof(*waits) + 1);
    size_t ended = count;
    for (size_t i = 0; i < count; i++) {
        waits[i] = (struct pollfd){.fd = process_open(&processes[i]), .events = POLLIN};
        if (waits[i].fd < 0 && ended == count)
            ended = i;
    }
    if (ended == count && poll(waits, count, (int)patience_ms) > 0)
        for (ended = 0; waits[ended].revents == 0;)
            ended++;
    for (size_t i = 0; i < count; i++)
        if (waits[i].fd >= 0)
            close(waits[i].fd);
    free(waits);
    return ended;
}

/* Waits until all have ended or the time is over; those that have ended get a -1. */
static void wait_for_ends(struct pollfd *waits, size_t count, uint64_t patience_ms)
{
    uint64_t deadline = clock_now_ms() + patience_ms;
    for (;;) {
        bool left = false;
        for (size_t i = 0; i < count; i++)
            left |= waits[i].fd >= 0;
        uint64_t now = clock_now_ms();
        if (!left || now >= deadline)
            return;
        if (poll(waits, count, (int)(deadline - now)) < 0 && errno != EINTR)
            return;
        for (size_t i = 0; i < count; i++) {
            if (waits[i].fd >= 0 && waits[i].revents != 0) {
                close(waits[i].fd);
                waits[i].fd = -1;
            }
        }
    }
}

/* The process and what it started: it leads a session, so its process group cannot be another's
 * while FD says that it lives. */
static void signal_session(const struct process *process, int fd, int signal)
{
    if (getpgid(process->pid) != process->pid || pidfd_send_signal(fd, 0, NULL, 0) != 0 ||
        kill(-process->pid, signal) != 0)
        pidfd_send_signal(fd, signal, NULL, 0);
}

/* A descriptor that becomes readable when it has; -1 where there is nothing to wait for. */
static int ask_to_end(const struct process *process, enum process_end *end)
{
    static const enum process_end ends[] = {
        [IS_GONE] = PROCESS_WAS_GONE, [IS_IT] = PROCESS_STOPPED, [MAY_BE_IT] = PROCESS_LEFT};
    enum likeness likeness;
    int fd = open_identified(process, &likeness);
    *end = ends[likeness];
    if (likeness == IS_IT) {
        signal_session(process, fd, SIGTERM);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

void process_stop_all(const struct process *processes, size_t count, uint64_t patience_ms,
                      enum process_end *ends)
{
    enum { AFTER_KILL_MS = 10000 };
    struct pollfd *waits = memory_new(count * sizeof(*waits) + 1);
    for (size_t i = 0; i < count; i++) {
        waits[i].fd = ask_to_end(&processes[i], &ends[i]);
        waits[i].events = POLLIN;
    }
    wait_for_ends(waits, count, patience_ms);
    for (size_t i = 0; i < count; i++) {
        if (waits[i].fd >= 0) {
            ends[i] = PROCESS_KILLED;
            signal_session(&processes[i], waits[i].fd, SIGKILL);
        }
    }
    wait_for_ends(waits, count, AFTER_KILL_MS);
    for (size_t i = 0; i < count; i++) {
        if (waits[i].fd >= 0)
            close(waits[i].fd);
        if (processes[i].pid > 0)
            waitpid(processes[i].pid, NULL, WNOHANG); /* where it is our child */
    }
    free(waits);
}
