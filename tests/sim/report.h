/* What a run found, as JSON; text and pictures are made from that same object. */
#ifndef TESTS_SIM_REPORT_H
#define TESTS_SIM_REPORT_H

#include <jansson.h>

#include "common/buffer.h"
#include "tests/sim/simulation.h"

json_t *report_make(const struct simulation *simulation);
/* Whether every figure lies where it must. */
bool report_holds(const json_t *report);

/* ---- text.c ---- */

void report_print(const json_t *report);

/* ---- svg.c ---- */

/* A picture that needs nothing beside it: appended to OUTPUT. */
void report_draw(const json_t *report, struct buffer *output);

#endif
