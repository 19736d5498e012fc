#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "net/api/address.h"
#include "net/api/client.h"
#include "net/api/server.h"

#include "tests/unit/support.h"

enum { PATIENCE_SECONDS = 20 };

/* A server whose handlers echo, stream or keep silent, and what the test saw of them. */
struct fixture {
    struct event_base *base;
    struct api_server *server;
    struct api_request *open; /* the request that /stream or /silent left open */
    unsigned closed;
    uint64_t lost; /* lines of a client that may lose some */
    /* What a client saw. */
    json_t *lines;
    json_t *answer;
    int status;
    char error[ERROR_TEXT_SIZE];
    bool done;
};

static void run_loop(struct fixture *fixture)
{
    event_base_loopexit(fixture->base, &(struct timeval){.tv_sec = PATIENCE_SECONDS});
    event_base_dispatch(fixture->base);
}

static void handle_health(void *context, struct api_request *request, const json_t *body)
{
    (void)context;
    assert_int_equal(json_object_size(body), 0);
    api_reply(request, 200, json_pack("{s:b}", "ok", 1));
}

static void handle_echo(void *context, struct api_request *request, const json_t *body)
{
    (void)context;
    api_reply(request, 200, json_deep_copy(body));
}

static void stream_closed(void *argument)
{
    struct fixture *fixture = argument;
    fixture->closed++;
    fixture->open = NULL;
    event_base_loopbreak(fixture->base);
}

static void handle_stream(void *context, struct api_request *request, const json_t *body)
{
    struct fixture *fixture = context;
    fixture->open = request;
    api_stream_start(request, stream_closed, fixture);
    json_int_t count = json_integer_value(json_object_get(body, "count"));
    for (json_int_t i = 0; i < count; i++) {
        json_t *line = json_pack("{s:I}", "number", i);
        api_stream_line(request, line);
        json_decref(line);
    }
    if (json_is_true(json_object_get(body, "end"))) {
        fixture->open = NULL;
        api_stream_end(request);
    }
}

static void handle_silent(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    struct fixture *fixture = context;
    fixture->open = request;
    event_base_loopbreak(fixture->base);
}

static void handle_large(void *context, struct api_request *request, const json_t *body)
{
    (void)context;
    (void)body;
    char *text = memory_new(API_ANSWER_MAX + 1);
    memset(text, 'x', API_ANSWER_MAX);
    api_reply(request, 200, json_pack("{s:s}", "text", text));
    free(text);
}

/* Fails as the body says: the kind's number. */
static void handle_failure(void *context, struct api_request *request, const json_t *body)
{
    (void)context;
    struct error error;
    enum error_kind kind = (enum error_kind)json_integer_value(json_object_get(body, "kind"));
    error_set_kind(&error, kind, "failed %s", "100%n");
    api_reply_failure(request, &error);
}

static const struct api_route routes[] = {
    {"POST", "/failure", handle_failure},
    {"GET", "/health", handle_health},
    {"POST", "/echo", handle_echo},
    {"POST", "/stream", handle_stream},
    {"GET", "/silent", handle_silent},
    {"GET", "/large", handle_large},
    {NULL, NULL, NULL},
};

static int set_up(void **state)
{
    struct fixture *fixture = memory_new(sizeof(*fixture));
    struct error error;
    fixture->base = event_base_new();
    fixture->lines = json_array();
    fixture->server = api_server_new(fixture->base, "127.0.0.1:0", routes, fixture, &error);
    assert_non_null(fixture->server);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    api_server_free(fixture->server);
    event_base_free(fixture->base);
    json_decref(fixture->lines);
    json_decref(fixture->answer);
    free(fixture);
    return 0;
}

static void client_line(void *context, const json_t *line)
{
    struct fixture *fixture = context;
    json_array_append(fixture->lines, (json_t *)line);
}

static void client_done(void *context, int status, const json_t *answer, const char *error)
{
    struct fixture *fixture = context;
    assert_false(fixture->done);
    fixture->done = true;
    fixture->status = status;
    json_decref(fixture->answer);
    fixture->answer = json_incref((json_t *)answer);
    snprintf(fixture->error, sizeof(fixture->error), "%s", error ? error : "");
    event_base_loopbreak(fixture->base);
}

static const struct api_call_handlers whole = {.done = client_done};
static const struct api_call_handlers by_line = {.line = client_line, .done = client_done};

