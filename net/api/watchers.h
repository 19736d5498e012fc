/* Those who follow what happens, by GET /events: JSON objects, one a line, as they happen. */
#ifndef NET_API_WATCHERS_H
#define NET_API_WATCHERS_H

#include "net/api/server.h"

enum { API_WATCHERS_MAX = 16 };

struct api_watchers;

/* LOST may be NULL: it is told how many lines a watcher has lost that reads too slowly, who is told
 * so itself, by an `events_lost`. */
struct api_watchers *api_watchers_new(void (*lost)(void *context, uint64_t count), void *context);
/* After the servers whose requests they are; NULL is allowed. */
void api_watchers_free(struct api_watchers *watchers);
/* Answers REQUEST with FIRST, taken over, and what comes; with 503 where there are enough. */
void api_watchers_add(struct api_watchers *watchers, struct api_request *request, json_t *first);
bool api_watchers_any(const struct api_watchers *watchers);
void api_watchers_tell(const struct api_watchers *watchers, const json_t *line); /* borrowed */

#endif
