#include "devnet/paths.h"

#include <stdlib.h>

#include "common/memory.h"
#include "devnet/loop.h"
#include "net/api/client.h"

enum { ANSWER_TIMEOUT_MS = 5000 };

static const char relay[] = "relay";

const struct devnet_between *devnet_find_relay(const struct devnet *devnet)
{
    return devnet_find_between(devnet, relay);
}

bool devnet_start_relay(struct devnet *devnet, const char *program, const char *const *rules,
                        size_t count, uint64_t timeout_ms, struct error *error)
{
    const char *own[] = {program, "--api", "127.0.0.1:0"};
    const size_t own_count = sizeof(own) / sizeof(*own);
    const char **arguments = memory_new((own_count + 2 * count + 1) * sizeof(*arguments));
    size_t used = 0;
    json_t *ready;
    while (used < own_count) {
        arguments[used] = own[used];
        used++;
    }
    for (size_t i = 0; i < count; i++) {
        arguments[used++] = "--path";
        arguments[used++] = rules[i];
    }
    bool started = devnet_start_between(devnet, relay, (char *const *)(uintptr_t)arguments,
                                        timeout_ms, &ready, error);
    json_decref(ready);
    free(arguments);
    return started;
}

struct question {
    struct loop loop;
    json_t *answer;
    struct error *error;
};

static void answered(void *context, int status, const json_t *answer, const char *problem)
{
    struct question *question = context;
    const char *told = json_string_value(json_object_get(answer, "error"));
    if (status == 200)
        question->answer = json_incref((json_t *)(uintptr_t)answer);
    else if (status == 0)
        error_set(question->error, "the relay does not answer: %s", problem);
    else
        error_set(question->error, "the relay refused: %s",
                  told != NULL ? told : "it does not say why");
    event_base_loopbreak(question->loop.base);
}

json_t *paths_ask(const struct devnet *devnet, const char *path, json_t *body, struct error *error)
{
    static const struct api_call_handlers handlers = {.done = answered};
    const struct devnet_between *between = devnet_find_relay(devnet);
    struct question question = {.error = error};
    if (between == NULL || between->api == NULL) {
        json_decref(body);
        error_set_kind(error, ERROR_CONFLICT,
                       "no relay stands between the nodes in %s, and a direct connection cannot be "
                       "changed: `devnet up` with --partitionable or --path puts one there",
                       devnet->folder);
        return NULL;
    }
    loop_init(&question.loop);
    struct api_call *call =
        api_call_new(question.loop.base, between->api, body != NULL ? "POST" : "GET", path, body,
                     ANSWER_TIMEOUT_MS, &handlers, &question, error);
    if (call != NULL && !loop_run(&question.loop)) {
        error_set(error, "interrupted");
        if (question.answer == NULL)
            api_call_cancel(call);
    }
    loop_clear(&question.loop);
    return question.answer;
}
