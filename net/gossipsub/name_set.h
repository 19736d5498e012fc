/* A set of topics' names of which their hashes alone are kept: eight bytes each. */
#ifndef NET_GOSSIPSUB_NAME_SET_H
#define NET_GOSSIPSUB_NAME_SET_H

#include "common/bytes.h"

enum { NAME_SET_MAX = 4096 }; /* names */

/* A zeroed struct is an empty set. */
struct name_set {
    uint64_t *hashes; /* sorted */
    size_t count;
    size_t capacity;
};

bool name_set_has(const struct name_set *set, struct bytes name);
/* False where it was there, or NAME_SET_MAX others are. */
bool name_set_add(struct name_set *set, struct bytes name);
/* False where it was not there. */
bool name_set_remove(struct name_set *set, struct bytes name);
void name_set_clear(struct name_set *set);

#endif
