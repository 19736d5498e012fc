/*
 * A node's HTTP API, on loopback only but for what is meant for all: libevent's evhttp, with Host
 * and Origin checked, bodies bounded, JSON in and out. It knows routes and nothing of what they do.
 */
#ifndef NET_API_SERVER_H
#define NET_API_SERVER_H

#include <event2/event.h>
#include <jansson.h>

#include "common/error.h"

enum {
    API_BODY_MAX = 21 * 1024 * 1024, /* a payload of 10 MiB in hexadecimal, and what surrounds it */
    API_HEADERS_MAX = 8192,
    API_STREAMS_MAX = 64,                    /* requests whose answer is not out yet; else 503 */
    API_STREAM_BUFFER_MAX = 4 * 1024 * 1024, /* lines that a client leaves unread */
    API_IDLE_SECONDS = 600,
    API_PUBLIC_IDLE_SECONDS = 10,
};

struct api_server;
struct api_request;

/* BODY is the parsed JSON object of a POST, an empty object where the body was empty; borrowed. The
 * handler must answer, at once or later; until then the request stays valid. */
typedef void (*api_handler)(void *context, struct api_request *request, const json_t *body);

struct api_route {
    const char *method; /* "GET" or "POST" */
    const char *path;
    api_handler handler;
};

/*
 * LISTEN is "127.0.0.1:0", "[::1]:8080" or "localhost:9000"; an address that is not loopback is
 * refused. ROUTES ends with a NULL method. Unknown path: 404; known path, other method: 405; a Host
 * that is not the server's own address and port (localhost counts), or a foreign Origin: 403;
 * malformed JSON or no object: 400; body too large: 413. Errors are {"error": "..."}, those for
 * what evhttp refuses before a route is looked for, too.
 */
struct api_server *api_server_new(struct event_base *base, const char *listen,
                                  const struct api_route *routes, void *context,
                                  struct error *error);
/*
 * The same for anybody: LISTEN is any address and port, and any Host and Origin are taken. So
 * ROUTES are to tell nothing but what all may know, by GET: no body is read, and who is silent for
 * API_PUBLIC_IDLE_SECONDS is cut off.
 */
struct api_server *api_server_new_public(struct event_base *base, const char *listen,
                                         const struct api_route *routes, void *context,
                                         struct error *error);
/* Connections are cut off: `closed` is called for each open stream, and requests that were not
 * answered yet are invalid afterwards. Not to be called from a handler. */
void api_server_free(struct api_server *server);
/* "http://127.0.0.1:PORT", with the real port. */
const char *api_server_url(const struct api_server *server);

/* Text of the given media type, copied. */
void api_reply_text(struct api_request *request, const char *type, const char *content);
/* Takes over the reference to BODY. */
void api_reply(struct api_request *request, int status, json_t *body);
void api_reply_error(struct api_request *request, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same of what has failed, with the status of its kind: invalid 400, not found 404, conflict
 * 409, full 429, system 500. */
void api_reply_failure(struct api_request *request, const struct error *error);

/*
 * An answer of one JSON object a line, written as it happens. CLOSED is called once if the client
 * goes away, or leaves too much unread, before api_stream_end; the request is invalid afterwards.
 * It is never called from within api_stream_line. May be NULL.
 */
void api_stream_start(struct api_request *request, void (*closed)(void *argument), void *argument);
/*
 * A client of this stream that leaves too much unread is not cut off: lines are lost until it has
 * read on, and what LOST makes of their number, given CLOSED's argument, stands in their place.
 */
void api_stream_may_lose(struct api_request *request,
                         json_t *(*lost)(void *argument, uint64_t count));
void api_stream_line(struct api_request *request, const json_t *line); /* borrowed */
void api_stream_end(struct api_request *request);

#endif
