/* Programs of ours that are run and waited for, with what they print. */
#ifndef DEVNET_SUBPROCESS_H
#define DEVNET_SUBPROCESS_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/error.h"

enum { SUBPROCESS_OUTPUT_MAX = 64 * 1024 };

struct subprocess_outcome {
    int status;           /* as a shell has it: 128 and more where a signal ended it, 127 where
                           * it could not be run */
    bool not_run;         /* it could not be */
    bool late;            /* it was ended, as its time was over */
    struct buffer output; /* the first SUBPROCESS_OUTPUT_MAX bytes */
    uint64_t left_out;    /* bytes after those */
};

/* The path of this program itself; freed with free(). NULL where /proc does not tell. */
char *subprocess_self(void);
/*
 * Runs ARGUMENTS, which end with NULL, with nothing on the standard input, and waits until it has
 * ended; what it prints on its standard output and error is kept as it comes. It is ended after
 * LIMIT_MS, and when a signal of loop_catch_signals() comes. False with the error set where it
 * cannot be run, or one has come. OUTCOME is to be cleared in any case.
 */
bool subprocess_run(char *const *arguments, uint64_t limit_ms, struct subprocess_outcome *outcome,
                    struct error *error);
void subprocess_clear(struct subprocess_outcome *outcome);

/*
 * Runs ARGUMENTS in FOLDER, with nothing on the standard input, and waits until it has ended
 * whatever signal comes; what it prints on its standard output and error is added to the files
 * OUTPUT and LOG there. Returns its exit status; -1 where it could not be run, or a signal ended
 * it.
 */
int subprocess_run_to_files(char *const *arguments, const char *folder, const char *output,
                            const char *log);

#endif
