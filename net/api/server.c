#include "net/api/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/address.h"
#include "net/api/error_page.h"

enum {
    LISTEN_BACKLOG = 64,
    CATCH_UP_MS = 50,
    ACCEPT_PAUSE_MS = 100, /* where the system lets no further connection in */
};

struct api_server {
    struct event_base *base;
    struct evhttp *http;
    struct event *resume; /* accepting connections */
    const struct api_route *routes;
    void *context;
    struct api_address address;
    char *url;
    bool is_public;
    size_t body_max;
    unsigned requests; /* from their arrival until the last byte of the answer is out */
    LIST_ENTRY(api_server) link;
};

/* A listener that fails names its evhttp alone. */
static LIST_HEAD(, api_server) servers = LIST_HEAD_INITIALIZER(servers);

enum request_state { WAITING, STREAMING, ANSWERED };

struct api_request {
    struct api_server *server;
    struct evhttp_request *http;
    enum request_state state;
    void (*closed)(void *argument);
    void *closed_argument;
    struct event *cut_off;                           /* set once the client is too slow a reader */
    json_t *(*lost)(void *argument, uint64_t count); /* NULL: it is cut off then */
    uint64_t lost_lines;                             /* since the last that it was sent */
    struct event *catch_up;                          /* while there are any: has it read on? */
};

static const struct {
    const char *method;
    enum evhttp_cmd_type command;
} methods[] = {{"GET", EVHTTP_REQ_GET}, {"POST", EVHTTP_REQ_POST}};

static void request_free(struct api_request *request)
{
    request->server->requests--;
    if (request->lost_lines > 0)
        log_warn("api: a client went away that read too slowly: it lost %llu lines",
                 (unsigned long long)request->lost_lines);
    if (request->cut_off != NULL)
        event_free(request->cut_off);
    if (request->catch_up != NULL)
        event_free(request->catch_up);
    free(request);
}

/* The connection ends, by the client's doing, a timeout, or the server's end. */
static void connection_closed(struct evhttp_connection *connection, void *argument)
{
    (void)connection;
    struct api_request *request = argument;
    /* libevent leaves a request that was not answered yet to us, except when the server ends. */
    if (evhttp_request_get_connection(request->http) == NULL)
        evhttp_request_free(request->http);
    if (request->state == STREAMING && request->closed != NULL)
        request->closed(request->closed_argument);
    request_free(request);
}

static void answer_sent(struct evhttp_request *http, void *argument)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(http), NULL, NULL);
    request_free(argument);
}

/* Puts one JSON value and a newline into BUFFER. */
static void write_json(struct evbuffer *buffer, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    evbuffer_add(buffer, text, strlen(text));
    evbuffer_add(buffer, "\n", 1);
    free(text);
}

static void set_header(struct api_request *request, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(request->http), name, value);
}

static void send_reply(struct api_request *request, int status, const char *type,
                       struct evbuffer *text)
{
    set_header(request, "Content-Type", type);
    set_header(request, "Cache-Control", "no-store");
    request->state = ANSWERED;
    evhttp_send_reply(request->http, status, NULL, text);
    evbuffer_free(text);
}

void api_reply(struct api_request *request, int status, json_t *body)
{
    struct evbuffer *text = evbuffer_new();
    if (evhttp_request_get_command(request->http) != EVHTTP_REQ_HEAD)
        write_json(text, body);
    json_decref(body);
    send_reply(request, status, "application/json", text);
}

void api_reply_text(struct api_request *request, const char *type, const char *content)
{
    struct evbuffer *text = evbuffer_new();
    evbuffer_add(text, content, strlen(content));
    send_reply(request, HTTP_OK, type, text);
}

void api_reply_error(struct api_request *request, int status, const char *format, ...)
{
    struct error error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.text, sizeof(error.text), format, arguments);
    va_end(arguments);
    char *safe = utf8_safe_text(bytes_of_text(error.text));
    api_reply(request, status, json_pack("{s:s}", "error", safe));
    free(safe);
}