static struct api_call *call(struct fixture *fixture, const char *url, const char *method,
                             const char *path, json_t *body, uint64_t timeout_ms,
                             const struct api_call_handlers *handlers)
{
    struct error error;
    fixture->done = false;
    struct api_call *made =
        api_call_new(fixture->base, url, method, path, body, timeout_ms, handlers, fixture, &error);
    assert_non_null(made);
    return made;
}

static void ask(struct fixture *fixture, const char *method, const char *path, json_t *body)
{
    call(fixture, api_server_url(fixture->server), method, path, body, 10000, &whole);
    run_loop(fixture);
    assert_true(fixture->done);
}

static void a_get_is_answered(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "GET", "/health", NULL);
    assert_int_equal(fixture->status, 200);
    assert_true(json_is_true(json_object_get(fixture->answer, "ok")));
    ask(fixture, "GET", "/health?with=query", NULL);
    assert_int_equal(fixture->status, 200);
}

static void a_post_carries_json_there_and_back(void **state)
{
    struct fixture *fixture = *state;
    json_t *body = json_pack("{s:s,s:[i,i]}", "name", "größe", "numbers", 1, 2);
    ask(fixture, "POST", "/echo", json_incref(body));
    assert_int_equal(fixture->status, 200);
    assert_true(json_equal(fixture->answer, body));
    json_decref(body);
    ask(fixture, "POST", "/echo", NULL);
    assert_int_equal(json_object_size(fixture->answer), 0);
}

static const char *answered_error(const struct fixture *fixture)
{
    const char *text = json_string_value(json_object_get(fixture->answer, "error"));
    return text ? text : "";
}

static void unknown_paths_and_methods_are_named(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "GET", "/nowhere", NULL);
    assert_int_equal(fixture->status, 404);
    assert_string_equal(answered_error(fixture), "no such path: /nowhere");
    ask(fixture, "GET", "/echo", NULL);
    assert_int_equal(fixture->status, 405);
    assert_string_equal(answered_error(fixture), "/echo is for POST");
}

static void each_kind_of_failure_has_its_status(void **state)
{
    static const int statuses[] = {[ERROR_INVALID] = 400,
                                   [ERROR_NOT_FOUND] = 404,
                                   [ERROR_CONFLICT] = 409,
                                   [ERROR_FULL] = 429,
                                   [ERROR_SYSTEM] = 500};
    struct fixture *fixture = *state;
    for (int kind = ERROR_INVALID; kind <= ERROR_SYSTEM; kind++) {
        ask(fixture, "POST", "/failure", json_pack("{s:i}", "kind", kind));
        assert_int_equal(fixture->status, statuses[kind]);
        assert_string_equal(answered_error(fixture), "failed 100%n");
    }
}

static void a_body_that_is_no_object_is_refused(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "POST", "/echo", json_pack("[i]", 1));
    assert_int_equal(fixture->status, 400);
    assert_string_equal(answered_error(fixture), "the body is not a JSON object");
}

static void lines_come_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, api_server_url(fixture->server), "POST", "/stream",
         json_pack("{s:i,s:b}", "count", 1000, "end", 1), 10000, &by_line);
    run_loop(fixture);
    assert_true(fixture->done);
    assert_int_equal(fixture->status, 200);
    assert_null(fixture->answer);
    assert_int_equal(json_array_size(fixture->lines), 1000);
    json_t *last = json_array_get(fixture->lines, 999);
    assert_int_equal(json_integer_value(json_object_get(last, "number")), 999);
    assert_int_equal(fixture->closed, 0);
}

static void an_error_instead_of_a_stream_is_the_answer(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, api_server_url(fixture->server), "POST", "/nowhere", NULL, 10000, &by_line);
    run_loop(fixture);
    assert_int_equal(fixture->status, 404);
    assert_int_equal(json_array_size(fixture->lines), 0);
    assert_string_equal(answered_error(fixture), "no such path: /nowhere");
}

static void cancel_at_line(void *context, const json_t *line)
{
    client_line(context, line);
    struct fixture *fixture = context;
    api_call_cancel((struct api_call *)json_integer_value(json_array_get(fixture->answer, 0)));
}

static void the_server_learns_that_a_client_went_away(void **state)
{
    struct fixture *fixture = *state;
    static const struct api_call_handlers cancelling = {.line = cancel_at_line,
                                                        .done = client_done};
    struct api_call *made = call(fixture, api_server_url(fixture->server), "POST", "/stream",
                                 json_pack("{s:i}", "count", 3), 10000, &cancelling);
    fixture->answer = json_pack("[I]", (json_int_t)(intptr_t)made);
    run_loop(fixture);
    assert_int_equal(fixture->closed, 1);
    assert_false(fixture->done);
    assert_int_equal(json_array_size(fixture->lines), 1);
}

