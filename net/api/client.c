#include "net/api/client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/address.h"

enum {
    ANSWER_HEADERS_MAX = 16384,
    REASON_SIZE_MAX = 60, /* of what stands behind the status, in messages */
    IDLE_SECONDS_MAX = 365 * 24 * 3600,
};

struct api_call {
    struct evhttp_connection *connection;
    struct evhttp_request *request; /* NULL once it is over */
    struct event *deadline;
    struct event *finish;
    struct api_call_handlers handlers;
    void *context;
    char *target; /* for messages: "http://127.0.0.1:8080/mesh" */
    uint64_t timeout_ms;
    struct evbuffer *body; /* what has come and is not a whole line yet, or the whole answer */
    bool reading;          /* inside of libevent's callback, where nothing may be freed */
    bool cancelled;
    bool ended;
    int status;
    json_t *answer;
    struct error error;
};

static void call_free(struct api_call *call)
{
    evhttp_connection_free(call->connection);
    event_free(call->deadline);
    event_free(call->finish);
    evbuffer_free(call->body);
    json_decref(call->answer);
    free(call->target);
    free(call);
}

/* Outside of libevent's callbacks, so that the connection can be freed. */
static void finish(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct api_call *call = argument;
    if (!call->cancelled)
        call->handlers.done(call->context, call->status, call->answer,
                            call->status == 0 ? call->error.text : NULL);
    call_free(call);
}

static void end(struct api_call *call)
{
    if (call->ended)
        return;
    call->ended = true;
    event_active(call->finish, EV_TIMEOUT, 0);
}

static void fail(struct api_call *call, const char *what)
{
    if (call->ended)
        return;
    call->status = 0;
    error_set(&call->error, "%s: %s", call->target, what);
    end(call);
}

static void deadline_passed(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct api_call *call = argument;
    char text[64];
    snprintf(text, sizeof(text), "no whole answer within %g s", (double)call->timeout_ms / 1000);
    fail(call, text);
}

static bool is_streaming(const struct api_call *call)
{
    return call->handlers.line != NULL &&
           evhttp_request_get_response_code(call->request) == HTTP_OK;
}

static void deliver_lines(struct api_call *call)
{
    size_t length;
    char *line;
    while (!call->ended && !call->cancelled &&
           (line = evbuffer_readln(call->body, &length, EVBUFFER_EOL_LF)) != NULL) {
        json_t *value = length > 0 ? json_loadb(line, length, JSON_DECODE_ANY, NULL) : NULL;
        free(line);
        if (value != NULL)
            call->handlers.line(call->context, value);
        else if (length > 0)
            fail(call, "answered a line that is not JSON");
        json_decref(value);
    }
}

static void part_came(struct evhttp_request *request, void *argument)
{
    struct api_call *call = argument;
    evbuffer_add_buffer(call->body, evhttp_request_get_input_buffer(request));
    call->reading = true;
    if (is_streaming(call))
        deliver_lines(call);
    call->reading = false;
    if (evbuffer_get_length(call->body) > API_ANSWER_MAX)
        fail(call, "the answer is too large");
}

static void read_answer(struct api_call *call)
{
    size_t size = evbuffer_get_length(call->body);
    const char *text = (const char *)evbuffer_pullup(call->body, -1);
    call->status = evhttp_request_get_response_code(call->request);
    if (call->handlers.text != NULL) {
        if (call->status == HTTP_OK)
            call->handlers.text(call->context, bytes_of(text, size));
        end(call);
        return;
    }
    call->answer = size > 0 ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;
    if (call->answer != NULL) {
        end(call);
        return;
    }
    const char *reason = evhttp_request_get_response_code_line(call->request);
    char *safe = utf8_safe_text(bytes_of(reason, reason ? strnlen(reason, REASON_SIZE_MAX) : 0));
    char *problem = text_format("answered %d %s without JSON", call->status, safe);
    fail(call, problem);
    free(problem);
    free(safe);
}

/* At the end of the answer, or where there is none. */
static void request_over(struct evhttp_request *request, void *argument)
{
    struct api_call *call = argument;
    if (call->ended || call->cancelled) {
        call->request = NULL;
        return;
    }
    if (request == NULL || evhttp_request_get_response_code(request) == 0) {
        fail(call, "cannot connect: is a node running there?");
    } else if (is_streaming(call)) {
        evbuffer_add(call->body, "\n", 1); /* the last line may lack it */
        call->reading = true;
        deliver_lines(call);
        call->reading = false;
        call->status = evhttp_request_get_response_code(request);
        end(call);
    } else {
        read_answer(call);
    }
    call->request = NULL;
}

