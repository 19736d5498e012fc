/*
 * What may answer where a node's HTTP API is expected. The first byte says what is asked for, and
 * whether the call is cancelled at its second line; the second, how many bytes of the answer come
 * at once; the rest is the answer. However it comes, the call tells the same, and ends once.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/client.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loopback.h"

enum { TIMEOUT_MS = 20000, HEAD = 2, LINES_BEFORE_CANCEL = 2 };
enum wanted { JSON, LINES, TEXT, LINES_CANCELLED, WANTED };

struct outcome {
    struct buffer told; /* lines, text, answer and error, as they came */
    struct api_call *call;
    int status;
    unsigned lines, done;
    bool cancels, cancelled;
};

static struct event_base *base;
static int listener;
static char *url;

static void tell(struct outcome *outcome, const char *what, const char *text)
{
    buffer_append_text(&outcome->told, what);
    buffer_append_text(&outcome->told, text);
    buffer_append_byte(&outcome->told, '\n');
}

static void tell_json(struct outcome *outcome, const char *what, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    require(text != NULL);
    tell(outcome, what, text);
    free(text);
}

static void on_line(void *context, const json_t *line)
{
    struct outcome *outcome = context;
    require(outcome->done == 0 && !outcome->cancelled);
    tell_json(outcome, "line ", line);
    if (++outcome->lines == LINES_BEFORE_CANCEL && outcome->cancels) {
        outcome->cancelled = true;
        api_call_cancel(outcome->call);
    }
}

static void on_text(void *context, struct bytes text)
{
    struct outcome *outcome = context;
    require(outcome->done == 0);
    buffer_append(&outcome->told, text.data, text.size);
}

/* It names what was called, may be printed, and is not that time is up. */
static void check_error(const char *error)
{
    char *start = text_format("%s/mesh: ", url), *safe = utf8_safe_text(bytes_of_text(error));
    require(strncmp(error, start, strlen(start)) == 0 && strcmp(error, safe) == 0);
    require(strncmp(error + strlen(start), "no whole answer", strlen("no whole answer")) != 0);
    free(start);
    free(safe);
}

static void on_done(void *context, int status, const json_t *answer, const char *error)
{
    struct outcome *outcome = context;
    require(!outcome->cancelled && outcome->done == 0);
    require((status == 0) == (error != NULL) && (status != 0 || answer == NULL));
    outcome->done++;
    outcome->status = status;
    if (answer != NULL)
        tell_json(outcome, "answer ", answer);
    if (error != NULL) {
        check_error(error);
        tell(outcome, "error ", error);
    }
}

/* Takes the whole request. */
static int take_request(const struct outcome *outcome)
{
    struct buffer request = {0};
    int connection = -1;
    while (outcome->done == 0 && (request.size < 4 || memmem(request.data, request.size, "\r\n\r\n",
                                                             strlen("\r\n\r\n")) == NULL)) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        if (connection < 0)
            connection = loopback_accept(listener);
        else
            require(loopback_read(connection, &request));
    }
    buffer_clear(&request);
    return connection;
}

static bool is_over(const struct outcome *outcome)
{
    return outcome->done > 0 ||
           (outcome->cancelled && event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
}

static void answer(const struct outcome *outcome, struct bytes text, size_t block)
{
    int connection = take_request(outcome);
    while (text.size > 0 && !is_over(outcome)) {
        size_t size = text.size < block ? text.size : block;
        text = bytes_after(text, loopback_write(connection, bytes_of(text.data, size)));
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    shutdown(connection, SHUT_WR);
    while (!is_over(outcome))
        event_base_loop(base, outcome->cancelled ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    loopback_close(connection);
}

static struct outcome call(enum wanted wanted, struct bytes text, size_t block)
{
    static const struct api_call_handlers handlers[WANTED] = {
        [JSON] = {.done = on_done},
        [LINES] = {.line = on_line, .done = on_done},
        [TEXT] = {.text = on_text, .done = on_done},
        [LINES_CANCELLED] = {.line = on_line, .done = on_done},
    };
    struct outcome outcome = {.cancels = wanted == LINES_CANCELLED};
    struct error error;
    outcome.call = api_call_new(base, url, wanted == LINES ? "POST" : "GET", "/mesh", NULL,
                                TIMEOUT_MS, &handlers[wanted], &outcome, &error);
    require(outcome.call != NULL);
    answer(&outcome, text, block);
    /* What a call had in the loop is gone with it. */
    require(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
    require(outcome.done + outcome.cancelled == 1);
    return outcome;
}

static void set_up(void)
{
    uint16_t port;
    base = event_base_new();
    listener = loopback_listen(&port);
    url = text_format("http://127.0.0.1:%u", port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (base == NULL)
        set_up();
    if (size < HEAD)
        return 0;
    enum wanted wanted = (enum wanted)(data[0] % WANTED);
    struct bytes text = bytes_of(data + HEAD, size - HEAD);
    struct outcome whole = call(wanted, text, SIZE_MAX);
    struct outcome pieces = call(wanted, text, 1 + data[1]);
    require(whole.status == pieces.status);
    /* What is malformed libevent finds sooner or later, by the pieces. */
    if (whole.status != 0) {
        require(whole.lines == pieces.lines);
        require(bytes_equal(buffer_bytes(&whole.told), buffer_bytes(&pieces.told)));
    }
    buffer_clear(&whole.told);
    buffer_clear(&pieces.told);
    return 0;
}
