#include "net/api/error_page.h"

#include <event2/buffer.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE_MAX = 2048, STATUS_AT = 9 /* behind "HTTP/1.1 " */, STATUS_SIZE = 3 };

static const char html[] = "\r\nContent-Type: text/html";

/* What stands in BUFFER, where that is nothing but a page of evhttp's; what we write is JSON. */
static bool read_page(struct evbuffer *buffer, char page[PAGE_SIZE_MAX])
{
    size_t size = evbuffer_get_length(buffer);
    if (size <= STATUS_AT + STATUS_SIZE || size >= PAGE_SIZE_MAX)
        return false;
    evbuffer_copyout(buffer, page, size);
    page[size] = '\0';
    const char *body = strstr(page, "\r\n\r\n");
    const char *type = strstr(page, html);
    return strncmp(page, "HTTP/1.", 7) == 0 && body != NULL && body[4] != '\0' && type != NULL &&
           type < body;
}

/* REASON is the status line's own phrase. evhttp takes a chunk whose size it cannot read, as one
 * with an extension (RFC 9112, 7.1.1), for one that is too large. */
static json_t *words(long status, const char *reason, int reason_size, size_t limit)
{
    const int expectation_failed = 417, too_large = 413;
    if (status == too_large)
        return json_sprintf("the body is larger than %zu bytes, or the size of a chunk of it is "
                            "malformed (chunk extensions are not read)",
                            limit);
    if (status == expectation_failed)
        return json_sprintf("the body is larger than %zu bytes", limit);
    return json_sprintf("the request is not understood: %.*s", reason_size, reason);
}

static void replace(struct evbuffer *buffer, const char *page, size_t limit)
{
    int line_size = (int)strcspn(page, "\r");
    const char *reason = page + STATUS_AT;
    long status = strtol(reason, NULL, 10);
    json_t *body = json_pack("{s:o}", "error", words(status, reason, line_size - STATUS_AT, limit));
    char *text = json_dumps(body, JSON_COMPACT);
    evbuffer_unfreeze(buffer, 1); /* bufferevents let nobody else take out what is to be sent */
    evbuffer_drain(buffer, evbuffer_get_length(buffer));
    evbuffer_freeze(buffer, 1);
    evbuffer_add_printf(buffer,
                        "%.*s\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                        line_size, page, strlen(text) + 1, text);
    free(text);
    json_decref(body);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *argument)
{
    const size_t *limit = argument;
    char page[PAGE_SIZE_MAX];
    if (info->n_added > 0 && read_page(buffer, page))
        replace(buffer, page, *limit);
}

void error_page_replace(struct bufferevent *bufferevent, const size_t *body_max)
{
    evbuffer_add_cb(bufferevent_get_output(bufferevent), on_output, (void *)(uintptr_t)body_max);
}
