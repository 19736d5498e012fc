/* What diff says of two snapshots, as text. */
#ifndef TESTS_UNIT_CHANGE_LINES_H
#define TESTS_UNIT_CHANGE_LINES_H

#include <jansson.h>

/* A line for each of CHANGES (net/mesh/diff.h); freed with free(). */
char *lines_of(const json_t *changes);

#endif
