/* What arrived at two ends, beside each other: directly, and through a tap. */
#ifndef TESTS_UNIT_TAP_TABLE_H
#define TESTS_UNIT_TAP_TABLE_H

#include "tests/unit/tap_scene.h"

typedef void (*script_function)(void);

/* Runs the script both ways, prints a row for each line of each end's journal, and holds the lines
 * to be the same, and not much later through the tap. Where DIRECT has a bad path, in any order. */
void compare(const char *name, script_function script, const struct way *direct,
             const struct way *tapped);

#endif
