#include "devnet/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"

enum {
    ENVIRONMENT_MAX = 4 * 1024 * 1024, /* of one process */
    LOOK_AGAIN_MS = 10,                /* and longer from time to time */
    LOOK_AGAIN_MAX_MS = 200,
    AFTER_KILL_MS = 10000,
};

/* One process of the system. */
struct relative {
    struct process_facts facts;
    size_t owner; /* which of the processes it came of; NOBODY */
    bool told;    /* of one that is asked to end: it got the signal */
};

static const size_t NOBODY = SIZE_MAX;

struct family {
    const struct process *processes;
    size_t count;
    bool marked; /* some have a mark */
    bool *met;   /* each was there at a look */
    struct relative *relatives;
    size_t relative_count;
    struct relative *asked; /* to end; they stay relatives, whoever ends before them */
    size_t asked_count;
    bool *reached; /* of each some got a signal */
    bool any_left; /* somebody was there at the last look */
};

/* ---- who there is ---- */

/* The value of the mark in a process's environment, within ENVIRONMENT; NULL where there is none.
 */
static const char *find_mark(pid_t pid, struct buffer *environment)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    environment->size = 0;
    if (!file_read(path, ENVIRONMENT_MAX, environment, NULL))
        return NULL; /* another user's */
    buffer_append(environment, "", 1);
    const size_t size = strlen(PROCESS_MARK_VARIABLE);
    const char *text = (const char *)environment->data, *end = text + environment->size;
    for (; text < end; text += strlen(text) + 1)
        if (strncmp(text, PROCESS_MARK_VARIABLE, size) == 0 && text[size] == '=')
            return text + size + 1;
    return NULL;
}

void family_read_mark(struct process *process)
{
    struct buffer environment = {0};
    const char *mark = find_mark(process->pid, &environment);
    if (mark != NULL && strlen(mark) < sizeof(process->mark))
        memcpy(process->mark, mark, strlen(mark) + 1);
    buffer_clear(&environment);
}

/* NULL where it has not been asked to end. */
static struct relative *find_asked(const struct family *family, const struct process_facts *facts)
{
    for (size_t i = 0; i < family->asked_count; i++)
        if (family->asked[i].facts.pid == facts->pid &&
            family->asked[i].facts.start_time == facts->start_time)
            return &family->asked[i];
    return NULL;
}

/* Whose it is by itself: it is the process, is in its session while that is known for its, or has
 * its mark. */
static size_t owner_of(const struct family *family, const struct process_facts *facts,
                       const bool *leaders, struct buffer *environment)
{
    const struct relative *asked = find_asked(family, facts);
    if (asked != NULL)
        return asked->owner;
    for (size_t i = 0; i < family->count; i++)
        if (leaders[i] &&
            (facts->pid == family->processes[i].pid || facts->session == family->processes[i].pid))
            return i;
    const char *mark = family->marked ? find_mark(facts->pid, environment) : NULL;
    for (size_t i = 0; mark != NULL && i < family->count; i++)
        if (family->processes[i].mark[0] != '\0' && strcmp(family->processes[i].mark, mark) == 0)
            return i;
    return NOBODY;
}

static void add(struct family *family, const struct process_facts *facts)
{
    family->relatives =
        memory_resize(family->relatives, (family->relative_count + 1) * sizeof(*family->relatives));
    family->relatives[family->relative_count++] =
        (struct relative){.facts = *facts, .owner = NOBODY};
}

static void list_processes(struct family *family)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct process_facts facts;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && process_look(pid, &facts) && !facts.ended)
            add(family, &facts);
    }
    if (folder != NULL)
        closedir(folder);
}

static int compare_relatives(const void *a, const void *b)
{
    const struct relative *first = a, *second = b;
    return (first->facts.pid > second->facts.pid) - (first->facts.pid < second->facts.pid);
}

static size_t owner_of_parent(const struct family *family, const struct relative *relative)
{
    const struct relative key = {.facts.pid = relative->facts.parent};
    const struct relative *parent =
        bsearch(&key, family->relatives, family->relative_count, sizeof(key), compare_relatives);
    return parent != NULL ? parent->owner : NOBODY;
}

/* What was started by one of theirs is theirs. */
static void add_children(struct family *family)
{
    for (bool found = true; found;) {
        found = false;
        for (size_t i = 0; i < family->relative_count; i++) {
            struct relative *relative = &family->relatives[i];
            if (relative->owner == NOBODY)
                found |= (relative->owner = owner_of_parent(family, relative)) != NOBODY;
        }
    }
}

/* Whether what is in the session that it began is its. Once it was met it may be gone: nobody is
 * given the id of a session that has members. */
