/* Asks a node's HTTP API. Asynchronous, on libevent, answers bounded in size and time. */
#ifndef NET_API_CLIENT_H
#define NET_API_CLIENT_H

#include <event2/event.h>
#include <jansson.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum { API_ANSWER_MAX = 64 * 1024 * 1024 }; /* of a streaming answer: each line */

struct api_call;

struct api_call_handlers {
    /* Each JSON value of a streaming answer, as it comes; borrowed. NULL: lines are not split, and
     * the whole answer goes to `done`, as does an answer whose status is not 200. */
    void (*line)(void *context, const json_t *line);
    /* The whole answer as it is, where its status is 200, and `done` follows without an ANSWER.
     * NULL: it is JSON. */
    void (*text)(void *context, struct bytes text);
    /* Once, at the end. STATUS is the HTTP status, or 0 with ERROR set where there is no answer
     * (refused, timed out, not JSON, too large). ANSWER is borrowed, and NULL after lines. */
    void (*done)(void *context, int status, const json_t *answer, const char *error);
};

/* Whether api_call_new takes this URL. */
bool api_url_check(const char *url, struct error *error);

/*
 * URL is the API's, such as "http://127.0.0.1:8080" ("127.0.0.1:8080" too): an IP address or
 * localhost, so that no name is looked up. BODY is taken over and may be NULL. TIMEOUT_MS bounds
 * the whole call; 0: no limit. NULL with the error set where the URL is no such thing. The call
 * frees itself after `done`.
 */
struct api_call *api_call_new(struct event_base *base, const char *url, const char *method,
                              const char *path, json_t *body, uint64_t timeout_ms,
                              const struct api_call_handlers *handlers, void *context,
                              struct error *error);
/* Ends a call early, from a `line` handler too; `done` is not called. Not to be used once it was.
 */
void api_call_cancel(struct api_call *call);

#endif
