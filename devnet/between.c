#include "devnet/between.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/loop.h"
#include "devnet/start.h"
#include "devnet/state.h"
#include "net/api/client.h"

enum { LOOK_AGAIN_MS = 5, ANSWER_TIMEOUT_MS = 5000 };

static const char *const kinds[BETWEEN_KINDS] = {"relay", "tap"};

const struct shape between_shape[] = {{"kind", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                      {"pid", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                      {"start_time", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                      {"api", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                      {"arguments", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                      {0}};

bool between_is_kind(const char *name)
{
    for (size_t i = 0; i < BETWEEN_KINDS; i++)
        if (strcmp(name, kinds[i]) == 0)
            return true;
    return false;
}

struct devnet_between *devnet_find_between(const struct devnet *devnet, const char *kind)
{
    for (size_t i = 0; i < devnet->between_count; i++)
        if (strcmp(devnet->between[i].kind, kind) == 0)
            return &devnet->between[i];
    return NULL;
}

static void clear(struct devnet_between *between)
{
    free(between->kind);
    free(between->api);
    words_free(between->arguments);
}

/* The one of that kind, as it begins. */
static struct devnet_between *renew(struct devnet *devnet, const char *kind)
{
    struct devnet_between *between = devnet_find_between(devnet, kind);
    if (between == NULL) {
        devnet->between =
            memory_resize(devnet->between, (devnet->between_count + 1) * sizeof(*devnet->between));
        between = &devnet->between[devnet->between_count++];
    } else {
        clear(between);
    }
    *between = (struct devnet_between){.kind = text_copy(kind)};
    return between;
}

/* ---- starting one ---- */

static bool spawn(const struct devnet *devnet, struct devnet_between *between, struct error *error)
{
    char *folder = devnet_path(devnet, between->kind, NULL);
    char *output = devnet_path(devnet, between->kind, "events.jsonl");
    char *log = devnet_path(devnet, between->kind, "log");
    const struct process_files files = {.output = output, .log = log};
    bool started = file_make_folder(folder, error) &&
                   process_start(between->arguments, &files, &between->process, error);
    free(log);
    free(output);
    free(folder);
    return started && devnet_save(devnet, error);
}

/* What it has printed; freed with free(). */
static char *read_output(const struct devnet *devnet, const char *kind)
{
    char *path = devnet_path(devnet, kind, "events.jsonl"), *text = memory_new(READY_LINE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? pread(fd, text, READY_LINE_MAX, 0) : 0;
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    free(path);
    return text;
}

/* Its ready line, or NULL: it has not come yet. */
static json_t *find_ready(const struct devnet *devnet, const char *kind)
{
    char *text = read_output(devnet, kind), *end;
    json_t *ready = NULL;
    for (char *line = text; ready == NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_t *event = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *name = json_string_value(json_object_get(event, "event"));
        if (name != NULL && strcmp(name, "ready") == 0)
            ready = json_incref(event);
        json_decref(event);
    }
    free(text);
    return ready;
}

static json_t *wait_until_ready(const struct devnet *devnet, const struct devnet_between *between,
                                uint64_t timeout_ms, struct error *error)
{
    uint64_t deadline_ms = clock_now_ms() + timeout_ms;
    json_t *ready;
    while ((ready = find_ready(devnet, between->kind)) == NULL) {
        if (loop_was_interrupted())
            error_set(error, "interrupted");
        else if (clock_now_ms() >= deadline_ms)
            error_set(error, "the %s was not ready within %g s", between->kind,
                      (double)timeout_ms / 1000);
        else if (process_find_ended(&between->process, 1, LOOK_AGAIN_MS) == 0)
            error_set(error, "the %s ended before it was ready", between->kind);
        else
            continue;
        return NULL;
    }
    return ready;
}

bool devnet_start_between(struct devnet *devnet, const char *kind, char *const *arguments,
                          uint64_t timeout_ms, json_t **ready, struct error *error)
{
    struct devnet_between *between = renew(devnet, kind);
    between->arguments = words_copy(arguments);
    *ready =
        spawn(devnet, between, error) ? wait_until_ready(devnet, between, timeout_ms, error) : NULL;
    if (*ready == NULL)
        return false;
    const char *api = json_string_value(json_object_get(*ready, "api"));
    between->api = api != NULL ? text_copy(api) : NULL;
    return devnet_save(devnet, error);
}

/* ---- asking one ---- */

struct question {
    struct loop loop;
    const struct devnet_between *between;
    bool over;
    json_t *answer;
    struct error *error;
};

static void answered(void *context, int status, const json_t *answer, const char *problem)
{
    struct question *question = context;
    const char *told = json_string_value(json_object_get(answer, "error"));
    const char *kind = question->between->kind;
    question->over = true;
    if (status == 200)
        question->answer = json_incref((json_t *)(uintptr_t)answer);
    else if (status == 0 && !process_is_running(&question->between->process))
        error_set(question->error, "the %s has ended: 'devnet down', then up, starts another",
                  kind);
    else if (status == 0)
        error_set(question->error, "the %s does not answer: %s", kind, problem);
    else
        error_set(question->error, "the %s refused: %s", kind,
                  told != NULL ? told : "it does not say why");
    event_base_loopbreak(question->loop.base);
}

json_t *devnet_ask_between(const struct devnet_between *between, const char *path, json_t *body,
                           struct error *error)
{
    static const struct api_call_handlers handlers = {.done = answered};
    struct question question = {.between = between, .error = error};
    loop_init(&question.loop);
    struct api_call *call = api_call_new(
        question.loop.base, between->api != NULL ? between->api : "", body != NULL ? "POST" : "GET",
        path, body, ANSWER_TIMEOUT_MS, &handlers, &question, error);
    if (call != NULL && !loop_run(&question.loop)) {
        error_set(error, "interrupted");
        if (!question.over)
            api_call_cancel(call);
    }
    loop_clear(&question.loop);
    return question.answer;
}

/* ---- as devnet.json has them ---- */

static json_t *describe(const struct devnet_between *between)
{
    json_t *arguments = json_array();
    for (size_t i = 0; between->arguments != NULL && between->arguments[i] != NULL; i++)
        json_array_append_new(arguments, json_string(between->arguments[i]));
    return json_pack("{s:s,s:I,s:I,s:s*,s:o}", "kind", between->kind, "pid",
                     (json_int_t)between->process.pid, "start_time",
                     (json_int_t)between->process.start_time, "api", between->api, "arguments",
                     arguments);
}

json_t *between_describe_all(const struct devnet *devnet)
{
    json_t *list = devnet->between_count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < devnet->between_count; i++)
        json_array_append_new(list, describe(&devnet->between[i]));
    return list;
}

static void load(struct devnet *devnet, const json_t *entry)
{
    struct devnet_between *between =
        renew(devnet, json_string_value(json_object_get(entry, "kind")));
    const char *api = json_string_value(json_object_get(entry, "api"));
    const json_t *arguments = json_object_get(entry, "arguments");
    between->process.pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));
    between->process.start_time =
        (uint64_t)json_integer_value(json_object_get(entry, "start_time"));
    between->api = api != NULL ? text_copy(api) : NULL;
    between->arguments = memory_new((json_array_size(arguments) + 1) * sizeof(*between->arguments));
    for (size_t i = 0; i < json_array_size(arguments); i++)
        between->arguments[i] = text_copy(json_string_value(json_array_get(arguments, i)));
}

void between_load_all(struct devnet *devnet, const json_t *list)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(list, index, entry)
    {
        load(devnet, entry);
    }
}

void between_clear_all(struct devnet *devnet)
{
    for (size_t i = 0; i < devnet->between_count; i++)
        clear(&devnet->between[i]);
    free(devnet->between);
    devnet->between = NULL;
    devnet->between_count = 0;
}
