/* Members of the JSON objects that meshes are described by; NULL where there is none. */
#ifndef NET_MESH_MEMBERS_H
#define NET_MESH_MEMBERS_H

#include <jansson.h>

static inline json_t *member(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

static inline const char *text_member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

#endif
