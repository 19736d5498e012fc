/* What JSON from outside must look like, as a table; errors name the place that does not. */
#ifndef COMMON_SHAPE_H
#define COMMON_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

enum shape_kind {
    SHAPE_STRING,
    SHAPE_BOOLEAN,
    SHAPE_INTEGER,
    SHAPE_WHOLE,   /* an integer, or a real that is one, as those beyond 64 bits are written */
    SHAPE_OBJECT,  /* of the members below; any, where there is no table */
    SHAPE_STRINGS, /* an array of strings */
    SHAPE_OBJECTS, /* an array of objects with the members below */
    SHAPE_MAP,     /* an object whose members, of any name, are such objects */
};

enum shape_need { SHAPE_REQUIRED, SHAPE_OPTIONAL };

struct shape {
    const char *name;
    enum shape_kind kind;
    enum shape_need need;        /* optional: absent, null, or of the kind */
    const struct shape *members; /* ends with a NULL name */
};

/* Whether VALUE is an object that has MEMBERS; others beside them are allowed. */
bool shape_check(const json_t *value, const struct shape *members, struct error *error);
/* Whether VALUE is an integer, or a real that is one. */
bool shape_is_whole(const json_t *value);

#endif
