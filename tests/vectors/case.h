/*
 * One conformance vector while it is checked. What reads its members and compares with them notes
 * the first failure; whatever comes after it is harmless and without effect, so that checks need no
 * control flow for failures.
 */
#ifndef TESTS_VECTORS_CASE_H
#define TESTS_VECTORS_CASE_H

#include <jansson.h>

#include "common/buffer.h"

struct vector_case;

/* Checks one element of a kind's file. */
typedef void (*vector_check)(struct vector_case *test, const json_t *vector);

/* Runs CHECK; NULL where it found nothing wrong, else what: freed with free(). */
char *case_run(vector_check check, const json_t *vector);

/* ---- reading: what is absent or of another kind is a failure ---- */

/* The object at KEY of PARENT, or PARENT itself where KEY is NULL. MEMBERS names those that it must
 * have, and those with a '?' before them that it may have; any other is a failure. */
const json_t *case_object(struct vector_case *test, const json_t *parent, const char *key,
                          const char *members);
/* The array at KEY; an empty one where an optional member is absent. */
const json_t *case_array(struct vector_case *test, const json_t *object, const char *key);
/* The same of an object with members of any name. */
const json_t *case_map(struct vector_case *test, const json_t *object, const char *key);
bool case_has(const json_t *object, const char *key);
const char *case_text(struct vector_case *test, const json_t *object, const char *key);
bool case_boolean(struct vector_case *test, const json_t *object, const char *key);
/* An integer of 64 bits. Jansson's have 63: the runner makes texts of longer
 * ones, and the reference of SSZ's alone. */
uint64_t case_number(struct vector_case *test, const json_t *object, const char *key);
uint64_t case_integer(struct vector_case *test, const char *what, const json_t *value);
/* Seconds, at times with a fraction, in milliseconds. */
uint64_t case_milliseconds(struct vector_case *test, const json_t *object, const char *key);
/* What hexadecimal text means; good until the case ends. */
struct bytes case_bytes(struct vector_case *test, const json_t *object, const char *key);
struct bytes case_hex(struct vector_case *test, const char *what, const json_t *text);

/* ---- memory that lives as long as the case ---- */

void *case_memory(struct vector_case *test, size_t size);
struct buffer *case_buffer(struct vector_case *test);

/* ---- comparing ---- */

bool case_failed(const struct vector_case *test);
/* Notes "WHAT: expected EXPECTED, got GOT". */
void case_fail(struct vector_case *test, const char *what, const char *expected, const char *got);
/* Notes a failure, GOT saying why, unless HOLDS; returns it. */
bool expect(struct vector_case *test, bool holds, const char *what, const char *expected,
            const char *got);
void expect_bytes(struct vector_case *test, const char *what, struct bytes expected,
                  struct bytes got);
void expect_text(struct vector_case *test, const char *what, const char *expected, const char *got);
void expect_number(struct vector_case *test, const char *what, uint64_t expected, uint64_t got);
void expect_boolean(struct vector_case *test, const char *what, bool expected, bool got);

#endif
