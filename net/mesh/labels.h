/* Short names for people: what tells peers and topics apart. */
#ifndef NET_MESH_LABELS_H
#define NET_MESH_LABELS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LABEL_TAIL_MIN = 6,  /* bytes of a long name's end that are always shown */
    LABEL_TAIL_MAX = 24, /* and at most, though it may not tell it apart */
    LABEL_WHOLE_MAX = 12 /* up to here a name is shown whole */
};

/*
 * A label for each of COUNT names, which are all different: the name where it is short, otherwise
 * "…" and as much of its end as no other name ends in. Peer ids begin alike, and differ at the end.
 * Control characters are replaced. The caller frees each with free(), and the array.
 */
char **labels_of_peers(const char *const *names, size_t count);
/* "block" for "/leanconsensus/devnet0/block/ssz_snappy", where that is no other's too; otherwise
 * the whole topic. Freed as above. */
char **labels_of_topics(const char *const *names, size_t count);
/* Whether people mean TOPIC by WANTED: by its name, or by the "block" or "lean:block" of one of
 * Lean's. */
bool label_means_topic(const char *wanted, const char *topic);

#endif
