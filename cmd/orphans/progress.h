/* How far long work has come, on a terminal's last line. */
#ifndef CMD_ORPHANS_PROGRESS_H
#define CMD_ORPHANS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    uint64_t total, began, shown; /* bytes; CLOCK_MONOTONIC, milliseconds */
    size_t files;
    bool wanted; /* stderr is a terminal */
};

void progress_init(struct progress *progress, uint64_t total, size_t files);
/* How often there is something to show, milliseconds; -1: never. */
int progress_interval(const struct progress *progress);
/* CONTEXT is a struct progress. */
void progress_show(void *context, uint64_t done);
/* Clears the line. */
void progress_end(struct progress *progress);

#endif
