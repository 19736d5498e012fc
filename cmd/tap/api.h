/* The HTTP API of devnet-tap: what it carries, as it is and as it comes. */
#ifndef CMD_TAP_API_H
#define CMD_TAP_API_H

#include "cmd/tap/tell.h"

struct tap_api;

/* Serves LISTEN, as api_server_new() takes it; TAP and TELLER are borrowed and outlive it. */
struct tap_api *tap_api_new(struct event_base *base, struct tap *tap, struct teller *teller,
                            const char *listen, struct error *error);
/* "http://127.0.0.1:PORT" */
const char *tap_api_url(const struct tap_api *api);
/* NULL is allowed. */
void tap_api_free(struct tap_api *api);

#endif
