#include "common/shape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

enum { PATH_SIZE = 240 };

/* Where we are, such as "nodes[2].peers[0].agent"; what is too long for it is cut. */
struct path {
    char text[PATH_SIZE];
    size_t length;
};

static struct path path_member(const struct path *path, const char *name)
{
    struct path longer = *path;
    snprintf(longer.text + path->length, PATH_SIZE - path->length, "%s%.80s",
             path->length > 0 ? "." : "", name);
    longer.length = strlen(longer.text);
    return longer;
}

static struct path path_index(const struct path *path, size_t index)
{
    struct path longer = *path;
    snprintf(longer.text + path->length, PATH_SIZE - path->length, "[%zu]", index);
    longer.length = strlen(longer.text);
    return longer;
}

static bool wrong(const struct path *path, const char *expected, struct error *error)
{
    return error_set(error, "%s: %s is expected", path->length > 0 ? path->text : "top level",
                     expected);
}

static bool check_value(const json_t *value, const struct shape *shape, const struct path *path,
                        struct error *error);

static bool check_object(const json_t *value, const struct shape *members, const struct path *path,
                         struct error *error)
{
    if (!json_is_object(value))
        return wrong(path, "an object", error);
    for (const struct shape *member = members; member != NULL && member->name != NULL; member++) {
        struct path inner = path_member(path, member->name);
        if (!check_value(json_object_get(value, member->name), member, &inner, error))
            return false;
    }
    return true;
}

static bool check_array(const json_t *value, const struct shape *shape, const struct path *path,
                        struct error *error)
{
    if (!json_is_array(value))
        return wrong(path, "an array", error);
    size_t index;
    const json_t *item;
    json_array_foreach(value, index, item)
    {
        if (shape->kind == SHAPE_STRINGS && json_is_string(item))
            continue;
        struct path inner = path_index(path, index);
        if (shape->kind == SHAPE_STRINGS)
            return wrong(&inner, "a string", error);
        if (!check_object(item, shape->members, &inner, error))
            return false;
    }
    return true;
}

static bool check_map(const json_t *value, const struct shape *shape, const struct path *path,
                      struct error *error)
{
    if (!json_is_object(value))
        return wrong(path, "an object", error);
    const char *name;
    json_t *item;
    json_object_foreach((json_t *)value, name, item)
    {
        struct path inner = path_member(path, name);
        if (!check_object(item, shape->members, &inner, error))
            return false;
    }
    return true;
}

bool shape_is_whole(const json_t *value)
{
    double real = json_real_value(value);
    if (!json_is_real(value))
        return json_is_integer(value);
    return real >= NUMBER_EXACT_MAX || real <= -NUMBER_EXACT_MAX || (double)(int64_t)real == real;
}

static bool check_value(const json_t *value, const struct shape *shape, const struct path *path,
                        struct error *error)
{
    if (shape->need == SHAPE_OPTIONAL && (value == NULL || json_is_null(value)))
        return true;
    switch (shape->kind) {
    case SHAPE_STRING:
        return json_is_string(value) || wrong(path, "a string", error);
    case SHAPE_BOOLEAN:
        return json_is_boolean(value) || wrong(path, "true or false", error);
    case SHAPE_INTEGER:
        return json_is_integer(value) || wrong(path, "a whole number", error);
    case SHAPE_WHOLE:
        return shape_is_whole(value) || wrong(path, "a whole number", error);
    case SHAPE_OBJECT:
        return check_object(value, shape->members, path, error);
    case SHAPE_STRINGS:
    case SHAPE_OBJECTS:
        return check_array(value, shape, path, error);
    case SHAPE_MAP:
        return check_map(value, shape, path, error);
    }
    return false;
}

bool shape_check(const json_t *value, const struct shape *members, struct error *error)
{
    const struct path top = {.length = 0};
    return check_object(value, members, &top, error);
}
