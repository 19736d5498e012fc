/* Test values as files: NAME in tests/vectors, found from the top folder of the sources, or in the
 * folder that the environment variable VECTORS names. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <jansson.h>

#include "common/buffer.h"

/* Fails the test where the file is absent, no JSON, or empty. Freed with json_decref. */
json_t *vectors_load(const char *name);
/* The same with integers read as reals, where some need the 64th bit. */
json_t *vectors_load_reals(const char *name);
/* The text at KEY of OBJECT; fails the test where there is none. */
const char *vector_text(const json_t *object, const char *key);
/* What the hexadecimal text at KEY means; freed with buffer_clear. */
struct buffer vector_bytes(const json_t *object, const char *key);

#endif