static void a_server_that_ends_cuts_its_streams_off(void **state)
{
    struct fixture *fixture = *state;
    struct api_call *made = call(fixture, api_server_url(fixture->server), "POST", "/stream",
                                 json_pack("{s:i}", "count", 1), 10000, &by_line);
    while (json_array_size(fixture->lines) == 0)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    (void)made;
    api_server_free(fixture->server);
    fixture->server = NULL;
    assert_int_equal(fixture->closed, 1);
    run_loop(fixture); /* the break that `closed` asked for may come first */
    if (!fixture->done)
        run_loop(fixture);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error, "ended before the answer did"));
}

static void a_server_that_ends_drops_unanswered_requests(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, api_server_url(fixture->server), "GET", "/silent", NULL, 10000, &whole);
    run_loop(fixture);
    assert_non_null(fixture->open);
    api_server_free(fixture->server);
    fixture->server = NULL;
    run_loop(fixture);
    assert_true(fixture->done);
    assert_int_equal(fixture->status, 0);
}

static void a_call_ends_at_its_timeout(void **state)
{
    struct fixture *fixture = *state;
    call(fixture, api_server_url(fixture->server), "GET", "/silent", NULL, 50, &whole);
    run_loop(fixture);
    assert_non_null(fixture->open);
    run_loop(fixture);
    assert_true(fixture->done);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error, "/silent: no whole answer within 0.05 s"));
    /* The handler may answer all the same. */
    api_reply(fixture->open, 200, json_object());
}

static void an_answer_over_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "GET", "/large", NULL);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error, "too large"));
}

static void a_body_over_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char *text = memory_new(API_BODY_MAX + 1);
    memset(text, 'x', API_BODY_MAX);
    ask(fixture, "POST", "/echo", json_pack("{s:s}", "text", text));
    free(text);
    assert_int_equal(fixture->status, 413);
    assert_string_equal(answered_error(fixture),
                        "the body is larger than 22020096 bytes, or the size of a chunk of it is "
                        "malformed (chunk extensions are not read)");
}

static void raw_client_gone(struct bufferevent *client, short events, void *argument)
{
    (void)argument;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(client);
}

static void raw_client_came(struct evconnlistener *listener, evutil_socket_t fd,
                            struct sockaddr *address, int size, void *text)
{
    (void)address;
    (void)size;
    struct bufferevent *client =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, NULL, NULL, raw_client_gone, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    bufferevent_write(client, text, strlen(text));
}

/* Asks a server that answers TEXT, whatever it is. */
static void ask_raw(struct fixture *fixture, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct evconnlistener *listener =
        evconnlistener_new_bind(fixture->base, raw_client_came, (void *)(uintptr_t)text,
                                LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&address, (int)size);
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
    char *url = text_format("http://127.0.0.1:%u", ntohs(address.sin_port));
    call(fixture, url, "GET", "/health", NULL, 10000, &whole);
    run_loop(fixture);
    assert_true(fixture->done);
    evconnlistener_free(listener);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    free(url);
}

/* It goes to terminals, and into JSON. */
static void what_a_stranger_answers_is_made_safe(void **state)
{
    struct fixture *fixture = *state;
    ask_raw(fixture, "HTTP/1.1 500 \x1b[2J\xff!\r\nContent-Length: 1\r\n\r\nx");
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error, "answered 500 \uFFFD[2J\uFFFD! without JSON"));
}

static void a_refused_connection_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    char *url = text_copy(api_server_url(fixture->server));
    api_server_free(fixture->server);
    fixture->server = NULL;
    call(fixture, url, "GET", "/health", NULL, 10000, &whole);
    run_loop(fixture);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->error, "/health: cannot connect"));
    free(url);
}

static void urls_that_are_none_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const urls[] = {"",
                                       "http://",
                                       "https://127.0.0.1:1",
                                       "127.0.0.1",
                                       "127.0.0.1:0",
                                       "127.0.0.1:99999",
                                       "example.org:80",
                                       "http://127.0.0.1:80/mesh",
                                       "localhost:",
                                       "[::1]"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct error error = {0};
        assert_null(api_call_new(fixture->base, urls[i], "GET", "/health", json_object(), 1000,
                                 &whole, fixture, &error));
        assert_non_null(strstr(error.text, "not an API address"));
    }
}

