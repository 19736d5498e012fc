/* devnet run -f FILE: a whole experiment, from the first node's start to the last one's end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/devnet/devnet.h"
#include "cmd/devnet/experiment_file.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "common/words.h"
#include "devnet/ended.h"
#include "devnet/loop.h"
#include "devnet/subprocess.h"

enum { STEP_LIMIT_MS = 15 * 60 * 1000 };

struct runner {
    const struct devnet_options *options;
    const struct experiment_file *file;
    struct devnet devnet; /* where it is */
    char *self;           /* the path of devnet */
    uint64_t up_ms;       /* clock_now_ms() once all were up */
    size_t done, failed;  /* steps and checks */
    char *first_failed;   /* "FILE:LINE: command", or NULL */
    json_t *ended;        /* names of what ended by itself, before it was taken down */
};

/* ---- what is told ---- */

/* Takes EVENT. */
static void tell(const struct runner *runner, json_t *event)
{
    if (runner->options->json)
        output_json_line(event);
    json_decref(event);
}

/* The output without the newline at its end: beside the command where it is one line, else below,
 * indented. */
static void print_output(const char *output)
{
    size_t size = strlen(output);
    while (size > 0 && output[size - 1] == '\n')
        size--;
    bool one_line = memchr(output, '\n', size) == NULL;
    if (one_line && size > 0)
        printf(": ");
    else if (size > 0)
        printf("\n  ");
    for (size_t i = 0; i < size; i++) {
        putchar(output[i]);
        if (output[i] == '\n')
            printf("  ");
    }
    putchar('\n');
}

static void print_step(const struct runner *runner, const json_t *event)
{
    const json_t *at = json_object_get(event, "at");
    bool ok = json_is_true(json_object_get(event, "ok"));
    if (runner->options->json)
        return;
    printf("%s %s%s %s", json_string_value(json_object_get(event, "t")),
           json_is_string(at) ? "at " : "check", json_is_string(at) ? json_string_value(at) : "",
           json_string_value(json_object_get(event, "command")));
    if (!ok)
        printf(" %sFAILED%s, exit status %d%s", output_colour(stdout, COLOUR_RED),
               output_colour_end(stdout), (int)json_integer_value(json_object_get(event, "exit")),
               json_is_true(json_object_get(event, "late")) ? ": it took too long" : "");
    print_output(json_string_value(json_object_get(event, "output")));
    output_flush();
}

/* For a report. */
static void keep_step(const struct runner *runner, const json_t *event)
{
    char *path = devnet_path(&runner->devnet, DEVNET_STEPS_FILE, NULL);
    char *text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    char *line = text_format("%s\n", text);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || !file_write_all(fd, bytes_of_text(line)))
        log_warn("%s: %s: this step is not noted there", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(line);
    free(text);
    free(path);
}

/* Line by line, so that newlines stay; freed with free(). */
static char *safe_output(const struct subprocess_outcome *outcome)
{
    struct buffer safe = {0};
    struct bytes rest = buffer_bytes(&outcome->output);
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        char *line = utf8_safe_text(bytes_of(rest.data, size));
        buffer_append_text(&safe, line);
        buffer_append_text(&safe, end != NULL ? "\n" : "");
        rest = bytes_after(rest, size + (end != NULL));
        free(line);
    }
    if (outcome->left_out > 0) {
        char *more = text_format("\n(%llu more bytes)\n", (unsigned long long)outcome->left_out);
        buffer_append_text(&safe, more);
        free(more);
    }
    buffer_append(&safe, "", 1);
    return (char *)safe.data;
}

/* ---- one step ---- */

static json_t *describe_step(const struct runner *runner, const struct experiment_step *step,
                             bool check, const struct subprocess_outcome *outcome,
                             uint64_t began_ms)
{
    char time[CLOCK_TEXT_SIZE], *command = words_join(step->words), *output = safe_output(outcome);
    uint64_t now_ms = clock_now_ms();
    clock_text(clock_epoch_ms() - (now_ms - began_ms), time);
    bool any = step->expected == EXPERIMENT_ANY_STATUS;
    bool ok = !outcome->late && !outcome->not_run && (any || outcome->status == step->expected);
    json_t *event = json_pack("{s:s, s:s, s:s, s:i, s:I, s:b, s:I, s:s}", "event",
                              check ? "check" : "step", "t", time, "command", command, "exit",
                              outcome->status, "took_ms", (json_int_t)(now_ms - began_ms), "ok", ok,
                              "line", (json_int_t)step->line, "output", output);
    json_object_set_new(event, "expected", any ? json_string("any") : json_integer(step->expected));
    if (outcome->late)
        json_object_set_new(event, "late", json_true());
    if (!check) {
        bool whole = step->at_ms % 1000 == 0;
        char *at = text_format("%llu%s", (unsigned long long)(step->at_ms / (whole ? 1000 : 1)),
                               whole ? "s" : "ms");
        json_object_set_new(event, "at", json_string(at));
        json_object_set_new(event, "since_up_ms",
                            json_integer((json_int_t)(began_ms - runner->up_ms)));
        free(at);
    }
    free(output);
    free(command);
    return event;
}

