/* Which changes (net/mesh/diff.h) are of no interest: `devnet-mesh diff --ignore`. */
#ifndef NET_MESH_IGNORE_H
#define NET_MESH_IGNORE_H

#include <jansson.h>

#include "common/error.h"

/*
 * A rule is KIND, KIND.FIELD, or MEMBER=PATTERN, where MEMBER is one of a change that is text, and
 * PATTERN is as fnmatch(3) has it, `*` for slashes too. False with the error set where RULE is
 * none.
 */
bool mesh_ignore_check(const char *rule, struct error *error);
/* The changes that no rule matches; a new array, the caller's. The rules have been checked. */
json_t *mesh_ignore(const json_t *changes, const char *const *rules, size_t count);

#endif
