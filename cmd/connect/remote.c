#include "cmd/connect/remote.h"

#include <stdio.h>

#include "cmd/connect/report.h"
#include "common/event.h"
#include "net/api/client.h"

enum { API_FAILED = 9, API_GRACE_MS = 5000 };

struct remote {
    const struct connect_settings *settings;
    struct event_base *base;
    json_t *steps, *result;
    struct error error;
};

static bool is_done(const json_t *line)
{
    const char *step = json_string_value(json_object_get(line, "step"));
    return step != NULL && strcmp(step, "done") == 0;
}

static void on_line(void *context, const json_t *line)
{
    struct remote *remote = context;
    if (is_done(line)) {
        json_decref(remote->result);
        remote->result = json_deep_copy(line);
        return;
    }
    json_t *told = json_deep_copy(line);
    report_name_peer(told);
    json_array_append_new(remote->steps, told);
    if (!remote->settings->json)
        report_step(told);
}

static void on_done(void *context, int status, const json_t *answer, const char *error)
{
    struct remote *remote = context;
    const char *message = json_string_value(json_object_get(answer, "error"));
    if (status == 0)
        error_set(&remote->error, "%s", error != NULL ? error : "no answer");
    else if (status != 200)
        error_set(&remote->error, "status %d: %s", status, message != NULL ? message : "?");
    else
        error_set(&remote->error, "the answer broke off");
    event_base_loopbreak(remote->base);
}

static json_t *request_body(const struct connect_settings *settings)
{
    char timeout[32];
    snprintf(timeout, sizeof(timeout), "%llums", (unsigned long long)settings->timeout_ms);
    return json_pack("{s:s, s:s, s:s, s:s*}", "addr", settings->target, "until",
                     attempt_step_names[settings->until], "timeout", timeout, "topic",
                     settings->topics.count > 0 ? settings->topics.items[0] : NULL);
}

/* What the API did not say, for --json's sake. */
static void complete_result(struct remote *remote)
{
    if (remote->result == NULL) {
        const char *error = remote->error.text;
        remote->result = json_pack("{s:s, s:s, s:i, s:o}", "target", remote->settings->name,
                                   "reached", "none", "exit", API_FAILED, "error",
                                   json_sprintf("%s: %s", remote->settings->from, error));
    }
    json_object_del(remote->result, "step");
    report_name_peer(remote->result);
    json_object_set(remote->result, "steps", remote->steps);
    json_object_set_new(remote->result, "from", json_string(remote->settings->from));
}

static int exit_of(const json_t *result)
{
    const json_t *code = json_object_get(result, "exit");
    bool known = json_is_integer(code) && json_integer_value(code) >= 0 &&
                 json_integer_value(code) <= API_FAILED;
    return known ? (int)json_integer_value(code) : API_FAILED;
}

int connect_remote(const struct connect_settings *settings)
{
    static const struct api_call_handlers handlers = {.line = on_line, .done = on_done};
    struct remote remote = {.settings = settings, .steps = json_array()};
    remote.base = event_base_make(0);
    struct api_call *call =
        api_call_new(remote.base, settings->from, "POST", "/connect", request_body(settings),
                     settings->timeout_ms + API_GRACE_MS, &handlers, &remote, &remote.error);
    if (call != NULL)
        event_base_dispatch(remote.base);
    complete_result(&remote);
    if (settings->json)
        report_result(remote.result);
    report_error(settings->name, remote.result);
    int code = exit_of(remote.result);
    json_decref(remote.result);
    json_decref(remote.steps);
    event_base_free(remote.base);
    return code;
}
