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
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/memory.h"

enum { STAT_SIZE = 1024, MARK_BYTES = (PROCESS_MARK_SIZE - 1) / 2 };

/* What stands behind the name in /proc/PID/stat; NULL where there is no such process. */
static const char *read_stat(pid_t pid, char *text)
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
    return strrchr(text, ')'); /* the name, in parentheses, may have anything in it */
}

bool process_look(pid_t pid, struct process_facts *facts)
{
    char text[STAT_SIZE], state;
    const char *rest = read_stat(pid, text);
    int parent, session;
    unsigned long long start_time;
    /* proc_pid_stat(5): fields 3, 4, 6 and 22. */
    if (rest == NULL || sscanf(rest,
                               ") %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                               "%*d %*d %*d %llu",
                               &state, &parent, &session, &start_time) != 4)
        return false;
    *facts = (struct process_facts){.pid = pid,
                                    .parent = parent,
                                    .session = session,
                                    .start_time = start_time,
                                    .ended = state == 'Z' || state == 'X',
                                    .paused = state == 'T' || state == 't',
                                    .traced = state == 't'};
    return true;
}

/* 0 where it cannot be read. */
static uint64_t read_start_time(pid_t pid)
{
    struct process_facts facts;
    return process_look(pid, &facts) ? facts.start_time : 0;
}

void process_make_mark(struct process *process)
{
    uint8_t random[MARK_BYTES];
    if (getrandom(random, sizeof(random), 0) == (ssize_t)sizeof(random))
        hex_write(bytes_of(random, sizeof(random)), process->mark);
}

/* Our environment, with the process's mark where it has one, and without ours; the list is freed
 * with free(), VARIABLE, which is in it, too. */
static char **make_environment(const struct process *process, char **variable)
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **list = memory_new((count + 2) * sizeof(*list));
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], PROCESS_MARK_VARIABLE "=", sizeof(PROCESS_MARK_VARIABLE)) != 0)
            list[kept++] = environ[i];
    *variable = text_format("%s=%s", PROCESS_MARK_VARIABLE, process->mark);
    if (process->mark[0] != '\0')
        list[kept++] = *variable;
    return list;
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

bool process_start(char *const *arguments, const struct process_files *files,
                   struct process *process, struct error *error)
{
    const int flags = O_WRONLY | O_CREAT | O_APPEND | (files->keep ? 0 : O_TRUNC);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, files->output, flags, 0666);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files->log, flags, 0666);
    if (files->place != NULL)
        posix_spawn_file_actions_addchdir_np(&actions, files->place);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    char *mark, **environment = make_environment(process, &mark);
    int code =
        posix_spawn(&process->pid, arguments[0], &actions, &attributes, arguments, environment);
    free(environment);
    free(mark);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) {
        process->pid = 0;
        if (files->place != NULL && access(files->place, X_OK) != 0)
            return error_set_kind(error, ERROR_SYSTEM,
                                  "cannot start %s in %s, the folder that it was started in first: "
                                  "%s; bring that back",
                                  arguments[0], files->place, strerror(code));
        return error_set_kind(error, ERROR_SYSTEM, "cannot start %s: %s", arguments[0],
                              strerror(code));
    }
    return note_start_time(process, arguments[0], error);
}

enum process_likeness process_identify(const struct process *process)
{
    struct process_facts facts;
    if (process->pid <= 0)
        return PROCESS_IS_GONE;
    bool told = process_look(process->pid, &facts);
    if (kill(process->pid, 0) != 0 && errno == ESRCH)
        return PROCESS_IS_GONE;
    if (!told || process->start_time == 0)
        return PROCESS_MAY_BE_IT;
    return facts.start_time == process->start_time && !facts.ended ? PROCESS_IS_IT
                                                                   : PROCESS_IS_GONE;
}

bool process_is_running(const struct process *process)
{
    return process_identify(process) != PROCESS_IS_GONE;
}

bool process_is_paused(const struct process *process)
{
    struct process_facts facts;
    return process_identify(process) == PROCESS_IS_IT && process_look(process->pid, &facts) &&
           facts.paused;
}

/* A descriptor that becomes readable when the process ends, or -1 where it has. */
static int process_open(const struct process *process)
{
    int fd = process->pid > 0 ? pidfd_open(process->pid, 0) : -1;
    /* Only after opening is it sure that the descriptor is not another's. */
    if (fd >= 0 && process_identify(process) == PROCESS_IS_GONE) {
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
