/*
 * What may be sent to a node's HTTP API, a whole node behind it. The first byte says which end goes
 * first, the second how many bytes come at once; the rest is sent, with the port for each PORT in
 * it. Answers are HTTP with JSON in it, an honest request is answered meanwhile, and where reads
 * end makes no difference to the same port (its digits may stand for a length or a version).
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/crc32c.h"
#include "common/memory.h"
#include "net/address/identity.h"
#include "net/api/node.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loopback.h"

enum {
    HEAD = 2,
    SECRET_BYTE = 7,
    TURNS_AFTER = 4,
    COMPARED = 4,
    SERVER_FIRST = 16,
    TURNS_MAX = 100000
};

/* --- Nothing leaves the process --- */

ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags);
int __wrap_sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags);

ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags)
{
    size_t size = 0;
    (void)socket;
    (void)flags;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    return (ssize_t)size;
}

int __wrap_sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++)
        messages[i].msg_len = (unsigned)__wrap_sendmsg(socket, &messages[i].msg_hdr, flags);
    return (int)count;
}

/* Of names, some are not there, and for the others no answer comes. */
struct resolver {
    unsigned queries;
};

struct resolver_query {
    struct resolver *resolver;
};

struct resolver *resolver_new(struct event_base *base)
{
    (void)base;
    return memory_new(sizeof(struct resolver));
}

void resolver_free(struct resolver *resolver)
{
    require(resolver->queries == 0);
    free(resolver);
}

struct resolver_query *resolver_ask(struct resolver *resolver, const struct node_address *where,
                                    resolver_done done, void *context)
{
    const struct multiaddr *address = &where->at[0];
    if (address->kind == MULTIADDR_IP4 || address->kind == MULTIADDR_IP6) {
        done(context, where->at, where->count, 0, NULL);
        return NULL;
    }
    if (strlen(address->host) % 2 == 0) {
        done(context, NULL, 0, 0, "no such name");
        return NULL;
    }
    struct resolver_query *query = memory_new(sizeof(*query));
    query->resolver = resolver;
    resolver->queries++;
    return query;
}

void resolver_cancel(struct resolver_query *query)
{
    query->resolver->queries--;
    free(query);
}

/* --- The node --- */

struct node {
    struct event_base *base;
    struct host *host;
    struct resolver *resolver;
    struct dialer *dialer;
    struct node_api *api;
    uint16_t port;
};

/* Nodes have the port of the one before, as long as no other process takes it. */
static struct node_api *listen_again(struct node *node)
{
    static uint16_t port;
    char where[32];
    struct error error;
    snprintf(where, sizeof(where), "127.0.0.1:%u", port);
    struct node_api *api = node_api_new(node->host, node->dialer, node->resolver, where, &error);
    if (api == NULL)
        api = node_api_new(node->host, node->dialer, node->resolver, "127.0.0.1:0", &error);
    require(api != NULL);
    port = (uint16_t)atoi(strrchr(node_api_url(api), ':') + 1);
    node->port = port;
    return api;
}

static void node_init(struct node *node)
{
    static struct identity *identity;
    uint8_t secret[IDENTITY_SECRET_SIZE] = {[IDENTITY_SECRET_SIZE - 1] = SECRET_BYTE};
    struct host_settings settings;
    struct error error;
    if (identity == NULL)
        identity = identity_from_secret(bytes_of(secret, sizeof(secret)), &error);
    node->base = event_base_new();
    host_settings_default(&settings);
    settings.base = node->base;
    settings.identity = identity;
    node->host = host_new(&settings, &error);
    node->resolver = resolver_new(node->base);
    node->dialer = dialer_new(node->host, node->resolver);
    node->api = listen_again(node);
}

static void node_clear(struct node *node)
{
    dialer_free(node->dialer);
    host_free(node->host);
    resolver_free(node->resolver);
    event_base_free(node->base);
    *node = (struct node){0};
}

/* --- Answers --- */