static bool has_session(struct family *family, size_t i)
{
    const struct process *process = &family->processes[i];
    struct process_facts now;
    if (process_identify(process) == PROCESS_IS_IT)
        return family->met[i] = true;
    return family->met[i] &&
           !(process_look(process->pid, &now) && now.start_time != process->start_time);
}

static void family_clear(struct family *family)
{
    free(family->met);
    free(family->reached);
    free(family->asked);
    free(family->relatives);
}

/* Looks at all processes anew. */
static void look(struct family *family)
{
    struct buffer environment = {0};
    bool *leaders = memory_new(family->count * sizeof(*leaders) + 1);
    if (family->met == NULL)
        family->met = memory_new(family->count * sizeof(*family->met) + 1);
    for (size_t i = 0; i < family->count; i++) {
        leaders[i] = has_session(family, i);
        family->marked |= family->processes[i].mark[0] != '\0';
    }
    family->relative_count = 0;
    list_processes(family);
    if (family->relative_count > 0)
        qsort(family->relatives, family->relative_count, sizeof(*family->relatives),
              compare_relatives);
    for (size_t i = 0; i < family->relative_count; i++)
        family->relatives[i].owner =
            owner_of(family, &family->relatives[i].facts, leaders, &environment);
    add_children(family);
    free(leaders);
    buffer_clear(&environment);
}

bool family_lives(const struct process *process)
{
    if (process_is_running(process))
        return true;
    struct family family = {.processes = process, .count = 1};
    bool lives = false;
    if (process->mark[0] != '\0')
        look(&family);
    for (size_t i = 0; i < family.relative_count; i++)
        lives |= family.relatives[i].owner != NOBODY;
    family_clear(&family);
    return lives;
}

