/* devnet-connect --blocks-by-root and --blocks-by-range: asks the peer, tells and saves. */
#ifndef CMD_CONNECT_FETCH_H
#define CMD_CONNECT_FETCH_H

#include <jansson.h>

#include "cmd/connect/settings.h"

enum { FETCH_FAILED = 10 }; /* the exit code */

struct fetch;

/* CODE is 0 where all went well, else ERROR says what did not. */
typedef void (*fetch_done)(void *context, int code, const char *error);

/* What comes is appended to BLOCKS. DONE is called once, unless it is freed before; it may free it.
 * NULL where PEER is NULL or allows no further stream. */
struct fetch *fetch_new(struct host *host, struct peer *peer,
                        const struct connect_settings *settings, json_t *blocks, fetch_done done,
                        void *context);
void fetch_free(struct fetch *fetch);

#endif