static void what_is_not_loopback_is_not_listened_on(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_null(api_server_new(fixture->base, "0.0.0.0:0", routes, fixture, &error));
    assert_string_equal(error.text, "0.0.0.0:0: the API listens on loopback only");
    assert_null(api_server_new(fixture->base, "[::]:0", routes, fixture, &error));
    static const char *const malformed[] = {"", "127.0.0.1", "[::1]", "x:1", "localhost", ":80"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
        assert_null(api_server_new(fixture->base, malformed[i], routes, fixture, &error));
        assert_non_null(strstr(error.text, "not an address to listen on"));
    }
}

static void a_port_in_use_is_a_clear_error(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    const char *authority = api_server_url(fixture->server) + strlen("http://");
    assert_null(api_server_new(fixture->base, authority, routes, fixture, &error));
    assert_non_null(strstr(error.text, authority));
    assert_non_null(strstr(error.text, "Address already in use"));
}

static void addresses_are_read_as_they_are_written(void **state)
{
    (void)state;
    struct api_address address;
    assert_true(api_address_parse("[::1]:8080", &address));
    assert_string_equal(address.host, "[::1]");
    assert_int_equal(address.port, 8080);
    assert_true(api_address_is_loopback(&address));
    assert_true(api_address_parse("localhost:65535", &address));
    assert_string_equal(address.host, "127.0.0.1");
    assert_true(api_address_parse("127.8.9.10:0", &address));
    assert_true(api_address_is_loopback(&address));
    assert_true(api_address_parse("[::ffff:127.0.0.1]:1", &address));
    assert_false(api_address_is_loopback(&address));
    assert_true(api_address_parse("128.0.0.1:1", &address));
    assert_false(api_address_is_loopback(&address));
    static const char *const malformed[] = {"::1:80", "[]:1",       "[::1:80",      "127.0.0.1:-1",
                                            "[::1]:", "1.2.3.4:+5", "1.2.3.4:65536"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
        assert_false(api_address_parse(malformed[i], &address));
}

static bool machine_has_ip6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int file = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = file >= 0 && bind(file, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (file >= 0)
        close(file);
    return has;
}

static void the_ip6_loopback_serves_too(void **state)
{
    if (!machine_has_ip6())
        skip();
    struct fixture *fixture = *state;
    struct error error;
    struct api_server *server = api_server_new(fixture->base, "[::1]:0", routes, fixture, &error);
    assert_non_null(server);
    assert_ptr_equal(strstr(api_server_url(server), "http://[::1]:"), api_server_url(server));
    call(fixture, api_server_url(server), "GET", "/health", NULL, 10000, &whole);
    run_loop(fixture);
    assert_int_equal(fixture->status, 200);
    api_server_free(server);
}

static void raw_event(struct bufferevent *bufferevent, short events, void *argument)
{
    (void)bufferevent;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        event_base_loopbreak(argument);
}

/* Sends TEXT as it is and returns the first line of what came back. */
static char *exchange(struct fixture *fixture, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(api_server_url(fixture->server), ':') + 1));
    struct bufferevent *client = bufferevent_socket_new(fixture->base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, NULL, NULL, raw_event, fixture->base);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    bufferevent_socket_connect(client, (struct sockaddr *)&address, sizeof(address));
    bufferevent_write(client, text, strlen(text));
    run_loop(fixture);
    char *line = evbuffer_readln(bufferevent_get_input(client), NULL, EVBUFFER_EOL_CRLF);
    bufferevent_free(client);
    return line ? line : text_copy("nothing");
}

/* Expects STATUS for a GET of /health with HEADERS, in which %s stands for the server's port. */
static void expect_status(struct fixture *fixture, const char *headers, const char *status)
{
    const char *port = strrchr(api_server_url(fixture->server), ':') + 1;
    char *text = text_copy("GET /health HTTP/1.1\r\nConnection: close\r\n");
    for (const char *rest = headers; *rest != '\0';) {
        const char *mark = strstr(rest, "%s");
        int length = mark ? (int)(mark - rest) : (int)strlen(rest);
        char *longer = text_format("%s%.*s%s", text, length, rest, mark ? port : "");
        free(text);
        text = longer;
        rest += length + (mark ? 2 : 0);
    }
    char *request = text_format("%s\r\n", text);
    char *line = exchange(fixture, request);
    if (strstr(line, status) == NULL)
        fail_msg("%s answered: %s", headers, line);
    free(line);
    free(request);
    free(text);
}

