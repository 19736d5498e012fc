/* What devnet-tap tells on stdout: JSON objects, one a line. */
#ifndef CMD_TAP_TELL_H
#define CMD_TAP_TELL_H

#include "net/tap/tap.h"

struct teller;

extern const struct tap_watcher teller_watcher; /* its context is a teller */

struct teller *teller_new(struct event_base *base);
/* False where lines were lost without a word. NULL is allowed. */
bool teller_free(struct teller *teller);
void teller_ready(struct teller *teller, const struct tap *tap);

#endif