static void count_step(struct runner *runner, const struct experiment_step *step,
                       const json_t *event)
{
    bool ok = json_is_true(json_object_get(event, "ok"));
    runner->done++;
    runner->failed += !ok;
    if (ok || runner->first_failed != NULL)
        return;
    const char *command = json_string_value(json_object_get(event, "command"));
    runner->first_failed = step->line > 0 ? text_format("%s:%zu: %s", runner->file->experiment.file,
                                                        step->line, command)
                                          : text_copy(command);
}

/* False where we are interrupted. */
static bool run_step(struct runner *runner, const struct experiment_step *step, bool check)
{
    struct subprocess_outcome outcome;
    struct error error;
    size_t count = words_count(step->words);
    char **arguments = memory_new((count + 4) * sizeof(*arguments));
    arguments[0] = runner->self;
    arguments[1] = (char[]){"--dir"};
    arguments[2] = runner->devnet.folder;
    memcpy(arguments + 3, step->words, count * sizeof(*arguments));
    uint64_t began_ms = clock_now_ms();
    bool run = subprocess_run(arguments, STEP_LIMIT_MS, &outcome, &error);
    json_t *event = describe_step(runner, step, check, &outcome, began_ms);
    keep_step(runner, event);
    print_step(runner, event);
    count_step(runner, step, event);
    tell(runner, event);
    if (!run && !loop_was_interrupted())
        log_error("%s", error.text);
    subprocess_clear(&outcome);
    free(arguments);
    return !loop_was_interrupted();
}

/* ---- all of them ---- */

static void end_wait(evutil_socket_t fd, short events, void *base)
{
    (void)fd;
    (void)events;
    event_base_loopbreak(base);
}

/* False where we are interrupted. */
static bool wait_until(uint64_t due_ms)
{
    uint64_t now = clock_now_ms();
    if (now >= due_ms)
        return !loop_was_interrupted();
    struct loop loop;
    loop_init(&loop);
    struct event *due = evtimer_new(loop.base, end_wait, loop.base);
    const struct timeval left = clock_timeval((due_ms - now) * 1000);
    event_arm(due, &left);
    bool waited = loop_run(&loop);
    event_free(due);
    loop_clear(&loop);
    return waited;
}

/* All are run, whatever becomes of those before. False where we are interrupted. */
static bool run_all(struct runner *runner)
{
    const struct experiment *experiment = &runner->file->experiment;
    for (size_t i = 0; i < experiment->timeline.count; i++)
        if (!wait_until(runner->up_ms + experiment->timeline.items[i].at_ms) ||
            !run_step(runner, &experiment->timeline.items[i], false))
            return false;
    for (size_t i = 0; i < experiment->checks.count; i++)
        if (!run_step(runner, &experiment->checks.items[i], true))
            return false;
    return true;
}

static bool report(const struct runner *runner, const char *folder)
{
    if (folder == NULL)
        return true;
    struct devnet_options options = *runner->options;
    options.silent = options.json;
    bool reported = devnet_report_command(&options, folder) == DEVNET_OK;
    tell(runner, json_pack("{s:s, s:s, s:b}", "event", "report", "folder", folder, "ok", reported));
    return reported;
}

static void tell_up(struct runner *runner)
{
    struct error error;
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    if (!devnet_load(&runner->devnet, &error))
        log_error("%s", error.text);
    json_t *event = devnet_describe(&runner->devnet);
    json_object_set_new(event, "event", json_string("up"));
    json_object_set_new(event, "t", json_string(time));
    tell(runner, event);
}

/* ERROR: why the nodes did not come up, or NULL. */
static void tell_end(const struct runner *runner, bool good, bool interrupted, const char *error)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    tell(runner,
         json_pack("{s:s, s:s, s:b, s:I, s:I, s:b, s:O, s:s*}", "event", "end", "t", time, "ok",
                   good, "done", (json_int_t)runner->done, "failed", (json_int_t)runner->failed,
                   "interrupted", interrupted, "ended", runner->ended, "error", error));
}

