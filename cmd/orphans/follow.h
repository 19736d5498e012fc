/* devnet-orphans --follow: watches logs that grow, and tells each change of verdict. */
#ifndef CMD_ORPHANS_FOLLOW_H
#define CMD_ORPHANS_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/verdict/verdict.h"

struct follow_options {
    bool json, verbose;
    bool until_clean, until_orphan;
    uint64_t grace, timeout; /* milliseconds; no timeout: 0 */
    bool fails[QLOG_VERDICTS];
};

/* Returns the exit status. */
int follow(const struct follow_options *options, char *const *operands, size_t count);

#endif