static bool take_line(struct bytes *input, struct bytes *line)
{
    const uint8_t *end = memmem(input->data, input->size, "\r\n", 2);
    if (end == NULL)
        return false;
    *line = bytes_of(input->data, (size_t)(end - input->data));
    *input = bytes_after(*input, line->size + 2);
    return true;
}

static bool starts_with(struct bytes text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static unsigned long number_at(struct bytes text, size_t offset, int base)
{
    char digits[24] = "";
    struct bytes rest = bytes_after(text, offset);
    memcpy(digits, rest.data, rest.size < sizeof(digits) - 1 ? rest.size : sizeof(digits) - 1);
    return strtoul(digits, NULL, base);
}

struct answer {
    unsigned long status, length;
    bool has_length, chunked, json, lines;
};

/* False where it is not whole. */
static bool take_head(struct bytes *input, struct answer *answer)
{
    struct bytes line;
    *answer = (struct answer){0};
    if (!take_line(input, &line))
        return false;
    /* libevent says what version it was asked in. */
    const uint8_t *space = memchr(line.data, ' ', line.size);
    require(starts_with(line, "HTTP/") && space != NULL);
    answer->status = number_at(line, (size_t)(space + 1 - line.data), 10);
    require(answer->status >= 100 && answer->status < 600);
    while (take_line(input, &line) && line.size > 0) {
        if (starts_with(line, "Content-Length: ")) {
            answer->has_length = true;
            answer->length = number_at(line, strlen("Content-Length: "), 10);
        }
        answer->chunked |= starts_with(line, "Transfer-Encoding: chunked");
        answer->json |= starts_with(line, "Content-Type: application/json");
        answer->lines |= starts_with(line, "Content-Type: application/x-ndjson");
    }
    return true;
}

static void take_chunks(struct bytes *input, struct buffer *body)
{
    struct bytes line;
    while (take_line(input, &line)) {
        size_t size = number_at(line, 0, 16);
        if (size == 0 || size + 2 > input->size)
            break;
        buffer_append(body, input->data, size);
        *input = bytes_after(*input, size + 2);
    }
    take_line(input, &line);
}

static void check_json(struct bytes text)
{
    json_t *value = json_loadb((const char *)text.data, text.size, 0, NULL);
    require(json_is_object(value));
    json_decref(value);
}

static void check_lines(struct bytes text)
{
    const uint8_t *end;
    while (text.size > 0 && (end = memchr(text.data, '\n', text.size)) != NULL) {
        size_t size = (size_t)(end - text.data);
        check_json(bytes_of(text.data, size));
        text = bytes_after(text, size + 1);
    }
}

static void take_answer(struct bytes *input, const struct answer *answer)
{
    struct buffer body = {0};
    if (answer->chunked) {
        take_chunks(input, &body);
    } else if (answer->status >= 200) {
        size_t size = answer->has_length ? answer->length : input->size;
        require(size <= input->size);
        buffer_append(&body, input->data, size);
        *input = bytes_after(*input, size);
    }
    if (answer->json)
        check_json(buffer_bytes(&body));
    if (answer->lines)
        check_lines(buffer_bytes(&body));
    buffer_clear(&body);
}

/* Puts the statuses of what was answered into STATUSES. */
static void check_answers(struct bytes input, struct buffer *statuses)
{
    struct answer answer;
    while (input.size > 0 && take_head(&input, &answer)) {
        char *status = text_format("%lu ", answer.status);
        buffer_append_text(statuses, status);
        free(status);
        take_answer(&input, &answer);
    }
}

/* --- Asking --- */

static void check_honest_answer(const struct node *node)
{
    char *request = text_format("GET /health HTTP/1.1\r\nHost: localhost:%u\r\n"
                                "Connection: close\r\n\r\n",
                                node->port);
    struct buffer answer = {0}, statuses = {0};
    int client = loopback_connect(node->port);
    unsigned turns = 0;
    require(loopback_write(client, bytes_of_text(request)) == strlen(request));
    while (loopback_read(client, &answer)) {
        event_base_loop(node->base, EVLOOP_NONBLOCK);
        require(++turns < TURNS_MAX);
    }
    check_answers(buffer_bytes(&answer), &statuses);
    require(bytes_equal(buffer_bytes(&statuses), bytes_of_text("200 ")));
    loopback_close(client);
    buffer_clear(&answer);
    buffer_clear(&statuses);
    free(request);
}

/* TEXT with the port for each PORT. */
static void write_request(struct bytes text, uint16_t port, struct buffer *request)
{
    char digits[8];
    snprintf(digits, sizeof(digits), "%u", port);
    while (text.size > 0) {
        bool mark = starts_with(text, "PORT");
        if (mark)
            buffer_append_text(request, digits);
        else
            buffer_append(request, text.data, 1);
        text = bytes_after(text, mark ? strlen("PORT") : 1);
    }
}

static void send_request(const struct node *node, int client, struct bytes text, size_t block)
{
    struct buffer request = {0};
    write_request(text, node->port, &request);
    struct bytes left = buffer_bytes(&request);
    bool sent = true;
    while (left.size > 0 && sent) {
        size_t size = left.size < block ? left.size : block;
        sent = loopback_write(client, bytes_of(left.data, size)) == size;
        left = bytes_after(left, size);
        event_base_loop(node->base, EVLOOP_NONBLOCK);
    }
    buffer_clear(&request);
}

/* Turns the loop until nothing more comes. */
static void settle(const struct node *node, int client, struct buffer *answers)
{
    size_t before;
    for (unsigned quiet = 0; quiet<TURNS_AFTER; quiet = answers->size> before ? 0 : quiet + 1) {
        before = answers->size;
        event_base_loop(node->base, EVLOOP_NONBLOCK);
        loopback_read(client, answers);
    }
}

/* Whether the node may be another once it was asked: a node costs more than most requests. */
static bool leaves_traces(struct bytes text)
{
    static const char *const words[] = {"subscribe", "publish", "connect"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (memmem(text.data, text.size, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}

/* The client goes, or NODE's API before it where SERVER_FIRST says so: then the node is no more. */
static void part(struct node *node, int client, bool server_first, bool last)
{
    if (server_first)
        node_api_free(node->api);
    loopback_close(client);
    for (unsigned i = 0; i < TURNS_AFTER; i++)
        event_base_loop(node->base, EVLOOP_NONBLOCK);
    if (!server_first && last)
        node_api_free(node->api);
    if (server_first || last)
        node_clear(node);
}

/* The statuses of the answers, and in PORT where they came from. */
static struct buffer ask(struct bytes text, size_t block, bool server_first, uint16_t *port)
{
    static struct node node;
    struct buffer answers = {0}, statuses = {0};
    if (node.base == NULL)
        node_init(&node);
    *port = node.port;
    int client = loopback_connect(node.port);
    send_request(&node, client, text, block);
    check_honest_answer(&node);
    settle(&node, client, &answers);
    if (memmem(text.data, text.size, "HEAD", 4) == NULL)
        check_answers(buffer_bytes(&answers), &statuses);
    part(&node, client, server_first, leaves_traces(text));
    buffer_clear(&answers);
    return statuses;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    signal(SIGPIPE, SIG_IGN);
    struct bytes text = bytes_of(data + HEAD, size - HEAD);
    bool server_first = data[0] % SERVER_FIRST == 0;
    uint16_t port, again;
    struct buffer statuses = ask(text, 1 + data[1], server_first, &port);
    if (crc32c(text) % COMPARED == 0) {
        struct buffer whole = ask(text, SIZE_MAX, server_first, &again);
        require(port != again || bytes_equal(buffer_bytes(&statuses), buffer_bytes(&whole)));
        buffer_clear(&whole);
    }
    buffer_clear(&statuses);
    return 0;
}
