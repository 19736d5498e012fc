#include "cmd/devnet/up_tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/tap.h"
#include "net/tap/tap.h"

/* ---- before anything is started ---- */

bool up_tap_check_program(const char *with)
{
    if (strstr(with, "{key}") != NULL)
        return true;
    log_error("--with %.*s: it has to take {key}: the tap between the nodes speaks for each with "
              "that, and does not have a key that a program makes for itself",
              (int)strcspn(with, "="), with);
    return false;
}

bool up_tap_check(const struct devnet_options *options, const struct wiring *wiring)
{
    size_t pairs;
    if (options->paths.count > 0 || options->partitionable) {
        log_error("--tap: not with --path and --partitionable: either a relay or a tap is between");
        return false;
    }
    for (size_t i = 0; i < options->with.count; i++)
        if (!up_tap_check_program(options->with.items[i]))
            return false;
    free(wiring_pairs(wiring, devnet_node_count(options), &pairs));
    pairs += options->with.count;
    if (pairs <= TAP_PAIRS_MAX)
        return true;
    log_error("--tap: a tap carries %d connections at a time, and these would be %zu",
              TAP_PAIRS_MAX, pairs);
    return false;
}

/* ---- starting it ---- */

static bool start(struct devnet *devnet, const struct devnet_options *options, struct error *error)
{
    char *program = devnet_program("devnet-tap");
    bool started = devnet_start_tap(devnet, program, options->timeout, error);
    free(program);
    for (size_t i = 0; i < devnet->count && started; i++)
        started = devnet_tap_node(devnet, &devnet->nodes[i], error);
    return started && devnet_save(devnet, error);
}

bool up_tap(struct devnet *devnet, const struct devnet_options *options, struct error *error)
{
    if (!options->tap)
        return true;
    bool started = start(devnet, options, error);
    if (!started) {
        log_error("%s", error->text);
        devnet_report_last_lines(devnet, "tap");
    } else if (!options->json) {
        printf("tap %s\n", devnet_find_tap(devnet)->api);
        output_flush();
    }
    return started;
}

/* ---- whom it refuses ---- */

static char *events_path(const struct devnet *devnet)
{
    return devnet_path(devnet, "tap", "events.jsonl");
}

off_t up_tap_told(const struct devnet *devnet)
{
    struct stat about;
    char *path = events_path(devnet);
    bool there = devnet_find_tap(devnet) != NULL && stat(path, &about) == 0;
    free(path);
    return there ? about.st_size : 0;
}

/* Why, of a dial that came to nothing by what one end is; freed with free(). */
static char *refusal_of(const char *line)
{
    json_t *event = json_loads(line, 0, NULL);
    const char *name = json_string_value(json_object_get(event, "event"));
    const char *cause = json_string_value(json_object_get(event, "cause"));
    const char *reason = json_string_value(json_object_get(event, "reason"));
    bool refused = name != NULL && cause != NULL && reason != NULL && strcmp(name, "closed") == 0 &&
                   strcmp(cause, "tls_failed") == 0;
    char *told = refused ? text_copy(reason) : NULL;
    json_decref(event);
    return told;
}

void up_tap_report_refusal(const struct devnet *devnet, const char *name, off_t before)
{
    char *path = events_path(devnet), *line = NULL, *reason = NULL;
    size_t room = 0;
    FILE *events = devnet_find_tap(devnet) != NULL ? fopen(path, "re") : NULL;
    if (events != NULL && fseeko(events, before, SEEK_SET) == 0)
        while (reason == NULL && getline(&line, &room, events) > 0)
            reason = refusal_of(line);
    if (reason != NULL)
        log_error("the tap has refused a dial meanwhile: %s; %s has to show the peer id of {key}",
                  reason, name);
    if (events != NULL)
        fclose(events);
    free(reason);
    free(line);
    free(path);
}