static void only_its_own_host_is_served(void **state)
{
    struct fixture *fixture = *state;
    expect_status(fixture, "Host: 127.0.0.1:%s\r\n", "200");
    expect_status(fixture, "Host: localhost:%s\r\n", "200");
    expect_status(fixture, "Host: LocalHost:%s\r\n", "200");
    expect_status(fixture, "Host: [::1]:%s\r\n", "200");
    expect_status(fixture, "Host: evil.example:%s\r\n", "403");
    expect_status(fixture, "Host: 127.0.0.1:%s0\r\n", "403");
    expect_status(fixture, "Host: 127.0.0.1\r\n", "403");
    expect_status(fixture, "Host: localhost.evil.example:%s\r\n", "403");
    expect_status(fixture, "Host: 127.0.0.1:%s\r\nHost: evil.example\r\n", "403");
    expect_status(fixture, "", "403");
}

static void a_foreign_origin_is_refused(void **state)
{
    struct fixture *fixture = *state;
    expect_status(fixture, "Host: localhost:%s\r\nOrigin: http://localhost:%s\r\n", "200");
    expect_status(fixture, "Host: localhost:%s\r\nOrigin: http://evil.example\r\n", "403");
    expect_status(fixture, "Host: localhost:%s\r\nOrigin: https://localhost:%s\r\n", "403");
    expect_status(fixture, "Host: localhost:%s\r\nOrigin: null\r\n", "403");
}

static void what_is_not_http_or_too_much_of_it_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char *line = exchange(fixture, "what is this? no HTTP at all\r\n\r\n");
    assert_non_null(strstr(line, "400"));
    free(line);
    char *headers = memory_new(API_HEADERS_MAX + 64);
    memset(headers, 'x', API_HEADERS_MAX + 60);
    memcpy(headers, "X: ", 3);
    memcpy(headers + API_HEADERS_MAX + 60, "\r\n", sizeof("\r\n"));
    expect_status(fixture, headers, "400");
    free(headers);
    line = exchange(fixture, "GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n"
                             "Connection: close\r\n\r\n");
    assert_non_null(strstr(line, "403"));
    free(line);
}

static void json_that_is_malformed_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bodies[] = {"{", "{\"a\":1,\"a\":2}", "{} trailing", "\xff\xfe"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        char *text = text_format("POST /echo HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 api_server_url(fixture->server) + strlen("http://"),
                                 strlen(bodies[i]), bodies[i]);
        char *line = exchange(fixture, text);
        assert_non_null(strstr(line, "400"));
        free(line);
        free(text);
    }
}

