/* What devnet-tap tells on stdout: JSON objects, one a line. */
#ifndef CMD_TAP_TELL_H
#define CMD_TAP_TELL_H

#include <jansson.h>

#include "net/tap/tap.h"

struct teller;

extern const struct tap_watcher teller_watcher; /* its context is a teller */

struct teller *teller_new(struct event_base *base);
/* False where lines were lost without a word. NULL is allowed. */
bool teller_free(struct teller *teller);
/* API is its address, or NULL. */
void teller_ready(struct teller *teller, const struct tap *tap, const char *api);
json_t *teller_ready_json(const struct tap *tap, const char *api);
/* HEARD is told each line from now on, too; borrowed. */
void teller_also(struct teller *teller, void (*heard)(void *context, const json_t *line),
                 void *context);

#endif
