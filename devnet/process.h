/* Processes that outlive the program that starts them, and are stopped by another. */
#ifndef DEVNET_PROCESS_H
#define DEVNET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define PROCESS_MARK_VARIABLE "DEVNET_MARK"
enum { PROCESS_MARK_SIZE = 33 };

/* A process id is given to another process some day; with the time of its start it is not. */
struct process {
    pid_t pid;           /* 0: never started */
    uint64_t start_time; /* clock ticks since boot, field 22 of /proc/PID/stat; 0: not known */
    char mark[PROCESS_MARK_SIZE]; /* in its environment, and those of all that come of it; or "" */
};

/* What /proc says of a process. */
struct process_facts {
    pid_t pid, parent, session;
    uint64_t start_time; /* as above */
    bool ended;          /* and nobody has waited for it yet */
    bool paused;         /* by SIGSTOP and the like, or by who traces it */
    bool traced;         /* and is paused by them */
};

/* False where there is no such process, or /proc does not tell. */
bool process_look(pid_t pid, struct process_facts *facts);

/* Gives it a mark of its own; to be called before it is started. */
void process_make_mark(struct process *process);

/* Where a process is run, and where its standard output and error go. */
struct process_files {
    const char *output, *log;
    bool keep;         /* what is in them; otherwise they are made new */
    const char *place; /* the folder that it is run in; NULL: this one */
};

/*
 * Starts ARGUMENTS[0] in a session of its own, with nothing on its standard input. One whose start
 * cannot be read would not be known again: it is ended at once, and that is an error.
 */
bool process_start(char *const *arguments, const struct process_files *files,
                   struct process *process, struct error *error);
enum process_likeness { PROCESS_IS_GONE, PROCESS_IS_IT, PROCESS_MAY_BE_IT };

/* Whether the process that has its id now is the one that was started. */
enum process_likeness process_identify(const struct process *process);
/* Whether it is this very process, or may be, and has not ended. */
bool process_is_running(const struct process *process);

/* Whether it is this very process, and is paused. */
bool process_is_paused(const struct process *process);

/* The index of one of COUNT processes that has ended, or ends within PATIENCE_MS; COUNT if none. */
size_t process_find_ended(const struct process *processes, size_t count, uint64_t patience_ms);

#endif