/* Asks for a stream, and does not read the answer. */
static int open_unread(struct fixture *fixture)
{
    const char *url = api_server_url(fixture->server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    char *text = text_format("POST /stream HTTP/1.1\r\nHost: %s\r\n\r\n", url + strlen("http://"));
    assert_int_equal(send(client, text, strlen(text), 0), strlen(text));
    free(text);
    while (fixture->open == NULL)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    return client;
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    struct fixture *fixture = *state;
    int client = open_unread(fixture);
    char *filler = memory_new(65536);
    memset(filler, 'x', 65535);
    json_t *line = json_pack("{s:s}", "filler", filler);
    for (int i = 0; i < 4096 && fixture->closed == 0; i++) {
        api_stream_line(fixture->open, line);
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    }
    json_decref(line);
    free(filler);
    assert_int_equal(fixture->closed, 1);
    close(client);
}

static json_t *say_lost(void *argument, uint64_t count)
{
    struct fixture *fixture = argument;
    assert_true(count > 0);
    fixture->lost = count;
    return json_pack("{s:I}", "lost", (json_int_t)count);
}

/* What the client reads until the text is there, the loop going on meanwhile. */
static char *read_until_text(struct fixture *fixture, int client, const char *wanted)
{
    struct buffer all = {0};
    while (all.size == 0 || memmem(all.data, all.size, wanted, strlen(wanted)) == NULL) {
        uint8_t block[65536];
        ssize_t size = recv(client, block, sizeof(block), MSG_DONTWAIT);
        assert_true(size > 0 || (size < 0 && errno == EAGAIN));
        if (size > 0)
            buffer_append(&all, block, (size_t)size);
        event_base_loop(fixture->base, size > 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    }
    buffer_append_byte(&all, 0);
    return (char *)all.data;
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;
    while ((text = strstr(text, wanted)) != NULL) {
        count++;
        text += strlen(wanted);
    }
    return count;
}

static void a_client_that_may_lose_lines_is_told_how_many_in_their_place(void **state)
{
    struct fixture *fixture = *state;
    enum { LINES = 1024 };
    int client = open_unread(fixture);
    api_stream_may_lose(fixture->open, say_lost);
    char *filler = memory_new(65536);
    memset(filler, 'x', 65535);
    json_t *line = json_pack("{s:s}", "filler", filler), *last = json_pack("{s:b}", "last", 1);
    for (int i = 0; i < LINES; i++) {
        api_stream_line(fixture->open, line);
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    }
    char *read = read_until_text(fixture, client, "{\"lost\":");
    assert_int_equal(count_text(read, "filler"), LINES - fixture->lost);
    assert_null(strstr(strstr(read, "{\"lost\":"), "filler"));
    free(read);
    /* And then goes on. */
    api_stream_line(fixture->open, last);
    read = read_until_text(fixture, client, "last");
    free(read);
    assert_int_equal(fixture->closed, 0);
    api_stream_end(fixture->open);
    json_decref(line);
    json_decref(last);
    free(filler);
    close(client);
}

static void more_requests_than_the_limit_are_turned_away(void **state)
{
    struct fixture *fixture = *state;
    struct api_call *open[API_STREAMS_MAX];
    const char *url = api_server_url(fixture->server);
    for (size_t i = 0; i < API_STREAMS_MAX; i++) {
        json_array_clear(fixture->lines);
        open[i] =
            call(fixture, url, "POST", "/stream", json_pack("{s:i}", "count", 1), 10000, &by_line);
        while (json_array_size(fixture->lines) == 0)
            event_base_loop(fixture->base, EVLOOP_ONCE);
    }
    ask(fixture, "GET", "/health", NULL);
    assert_int_equal(fixture->status, 503);
    for (size_t i = 0; i < API_STREAMS_MAX; i++)
        api_call_cancel(open[i]);
    while (fixture->closed < API_STREAMS_MAX)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    ask(fixture, "GET", "/health", NULL);
    assert_int_equal(fixture->status, 200);
}

static void a_kept_connection_serves_a_second_request(void **state)
{
    struct fixture *fixture = *state;
    const char *host = api_server_url(fixture->server) + strlen("http://");
    char *text = text_format("GET /health HTTP/1.1\r\nHost: %s\r\n\r\n"
                             "GET /nowhere HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                             host, host);
    char *line = exchange(fixture, text);
    assert_non_null(strstr(line, "200"));
    free(line);
    free(text);
}

#define API_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(a_get_is_answered),
        API_TEST(a_post_carries_json_there_and_back),
        API_TEST(unknown_paths_and_methods_are_named),
        API_TEST(each_kind_of_failure_has_its_status),
        API_TEST(a_body_that_is_no_object_is_refused),
        API_TEST(lines_come_one_by_one),
        API_TEST(an_error_instead_of_a_stream_is_the_answer),
        API_TEST(the_server_learns_that_a_client_went_away),
        API_TEST(a_server_that_ends_cuts_its_streams_off),
        API_TEST(a_server_that_ends_drops_unanswered_requests),
        API_TEST(a_call_ends_at_its_timeout),
        API_TEST(an_answer_over_the_limit_is_refused),
        API_TEST(a_body_over_the_limit_is_refused),
        API_TEST(what_a_stranger_answers_is_made_safe),
        API_TEST(a_refused_connection_is_an_error),
        API_TEST(urls_that_are_none_are_refused),
        API_TEST(what_is_not_loopback_is_not_listened_on),
        API_TEST(a_port_in_use_is_a_clear_error),
        API_TEST(addresses_are_read_as_they_are_written),
        API_TEST(the_ip6_loopback_serves_too),
        API_TEST(only_its_own_host_is_served),
        API_TEST(a_foreign_origin_is_refused),
        API_TEST(what_is_not_http_or_too_much_of_it_is_refused),
        API_TEST(json_that_is_malformed_is_refused),
        API_TEST(a_client_that_does_not_read_is_cut_off),
        API_TEST(a_client_that_may_lose_lines_is_told_how_many_in_their_place),
        API_TEST(more_requests_than_the_limit_are_turned_away),
        API_TEST(a_kept_connection_serves_a_second_request),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