/* What is not there any more although no step stopped it. */
static void find_ended(struct runner *runner)
{
    struct error error;
    json_t *ended = NULL;
    if (devnet_load(&runner->devnet, &error))
        ended = devnet_ended(&runner->devnet);
    else
        log_error("%s", error.text);
    json_array_extend(runner->ended, ended);
    json_decref(ended);
}

static void tell_ended(const struct runner *runner)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(runner->ended, index, entry)
    {
        const char *name = json_string_value(entry);
        if (devnet_find(&runner->devnet, name) != NULL)
            log_error("%s ended by itself; where it is to, a step `stop %s` says so", name, name);
        else
            log_error("the %s ended by itself", name);
        devnet_report_last_lines(&runner->devnet, name);
    }
}

/* Says how it went: whether all did as expected. */
static bool conclude(const struct runner *runner, bool whole, bool reported, bool down)
{
    bool stayed = json_array_size(runner->ended) == 0;
    bool good = whole && reported && down && stayed && runner->failed == 0;
    if (!runner->options->json && good)
        printf("%s: %zu steps and checks ended as expected\n", runner->file->experiment.file,
               runner->done);
    if (!whole)
        log_error("interrupted");
    else if (runner->failed > 0)
        log_error("%zu of %zu steps and checks did not end as expected, the first is %s",
                  runner->failed, runner->done, runner->first_failed);
    tell_ended(runner);
    tell_end(runner, good, !whole, NULL);
    return good;
}

static bool has_left(const struct devnet *devnet)
{
    char *path = devnet_path(devnet, "left.json", NULL);
    bool has = access(path, F_OK) == 0;
    free(path);
    return has;
}

/* Of nodes that did not come up there is a report, too: that is what it is for. */
static void give_up(const struct runner *runner, const struct devnet_attempt *attempt,
                    const char *folder)
{
    const char *error =
        attempt->error.text[0] != '\0' ? attempt->error.text : "nothing was started";
    if (attempt->began && !loop_was_interrupted() && has_left(&runner->devnet)) {
        char time[CLOCK_TEXT_SIZE];
        clock_text(clock_epoch_ms(), time);
        json_t *event = json_pack("{s:s, s:s, s:b, s:s}", "event", "up", "t", time, "ok", false,
                                  "error", error);
        keep_step(runner, event);
        json_decref(event);
        report(runner, folder);
    }
    tell_end(runner, false, loop_was_interrupted(), error);
}

static int run(struct runner *runner, const char *folder)
{
    struct devnet_options options = *runner->options;
    options.silent = options.json;
    struct devnet_attempt attempt = {0};
    options.attempt = &attempt;
    int status = devnet_up_experiment(&options, runner->file);
    if (status != DEVNET_OK) {
        give_up(runner, &attempt, folder);
        return status;
    }
    runner->up_ms = clock_now_ms();
    setenv(DEVNET_STEP_VARIABLE, "1", 1);
    if (options.json)
        tell_up(runner);
    bool whole = run_all(runner);
    bool reported = whole && report(runner, folder);
    if (whole)
        find_ended(runner);
    bool down = devnet_down_command(&options) == DEVNET_OK;
    return conclude(runner, whole, reported || !whole, down) ? DEVNET_OK : DEVNET_FAILED;
}

int devnet_experiment_command(const struct devnet_options *options)
{
    struct experiment_file file;
    struct error error;
    const char *path = options->file != NULL ? options->file : DEVNET_EXPERIMENT_FILE;
    loop_catch_signals();
    if (!experiment_file_load(path, &file, &error)) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    int status = DEVNET_USAGE;
    const char *folder = options->report != NULL ? options->report : file.experiment.report;
    struct runner runner = {
        .options = options, .file = &file, .self = subprocess_self(), .ended = json_array()};
    devnet_init(&runner.devnet, options->folder);
    if (runner.self == NULL)
        log_error("/proc does not tell where this program is");
    else if (folder != NULL && !devnet_report_check(folder, &runner.devnet, &error))
        log_error("report: %s", error.text);
    else if (!devnet_check_folder(options, path, &error))
        log_error("%s", error.text);
    else
        status = run(&runner, folder);
    json_decref(runner.ended);
    free(runner.first_failed);
    free(runner.self);
    devnet_clear(&runner.devnet);
    experiment_file_clear(&file);
    return status;
}
