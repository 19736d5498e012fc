#include "cmd/devnet/up_connect.h"

#include "cmd/devnet/experiment_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/wire.h"

enum { SHOWN_EVERY_MS = 100 };

struct progress {
    const struct devnet_options *options;
    struct devnet *devnet; /* notes who dialled whom */
    size_t done;
    bool wanted; /* stderr is a terminal */
    uint64_t shown;
};

bool up_wiring(const struct devnet_options *options, struct wiring *wiring, struct error *error)
{
    uint32_t seed; /* short enough to be typed */
    *wiring = (struct wiring){.seed = options->seed};
    if (options->from != NULL && options->from->experiment.listed) {
        wiring->shape = WIRING_LISTED;
        wiring->pairs = options->from->pairs;
        wiring->pair_count = options->from->own_pairs;
        return true;
    }
    if (wiring->seed == UINT64_MAX) {
        if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
            return error_set_kind(error, ERROR_SYSTEM, "the system gives no random numbers");
        wiring->seed = seed;
    }
    return wiring_parse(options->connect, wiring, error);
}

static void show(struct progress *progress, const struct wire_news *news)
{
    uint64_t now = clock_now_ms();
    if (!progress->wanted || now - progress->shown < SHOWN_EVERY_MS)
        return;
    progress->shown = now;
    fprintf(stderr, "\r\033[Kconnected %zu of %zu pairs", news->done, news->count);
    fflush(stderr);
}

static void end_line(struct progress *progress)
{
    if (progress->shown > 0)
        fputs("\r\033[K", stderr);
    progress->shown = 0;
}

static void report(void *context, const struct wire_news *news)
{
    struct progress *progress = context;
    progress->done = news->done;
    devnet_node_dials(devnet_find(progress->devnet, news->dialler->name), news->listener->name);
    if (progress->options->verbose && !progress->options->json) {
        end_line(progress);
        printf("%s connected to %s: %s\n", news->dialler->name, news->listener->name,
               news->reached);
        output_flush();
    }
    show(progress, news);
}

static void print_summary(const struct devnet *devnet, const struct progress *progress,
                          const struct wiring *wiring)
{
    if (progress->done == 0 || progress->options->json)
        return;
    printf("%zu nodes connected in %zu pair%s (%s", devnet->count, progress->done,
           progress->done == 1 ? "" : "s", progress->options->connect);
    if (wiring->shape == WIRING_RANDOM)
        printf(", seed %" PRIu64, wiring->seed);
    puts(")");
    output_flush();
}

/* What was asked for and cannot be. */
static void warn_of_few(const struct devnet *devnet, const struct devnet_options *options,
                        const struct wiring *wiring)
{
    if (wiring->shape == WIRING_RANDOM && devnet->count > 1 && wiring->degree >= devnet->count)
        log_warn("%s: of %zu nodes each has no more than %zu others to be connected to",
                 options->connect, devnet->count, devnet->count - 1);
}

bool up_connect(struct devnet *devnet, const struct devnet_options *options,
                const struct wiring *wiring, struct error *error)
{
    const char *terminal = getenv("TERM");
    struct progress progress = {.options = options,
                                .devnet = devnet,
                                .wanted = !options->json && isatty(STDERR_FILENO) &&
                                          (terminal == NULL || strcmp(terminal, "dumb") != 0)};
    bool connected = devnet_wire(devnet, wiring, options->timeout, report, &progress, error);
    end_line(&progress);
    if (connected) {
        print_summary(devnet, &progress, wiring);
        warn_of_few(devnet, options, wiring);
    } else if (wiring->shape == WIRING_RANDOM) {
        error_prefix(error, "%s, seed %" PRIu64, options->connect, wiring->seed);
    }
    return connected;
}

static void report_program(void *context, const struct wire_news *news)
{
    const struct progress *progress = context;
    devnet_node_dials(devnet_find(progress->devnet, news->dialler->name), news->listener->name);
    if (!progress->options->json)
        printf("%s connected to %s\n", news->dialler->name, news->listener->name);
    output_flush();
}

bool up_connect_programs(struct devnet *devnet, const struct devnet_options *options,
                         struct error *error)
{
    const struct experiment_file *file = options->from;
    if (file == NULL || file->pair_count == file->own_pairs)
        return true;
    struct wiring_pair *pairs = memory_new(file->pair_count * sizeof(*pairs));
    struct wiring wiring = {.shape = WIRING_LISTED, .pairs = pairs};
    for (size_t i = file->own_pairs; i < file->pair_count; i++) {
        const struct devnet_node *dialler = &devnet->nodes[file->pairs[i].dialler],
                                 *listener = &devnet->nodes[file->pairs[i].listener];
        if (!devnet_node_is_dialler(dialler, listener->name) &&
            !devnet_node_is_dialler(listener, dialler->name))
            pairs[wiring.pair_count++] = file->pairs[i];
    }
    struct progress progress = {.options = options, .devnet = devnet};
    bool connected =
        devnet_wire(devnet, &wiring, options->timeout, report_program, &progress, error);
    free(pairs);
    return connected;
}

json_t *up_wiring_json(const struct devnet *devnet, const struct devnet_options *options,
                       const struct wiring *wiring)
{
    size_t count;
    free(wiring_pairs(wiring, devnet->count, &count));
    json_t *told = json_pack("{s:s, s:I}", "how", options->connect, "pairs", (json_int_t)count);
    if (wiring->shape == WIRING_RANDOM)
        json_object_set_new(told, "seed", json_integer((json_int_t)wiring->seed));
    return told;
}
