/*
 * What rules withhold from the other node of a connection: of a held half of a stream the facts are
 * kept back, too, and told when it is released; those of what is lost never are. Pure: facts and
 * what is done to streams go in, facts come out, as the other node comes to know them.
 */
#ifndef NET_TAP_WITHHELD_H
#define NET_TAP_WITHHELD_H

#include "net/tap/fact.h"

/* Of one connection. Of a half that holds more, one RPC that is `cut` stands for the rest. */
enum { TAP_WITHHELD_MAX = 1024 * 1024 /* bytes */ };

struct tap_withheld;

/* FACT is valid until it returns. */
typedef void tap_withheld_told(void *context, const struct tap_fact *fact);

struct tap_withheld *tap_withheld_new(tap_withheld_told *told, void *context);
void tap_withheld_free(struct tap_withheld *withheld); /* NULL is allowed */

/* What FROM says on the stream from byte OFFSET on is kept, its end included; or LOST for good. */
void tap_withheld_hold(struct tap_withheld *withheld, int64_t stream, enum tap_side from,
                       uint64_t offset, bool lost);
/* Tells what stands before byte UNTIL (UINT64_MAX: all that is not lost), as of TIME_US. */
void tap_withheld_release(struct tap_withheld *withheld, int64_t stream, enum tap_side from,
                          uint64_t until, uint64_t time_us);
/* Tells FACT at once, or keeps a copy of it. A stream's end ends its holds, and what they keep. */
void tap_withheld_fact(struct tap_withheld *withheld, const struct tap_fact *fact);

#endif
