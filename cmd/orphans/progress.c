#include "cmd/orphans/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

enum {
    LONG_WORK_MS = 500, /* less needs no telling */
    INTERVAL_MS = 200,
};

void progress_init(struct progress *progress, uint64_t total, size_t files)
{
    const char *terminal = getenv("TERM");
    *progress = (struct progress){
        .total = total,
        .files = files,
        .began = clock_now_ms(),
        .wanted = isatty(STDERR_FILENO) && (terminal == NULL || strcmp(terminal, "dumb") != 0),
    };
}

int progress_interval(const struct progress *progress)
{
    return progress->wanted ? INTERVAL_MS : -1;
}

void progress_show(void *context, uint64_t done)
{
    struct progress *progress = context;
    uint64_t now = clock_now_ms();
    if (!progress->wanted || now - progress->began < LONG_WORK_MS ||
        now - progress->shown < INTERVAL_MS)
        return;
    progress->shown = now;
    if (progress->total >= done && progress->total > 0)
        fprintf(stderr, "\r\033[Kreading %zu file%s: %.0f %% of %.1f MB", progress->files,
                progress->files == 1 ? "" : "s", 100.0 * (double)done / (double)progress->total,
                (double)progress->total / 1e6);
    else /* a pipe, or a file that grows */
        fprintf(stderr, "\r\033[Kreading %zu file%s: %.1f MB", progress->files,
                progress->files == 1 ? "" : "s", (double)done / 1e6);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown > 0)
        fputs("\r\033[K", stderr);
}
