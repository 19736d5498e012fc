/*
 * All processes that came of a command, which need not know of each other: in its session, started
 * by one of them, or with its mark in their environment (DEVNET_MARK), which they inherit whoever
 * started them, whatever session they are in and whoever has ended meanwhile.
 */
#ifndef DEVNET_FAMILY_H
#define DEVNET_FAMILY_H

#include "devnet/process.h"

/* Gives PROCESS, which runs, the mark that is in its environment, if there is one. */
void family_read_mark(struct process *process);

/* Whether any of the processes that came of PROCESS, or may be it, has not ended. */
bool family_lives(const struct process *process);

/* What each of COUNT processes and all that came of it have in memory (resident), in bytes; 0 where
 * nothing runs or /proc does not tell. BYTES has room for COUNT. */
void family_memory(const struct process *processes, size_t count, uint64_t *bytes);

enum process_end {
    PROCESS_STOPPED,
    PROCESS_WAS_GONE, /* not running in the first place */
    PROCESS_KILLED,   /* did not stop in time */
    PROCESS_LEFT,     /* runs, and may be another: it was left alone */
    PROCESS_REFUSED,  /* runs: signals of ours may not be sent to it, or to what came of it */
    PROCESS_STAYED,   /* runs, although all was done */
};

/* Asks COUNT processes, and all that came of them, to end (SIGTERM), and has those that are paused
 * go on (SIGCONT), then or later; kills after PATIENCE_MS those that have not ended, and returns
 * when all have but those that it left: those that no signal may be sent to are not waited for.
 * ENDS has room for COUNT. */
void family_stop_all(const struct process *processes, size_t count, uint64_t patience_ms,
                     enum process_end *ends);

/* The same of those that are to end without being asked (SIGKILL). */
void family_kill_all(const struct process *processes, size_t count, enum process_end *ends);

/* Of PROCESS_REFUSED and PROCESS_STAYED: "left: ...", with what to do; NULL of all others. Freed
 * with free(). */
char *family_why_stays(const struct process *process, enum process_end end);

/* Sends SIGNAL to what there is of PROCESS and of all that came of it; false with the error set
 * where there is nobody or not all got it. */
bool family_send(const struct process *process, int signal, struct error *error);

#endif
