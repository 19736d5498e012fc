/* Test values as files: tests/vectors/NAME, found from the top folder of the sources. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <jansson.h>

#include "common/buffer.h"

/* Fails the test where the file is absent or no JSON. Freed with json_decref. */
json_t *vectors_load(const char *name);
/* The text at KEY of OBJECT; fails the test where there is none. */
const char *vector_text(const json_t *object, const char *key);
/* What the hexadecimal text at KEY means; freed with buffer_clear. */
struct buffer vector_bytes(const json_t *object, const char *key);

#endif
