#include "net/mesh/lean_ask.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/client.h"
#include "net/mesh/lean_answer.h"

enum {
    HTTP_OK = 200,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ALLOWED = 405,
    HTTP_NOT_THERE = 501,
    HTTP_NOT_YET = 503,
};

struct route_call {
    struct asking *asking;
    enum lean_route route;
    json_t *told;
    struct error error; /* where an answer came that told nothing */
};

struct asking {
    struct event_base *base;
    char *url; /* without a slash at the end */
    uint64_t timeout_ms;
    struct route_call calls[LEAN_ROUTES];
    size_t running;
    json_t *lean, *faults;
    lean_asked done;
    void *context;
};

static void over(struct asking *asking)
{
    asking->done(asking->context, asking->lean, asking->faults);
    json_decref(asking->lean);
    json_decref(asking->faults);
    free(asking->url);
    free(asking);
}

static void blame(const struct route_call *call, int status)
{
    char *url = text_format("%s%s", call->asking->url, lean_route_path(call->route));
    char *safe =
        utf8_safe_text(bytes_of_text(call->error.text)); /* a character may have been cut */
    json_array_append_new(call->asking->faults, json_pack("[s, s, i]", url, safe, status));
    free(safe);
    free(url);
}

static void came(void *context, struct bytes body)
{
    struct route_call *call = context;
    call->told = lean_answer_parse(call->route, body, &call->error);
    if (call->told == NULL)
        error_prefix(&call->error, "%s%s", call->asking->url, lean_route_path(call->route));
}

/* But for health, a route may be missing, or have nothing to tell before there is a chain. */
static bool may_lack(const struct route_call *call, int status)
{
    return call->route != LEAN_HEALTH && (status == HTTP_NOT_FOUND || status == HTTP_NOT_ALLOWED ||
                                          status == HTTP_NOT_THERE || status == HTTP_NOT_YET);
}

static void ask(struct asking *asking, enum lean_route route);

static void call_over(void *context, int status, const json_t *answer, const char *problem)
{
    (void)answer;
    struct route_call *call = context;
    struct asking *asking = call->asking;
    if (status == 0)
        error_set(&call->error, "%s", problem);
    else if (status != HTTP_OK)
        error_set(&call->error, "%s%s: answered %d%s", asking->url, lean_route_path(call->route),
                  status, call->route == LEAN_HEALTH ? "; no Lean node's API is there" : "");
    if (call->told == NULL && !may_lack(call, status))
        blame(call, status);
    if (call->told != NULL && call->route == LEAN_HEALTH) {
        asking->lean = json_object();
        for (enum lean_route route = LEAN_HEALTH + 1; route < LEAN_ROUTES; route++)
            ask(asking, route);
    }
    if (asking->lean != NULL)
        json_object_set_new(asking->lean, lean_route_name(call->route),
                            call->told != NULL ? call->told : json_null());
    if (--asking->running == 0)
        over(asking);
}

static void ask(struct asking *asking, enum lean_route route)
{
    static const struct api_call_handlers handlers = {.text = came, .done = call_over};
    struct route_call *call = &asking->calls[route];
    *call = (struct route_call){.asking = asking, .route = route};
    asking->running++;
    api_call_new(asking->base, asking->url, "GET", lean_route_path(route), NULL, asking->timeout_ms,
                 &handlers, call, NULL);
}

void lean_ask(struct event_base *base, const char *url, uint64_t timeout_ms, lean_asked done,
              void *context)
{
    struct asking *asking = memory_new(sizeof(*asking));
    size_t length = strlen(url);
    bool slash = length > 0 && url[length - 1] == '/';
    asking->base = base;
    asking->url = text_format("%.*s", (int)(length - slash), url);
    asking->timeout_ms = timeout_ms;
    asking->done = done;
    asking->context = context;
    asking->faults = json_array();
    ask(asking, LEAN_HEALTH);
}
