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

static uint64_t read_start_time(pid_t pid)
{
    char text[STAT_SIZE];
    const char *field = read_stat(pid, STAT_START_TIME, text);
    return field != NULL ? strtoull(field, NULL, 10) : 0;
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
    /* Our child: its id is its own until we wait for it. */
    process->start_time = read_start_time(process->pid);
    return true;
}

bool process_is_running(const struct process *process)
{
    char text[STAT_SIZE];
    if (process->pid <= 0 || read_start_time(process->pid) != process->start_time)
        return false;
    const char *state = read_stat(process->pid, STAT_STATE, text);
    return state != NULL && *state != 'Z' && *state != 'X';
}

int process_open(const struct process *process)
{
    if (process->pid <= 0)
        return -1;
    int fd = pidfd_open(process->pid, 0);
    /* Only after opening is it sure that the descriptor is not another's. */
    if (fd >= 0 && !process_is_running(process)) {
        close(fd);
        return -1;
    }
    return fd;
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

void process_stop_all(const struct process *processes, size_t count, uint64_t patience_ms,
                      enum process_end *ends)
{
    enum { AFTER_KILL_MS = 10000 };
    struct pollfd *waits = memory_new(count * sizeof(*waits) + 1);
    for (size_t i = 0; i < count; i++) {
        waits[i] = (struct pollfd){.fd = process_open(&processes[i]), .events = POLLIN};
        ends[i] = waits[i].fd >= 0 ? PROCESS_STOPPED : PROCESS_WAS_GONE;
        if (waits[i].fd >= 0)
            signal_session(&processes[i], waits[i].fd, SIGTERM);
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
