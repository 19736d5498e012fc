/* Processes that outlive the program that starts them, and are stopped by another. */
#ifndef DEVNET_PROCESS_H
#define DEVNET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* A process id is given to another process some day; with the time of its start it is not. */
struct process {
    pid_t pid;           /* 0: never started */
    uint64_t start_time; /* clock ticks since boot, field 22 of /proc/PID/stat; 0: not known */
};

/*
 * Starts ARGUMENTS[0] in a session of its own, with nothing on its standard input, and OUTPUT and
 * LOG, which are made new, as its standard output and error. One whose start cannot be read would
 * not be known again: it is ended at once, and that is an error.
 */
bool process_start(char *const *arguments, const char *output, const char *log,
                   struct process *process, struct error *error);
/* Whether it is this very process, or may be, and has not ended. */
bool process_is_running(const struct process *process);
/* A descriptor that becomes readable when the process ends, or -1 where it has. */
int process_open(const struct process *process);

/* The index of one of COUNT processes that has ended, or ends within PATIENCE_MS; COUNT if none. */
size_t process_find_ended(const struct process *processes, size_t count, uint64_t patience_ms);

enum process_end {
    PROCESS_STOPPED,
    PROCESS_WAS_GONE, /* not running in the first place */
    PROCESS_KILLED,   /* did not stop in time */
    PROCESS_LEFT,     /* runs, and may be another: it was left alone */
};

/* Asks COUNT processes, and those that they started, to end (SIGTERM), kills after PATIENCE_MS
 * those that have not, and returns when all have ended but those that it left. ENDS has room for
 * COUNT. */
void process_stop_all(const struct process *processes, size_t count, uint64_t patience_ms,
                      enum process_end *ends);

#endif