static void request_failed(enum evhttp_request_error kind, void *argument)
{
    static const char *const reasons[] = {
        [EVREQ_HTTP_TIMEOUT] = "no answer in time",
        [EVREQ_HTTP_EOF] = "the connection ended before the answer did",
        [EVREQ_HTTP_INVALID_HEADER] = "what answers there is not HTTP",
        [EVREQ_HTTP_BUFFER_ERROR] = "the connection failed",
        [EVREQ_HTTP_DATA_TOO_LONG] = "the answer is malformed or too large",
    };
    if (kind != EVREQ_HTTP_REQUEST_CANCEL)
        fail(argument, reasons[kind]);
}

/* Reads "http://127.0.0.1:8080/", "[::1]:8080" or "localhost:8080". */
static bool parse_url(const char *url, struct api_address *address, struct error *error)
{
    const char *start = strncmp(url, "http://", 7) == 0 ? url + 7 : url;
    size_t length = strlen(start);
    if (length > 0 && start[length - 1] == '/')
        length--;
    char *authority = text_format("%.*s", (int)length, start);
    bool parsed = api_address_parse(authority, address) && address->port != 0;
    free(authority);
    return parsed ||
           error_set(error, "%s: not an API address; expected http://127.0.0.1:PORT", url);
}

bool api_url_check(const char *url, struct error *error)
{
    struct api_address address;
    return parse_url(url, &address, error);
}

static void add_headers(struct evhttp_request *request, const struct api_address *address,
                        bool has_body, bool wants_text)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char *authority = text_format("%s:%u", address->host, address->port);
    evhttp_add_header(headers, "Host", authority);
    evhttp_add_header(headers, "Connection", "close");
    evhttp_add_header(headers, "Accept", wants_text ? "text/plain" : "application/json");
    if (has_body)
        evhttp_add_header(headers, "Content-Type", "application/json");
    free(authority);
}

static struct evhttp_request *make_request(struct api_call *call, const struct api_address *address,
                                           const json_t *body)
{
    struct evhttp_request *request = evhttp_request_new(request_over, call);
    evhttp_request_set_chunked_cb(request, part_came);
    evhttp_request_set_error_cb(request, request_failed);
    add_headers(request, address, body != NULL, call->handlers.text != NULL);
    if (body != NULL) {
        char *text = json_dumps(body, JSON_COMPACT);
        evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
        free(text);
    }
    return request;
}

static struct evhttp_connection *make_connection(struct event_base *base,
                                                 const struct api_address *address)
{
    char host[INET6_ADDRSTRLEN];
    getnameinfo((const struct sockaddr *)&address->socket, address->size, host, sizeof(host), NULL,
                0, NI_NUMERICHOST);
    struct bufferevent *bufferevent = bufferevent_socket_new(base, -1, 0);
    /* libevent collects a chunk, of any size, before it hands it over. */
    bufferevent_setwatermark(bufferevent, EV_READ, 0, API_ANSWER_MAX + ANSWER_HEADERS_MAX);
    struct evhttp_connection *connection =
        evhttp_connection_base_bufferevent_new(base, NULL, bufferevent, host, address->port);
    evhttp_connection_set_max_headers_size(connection, ANSWER_HEADERS_MAX);
    evhttp_connection_set_timeout(connection, IDLE_SECONDS_MAX); /* the deadline is ours */
    return connection;
}

struct api_call *api_call_new(struct event_base *base, const char *url, const char *method,
                              const char *path, json_t *body, uint64_t timeout_ms,
                              const struct api_call_handlers *handlers, void *context,
                              struct error *error)
{
    struct api_address address;
    if (!parse_url(url, &address, error)) {
        json_decref(body);
        return NULL;
    }
    struct api_call *call = memory_new(sizeof(*call));
    call->handlers = *handlers;
    call->context = context;
    call->timeout_ms = timeout_ms;
    call->target = text_format("http://%s:%u%s", address.host, address.port, path);
    call->body = evbuffer_new();
    call->deadline = evtimer_new(base, deadline_passed, call);
    call->finish = event_new(base, -1, 0, finish, call);
    call->connection = make_connection(base, &address);
    call->request = make_request(call, &address, body);
    json_decref(body);
    if (timeout_ms > 0)
        event_arm(call->deadline, &(struct timeval){.tv_sec = (time_t)(timeout_ms / 1000),
                                                    .tv_usec = (timeout_ms % 1000) * 1000});
    bool post = strcmp(method, "POST") == 0;
    if (evhttp_make_request(call->connection, call->request,
                            post ? EVHTTP_REQ_POST : EVHTTP_REQ_GET, path) != 0) {
        call->request = NULL; /* freed by libevent */
        fail(call, "cannot connect");
    }
    return call;
}

void api_call_cancel(struct api_call *call)
{
    call->cancelled = true;
    if (call->reading)
        end(call);
    else
        call_free(call);
}
