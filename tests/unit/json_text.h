/* JSON in C sources. */
#ifndef TESTS_UNIT_JSON_TEXT_H
#define TESTS_UNIT_JSON_TEXT_H

#include <jansson.h>

/* Single quotes stand for double ones, which read worse in C. Fails the test where it is no JSON;
 * the caller owns it. */
json_t *json_of(const char *text);

#endif