void api_reply_failure(struct api_request *request, const struct error *error)
{
    static const int statuses[] = {[ERROR_INVALID] = HTTP_BADREQUEST,
                                   [ERROR_NOT_FOUND] = HTTP_NOTFOUND,
                                   [ERROR_CONFLICT] = 409,
                                   [ERROR_FULL] = 429,
                                   [ERROR_SYSTEM] = HTTP_INTERNAL};
    api_reply_error(request, statuses[error->kind], "%s", error->text);
}

void api_stream_start(struct api_request *request, void (*closed)(void *argument), void *argument)
{
    request->state = STREAMING;
    request->closed = closed;
    request->closed_argument = argument;
    set_header(request, "Content-Type", "application/x-ndjson");
    set_header(request, "Cache-Control", "no-store");
    set_header(request, "Connection", "close");
    /* The client has nothing more to say, for as long as the stream lives. */
    struct evhttp_connection *connection = evhttp_request_get_connection(request->http);
    struct timeval idle = {.tv_sec = API_IDLE_SECONDS};
    bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection), NULL, &idle);
    evhttp_send_reply_start(request->http, HTTP_OK, NULL);
}

static void cut_off_slow_reader(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct api_request *request = argument;
    log_warn("api: a client does not read its answer: cut off with %d bytes waiting",
             API_STREAM_BUFFER_MAX);
    evhttp_connection_free(evhttp_request_get_connection(request->http));
}

static size_t unread(const struct api_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request->http);
    struct bufferevent *bufferevent = evhttp_connection_get_bufferevent(connection);
    return evbuffer_get_length(bufferevent_get_output(bufferevent));
}

static void send_line(struct api_request *request, const json_t *line)
{
    struct evbuffer *text = evbuffer_new();
    write_json(text, line);
    evhttp_send_reply_chunk(request->http, text);
    evbuffer_free(text);
}

static void tell_losses(struct api_request *request)
{
    if (request->lost_lines == 0)
        return;
    json_t *line = request->lost(request->closed_argument, request->lost_lines);
    request->lost_lines = 0;
    event_del(request->catch_up);
    send_line(request, line);
    json_decref(line);
}

static void look_for_catch_up(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    if (unread(argument) < API_STREAM_BUFFER_MAX / 2)
        tell_losses(argument);
}

static void lose_line(struct api_request *request)
{
    static const struct timeval often = {.tv_usec = CATCH_UP_MS * 1000};
    if (request->lost_lines++ > 0)
        return;
    log_warn("api: a client reads too slowly: with %d bytes waiting it loses what follows",
             API_STREAM_BUFFER_MAX);
    if (request->catch_up == NULL)
        request->catch_up =
            event_new(request->server->base, -1, EV_PERSIST, look_for_catch_up, request);
    event_arm(request->catch_up, &often);
}

void api_stream_may_lose(struct api_request *request,
                         json_t *(*lost)(void *argument, uint64_t count))
{
    request->lost = lost;
}

void api_stream_line(struct api_request *request, const json_t *line)
{
    if (request->cut_off != NULL)
        return;
    bool full = request->lost_lines > 0 || unread(request) > API_STREAM_BUFFER_MAX;
    if (full && request->lost != NULL) {
        lose_line(request);
    } else if (full) {
        /* Not here and now: the caller is still using the request. */
        request->cut_off = event_new(request->server->base, -1, 0, cut_off_slow_reader, request);
        event_active(request->cut_off, EV_TIMEOUT, 0);
    } else {
        send_line(request, line);
    }
}

void api_stream_end(struct api_request *request)
{
    tell_losses(request);
    request->state = ANSWERED;
    evhttp_send_reply_end(request->http);
}

/* Whether "HOST:PORT" is us. A web page whose name was made to resolve to 127.0.0.1 is not. */
static bool is_own_authority(const struct api_server *server, const char *authority)
{
    const char *hosts[] = {"127.0.0.1", "localhost", "[::1]", server->address.host};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        size_t length = strlen(hosts[i]);
        if (strncasecmp(authority, hosts[i], length) != 0)
            continue;
        const char *rest = authority + length;
        char port[8];
        snprintf(port, sizeof(port), ":%u", server->address.port);
        if (strcmp(rest, port) == 0 || (*rest == '\0' && server->address.port == 80))
            return true;
    }
    return false;
}