/* 0 where /proc does not tell: it has ended. */
static uint64_t resident_bytes(pid_t pid)
{
    char path[64];
    unsigned long long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    bool told = fscanf(file, "%*u %llu", &pages) == 1;
    fclose(file);
    return told ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void family_memory(const struct process *processes, size_t count, uint64_t *bytes)
{
    struct family family = {.processes = processes, .count = count};
    memset(bytes, 0, count * sizeof(*bytes));
    look(&family);
    for (size_t i = 0; i < family.relative_count; i++)
        if (family.relatives[i].owner != NOBODY)
            bytes[family.relatives[i].owner] += resident_bytes(family.relatives[i].facts.pid);
    family_clear(&family);
}

/* ---- signals ---- */

/* 0 where it was sent, or who was to have it has ended; else errno. */
static int send(const struct process_facts *facts, int signal)
{
    struct process_facts now;
    int fd = pidfd_open(facts->pid, 0), code = fd >= 0 ? 0 : errno;
    /* Only after opening is it sure that the descriptor is not another's. */
    if (fd >= 0 && process_look(facts->pid, &now) && now.start_time == facts->start_time &&
        pidfd_send_signal(fd, signal, NULL, 0) != 0)
        code = errno;
    if (fd >= 0)
        close(fd);
    return code == ESRCH ? 0 : code;
}

/* Whether what send gave will be no other the next time. */
static bool is_refusal(int code)
{
    return code == EPERM || code == ENOSYS;
}

static void explain(const struct process_facts *facts, int code, struct error *error)
{
    if (code == EPERM)
        error_set(error,
                  "process %d is not this user's to signal: do this as who started it, or as root",
                  (int)facts->pid);
    else
        error_set_kind(error, ERROR_SYSTEM, "process %d: cannot send it a signal: %s",
                       (int)facts->pid, strerror(code));
}

bool family_send(const struct process *process, int signal, struct error *error)
{
    struct family family = {.processes = process, .count = 1};
    bool any = false, sent = true;
    if (process_identify(process) == PROCESS_IS_IT || process->mark[0] != '\0')
        look(&family);
    for (size_t i = 0; i < family.relative_count; i++) {
        const struct relative *relative = &family.relatives[i];
        if (relative->owner == NOBODY)
            continue;
        int code = send(&relative->facts, signal);
        any = true;
        if (code != 0 && sent)
            explain(&relative->facts, code, error);
        sent &= code == 0;
    }
    family_clear(&family);
    return any ? sent
               : error_set(error,
                           "process %d: it has ended, or /proc does not tell whether it is "
                           "still that one",
                           (int)process->pid);
}

/* ---- their end ---- */

/* Once, and again where it did not get it. Returns what send does. */
static int ask(struct family *family, const struct relative *relative)
{
    struct relative *asked = find_asked(family, &relative->facts);
    if (asked == NULL) {
        family->asked =
            memory_resize(family->asked, (family->asked_count + 1) * sizeof(*family->asked));
        asked = &family->asked[family->asked_count++];
        *asked = *relative;
    }
    int code = asked->told ? 0 : send(&relative->facts, SIGTERM);
    asked->told = code == 0;
    return code;
}

/*
 * Who is paused ends only once it goes on, and some are paused only as they end. Nobody else is to:
 * the signal takes away the stop that who attaches to a process waits for, for ever: a debugger, or
 * LeakSanitizer, which looks at its process when that ends.
 */
static void have_go_on(const struct process_facts *facts)
{
    if (facts->paused && !facts->traced)
        send(facts, SIGCONT);
}

/* Whether it may yet end. Who cannot be asked to may still end as those do whom it came with. */
static bool press_one(struct family *family, const struct relative *relative, bool kill,
                      enum process_end *ends)
{
    int code = kill ? send(&relative->facts, SIGKILL) : ask(family, relative);
    if (code == 0 || !kill)
        ends[relative->owner] = kill ? PROCESS_KILLED : PROCESS_STOPPED;
    if (!kill)
        have_go_on(&relative->facts);
    family->reached[relative->owner] |= code == 0;
    return !is_refusal(code) || (!kill && family->reached[relative->owner]);
}

/* Signals who is there; false where nobody is of whom an end is to be waited for. */
static bool press(struct family *family, bool kill, enum process_end *ends)
{
    bool may_end = false;
    look(family);
    family->any_left = false;
    for (size_t i = 0; i < family->relative_count; i++)
        if (family->relatives[i].owner != NOBODY) {
            family->any_left = true;
            may_end |= press_one(family, &family->relatives[i], kill, ends);
        }
    return may_end;
}

/* Until all have ended who may, or the time is over. New ones may come while others go. */
static void press_on(struct family *family, bool kill, uint64_t patience_ms, enum process_end *ends)
{
    uint64_t deadline = clock_now_ms() + patience_ms, pause_ms = LOOK_AGAIN_MS;
    while (press(family, kill, ends)) {
        for (size_t i = 0; i < family->count; i++)
            if (family->processes[i].pid > 0)
                waitpid(family->processes[i].pid, NULL, WNOHANG); /* where it is our child */
        uint64_t now = clock_now_ms();
        if (now >= deadline)
            return;
        uint64_t left = deadline - now;
        nanosleep(
            &(struct timespec){.tv_nsec = (long)(left < pause_ms ? left : pause_ms) * 1000000},
            NULL);
        pause_ms = pause_ms < LOOK_AGAIN_MAX_MS ? pause_ms * 3 / 2 : LOOK_AGAIN_MAX_MS;
    }
}

/* Whoever is there after all that. */
static void note_left(struct family *family, enum process_end *ends)
{
    look(family);
    for (size_t i = 0; i < family->relative_count; i++) {
        const struct relative *relative = &family->relatives[i];
        if (relative->owner == NOBODY)
            continue;
        if (send(&relative->facts, 0) == EPERM)
            ends[relative->owner] = PROCESS_REFUSED;
        else if (ends[relative->owner] != PROCESS_REFUSED)
            ends[relative->owner] = PROCESS_STAYED;
    }
}

static void end_all(const struct process *processes, size_t count, bool asked, uint64_t patience_ms,
                    enum process_end *ends)
{
    struct family family = {
        .processes = processes, .count = count, .reached = memory_new(count * sizeof(bool) + 1)};
    for (size_t i = 0; i < count; i++)
        ends[i] =
            process_identify(&processes[i]) == PROCESS_MAY_BE_IT ? PROCESS_LEFT : PROCESS_WAS_GONE;
    if (asked)
        press_on(&family, false, patience_ms, ends);
    if (!asked || family.any_left)
        press_on(&family, true, AFTER_KILL_MS, ends);
    if (family.any_left)
        note_left(&family, ends);
    for (size_t i = 0; i < count; i++)
        if (processes[i].pid > 0)
            waitpid(processes[i].pid, NULL, WNOHANG);
    family_clear(&family);
}

void family_stop_all(const struct process *processes, size_t count, uint64_t patience_ms,
                     enum process_end *ends)
{
    end_all(processes, count, true, patience_ms, ends);
}

void family_kill_all(const struct process *processes, size_t count, enum process_end *ends)
{
    end_all(processes, count, false, 0, ends);
}

char *family_why_stays(const struct process *process, enum process_end end)
{
    int pid = (int)process->pid;
    if (end == PROCESS_REFUSED)
        return text_format("left: process %d, or what came of it, is not this user's to signal: do "
                           "this as who started it, or as root",
                           pid);
    if (end == PROCESS_STAYED)
        return text_format("left: process %d, or what came of it, could not be killed: see what it "
                           "waits for (cat /proc/%d/wchan), and do this again",
                           pid, pid);
    return NULL;
}
