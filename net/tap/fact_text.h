/* A fact as a line of text, for people. Pure. */
#ifndef NET_TAP_FACT_TEXT_H
#define NET_TAP_FACT_TEXT_H

#include "net/tap/fact.h"

/*
 * Appends "rust_0 -> js_0 stream 4 /meshsub/1.2.0: subscribe block; graft block", without a
 * newline. NAMES are the dialler's and the listener's, and safe for a terminal; what nodes wrote is
 * made so. Lean's topics are called by their kind. False where there is nothing that people want to
 * read: a stream that opens says so when it speaks.
 */
bool tap_fact_text(const struct tap_fact *fact, const char *const names[TAP_SIDES],
                   struct buffer *line);

#endif