/* Whether the request comes from a program of this machine rather than from a web page. */
static bool check_sender(struct api_request *request)
{
    const char *host = NULL;
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request->http);
    for (struct evkeyval *header = headers->tqh_first; header; header = header->next.tqe_next) {
        if (strcasecmp(header->key, "Host") == 0) {
            host = header->value;
            if (!is_own_authority(request->server, host)) {
                api_reply_error(request, 403, "Host %s is not this server, which is %s", host,
                                request->server->url);
                return false;
            }
        } else if (strcasecmp(header->key, "Origin") == 0) {
            const char *origin = header->value;
            if (strncasecmp(origin, "http://", 7) != 0 ||
                !is_own_authority(request->server, origin + 7)) {
                api_reply_error(request, 403, "Origin %s is foreign", origin);
                return false;
            }
        }
    }
    if (host == NULL || evhttp_uri_get_host(evhttp_request_get_evhttp_uri(request->http)) != NULL) {
        api_reply_error(request, 403, "a Host header and a plain path are needed");
        return false;
    }
    return true;
}

/* Whether there is one answer to where the request ends: evhttp takes the first of several lengths.
 */
static bool check_length(struct api_request *request)
{
    const char *length = NULL;
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request->http);
    for (struct evkeyval *header = headers->tqh_first; header; header = header->next.tqe_next) {
        if (strcasecmp(header->key, "Content-Length") != 0)
            continue;
        if (length != NULL && strcmp(length, header->value) != 0) {
            set_header(request, "Connection", "close");
            api_reply_error(request, 400, "Content-Length is both %s and %s", length,
                            header->value);
            return false;
        }
        length = header->value;
    }
    return true;
}

/* Answers 404 or 405 itself where it returns NULL. */
static const struct api_route *find_route(struct api_request *request)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->http));
    enum evhttp_cmd_type command = evhttp_request_get_command(request->http);
    const char *allowed = NULL;
    for (const struct api_route *route = request->server->routes; route->method; route++) {
        if (path == NULL || strcmp(route->path, path) != 0)
            continue;
        allowed = route->method;
        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
            if (methods[i].command == command && strcmp(methods[i].method, allowed) == 0)
                return route;
    }
    if (allowed != NULL) {
        set_header(request, "Allow", allowed);
        api_reply_error(request, 405, "%s is for %s", path, allowed);
    } else {
        api_reply_error(request, 404, "no such path: %s", path ? path : "");
    }
    return NULL;
}

/* The body's JSON object; answers 400 itself where it returns NULL. */
static json_t *read_body(struct api_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request->http);
    size_t size = evbuffer_get_length(input);
    if (size == 0 || evhttp_request_get_command(request->http) == EVHTTP_REQ_GET)
        return json_object();
    json_error_t error;
    const char *text = (const char *)evbuffer_pullup(input, -1);
    json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (body == NULL) {
        api_reply_error(request, 400, "the body is not JSON: line %d, column %d: %s", error.line,
                        error.column, error.text);
    } else if (!json_is_object(body)) {
        json_decref(body);
        body = NULL;
        api_reply_error(request, 400, "the body is not a JSON object");
    }
    return body;
}

static void handle_request(struct evhttp_request *http, void *argument)
{
    struct api_server *server = argument;
    struct api_request *request = memory_new(sizeof(*request));
    request->server = server;
    request->http = http;
    server->requests++;
    evhttp_connection_set_closecb(evhttp_request_get_connection(http), connection_closed, request);
    evhttp_request_set_on_complete_cb(http, answer_sent, request);

    if (!check_length(request) || (!server->is_public && !check_sender(request)))
        return;
    if (server->requests > API_STREAMS_MAX) {
        api_reply_error(request, 503, "%d answers are being written: try again later",
                        API_STREAMS_MAX);
        return;
    }
    const struct api_route *route = find_route(request);
    json_t *body = route != NULL ? read_body(request) : NULL;
    if (body != NULL)
        route->handler(server->context, request, body);
    json_decref(body);
}

/* What one connection may buffer: a body and its headers, and of a next request no more. */
static struct bufferevent *make_connection(struct event_base *base, void *argument)
{
    const struct api_server *server = argument;
    struct bufferevent *bufferevent = bufferevent_socket_new(base, -1, 0);
    if (bufferevent == NULL)
        return NULL;
    bufferevent_setwatermark(bufferevent, EV_READ, 0, server->body_max + 2 * API_HEADERS_MAX);
    error_page_replace(bufferevent, &server->body_max);
    return bufferevent;
}

/* Without file descriptors to spare, a connection that waits would be reported again at once. */
static void on_accept_failed(struct evconnlistener *listener, void *http)
{
    struct api_server *server = LIST_FIRST(&servers);
    while (server->http != http)
        server = LIST_NEXT(server, link);
    struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
    log_warn("api: cannot accept a connection: %s", strerror(EVUTIL_SOCKET_ERROR()));
    evconnlistener_disable(listener);
    event_arm(server->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    evconnlistener_enable(argument);
}

/* Fills in where the listener really is. */
static void note_address(struct api_server *server, int fd)
{
    struct sockaddr_storage socket = {0};
    socklen_t size = sizeof(socket);
    getsockname(fd, (struct sockaddr *)&socket, &size);
    api_address_from_socket(&socket, &server->address);
    server->url = text_format("http://%s:%u", server->address.host, server->address.port);
}

static struct evhttp *make_http(struct api_server *server)
{
    struct evhttp *http = evhttp_new(server->base);
    evhttp_set_max_headers_size(http, API_HEADERS_MAX);
    evhttp_set_max_body_size(http, (ev_ssize_t)server->body_max);
    /* Reads a body that is too large to its end, so that the client is there to see the 413. */
    evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_timeout(http, server->is_public ? API_PUBLIC_IDLE_SECONDS : API_IDLE_SECONDS);
    evhttp_set_bevcb(http, make_connection, server);
    evhttp_set_gencb(http, handle_request, server);
    return http;
}

static struct api_server *serve(struct event_base *base, const char *listen,
                                const struct api_address *address, bool is_public,
                                struct error *error)
{
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        LISTEN_BACKLOG, (const struct sockaddr *)&address->socket, (int)address->size);
    if (listener == NULL) {
        error_set_kind(error, ERROR_SYSTEM, "%s: the API cannot listen there: %s", listen,
                       strerror(errno));
        return NULL;
    }
    struct api_server *server = memory_new(sizeof(*server));
    server->base = base;
    server->is_public = is_public;
    server->body_max = is_public ? 0 : API_BODY_MAX;
    server->http = make_http(server);
    LIST_INSERT_HEAD(&servers, server, link);
    server->resume = evtimer_new(base, on_resume, listener);
    evhttp_bind_listener(server->http, listener);
    evconnlistener_set_error_cb(listener, on_accept_failed);
    note_address(server, evconnlistener_get_fd(listener));
    return server;
}

static void set_routes(struct api_server *server, const struct api_route *routes, void *context)
{
    if (server == NULL)
        return;
    server->routes = routes;
    server->context = context;
}

struct api_server *api_server_new(struct event_base *base, const char *listen,
                                  const struct api_route *routes, void *context,
                                  struct error *error)
{
    struct api_address address;
    if (!api_address_check(listen, &address, error))
        return NULL;
    struct api_server *server = serve(base, listen, &address, false, error);
    set_routes(server, routes, context);
    return server;
}

struct api_server *api_server_new_public(struct event_base *base, const char *listen,
                                         const struct api_route *routes, void *context,
                                         struct error *error)
{
    struct api_address address;
    if (!api_address_parse(listen, &address)) {
        error_set(error, "%s: not an address to listen on; write ADDRESS:PORT", listen);
        return NULL;
    }
    struct api_server *server = serve(base, listen, &address, true, error);
    set_routes(server, routes, context);
    return server;
}

void api_server_free(struct api_server *server)
{
    if (server == NULL)
        return;
    LIST_REMOVE(server, link);
    event_free(server->resume);
    evhttp_free(server->http);
    free(server->url);
    free(server);
}

const char *api_server_url(const struct api_server *server)
{
    return server->url;
}
