/*
 * Many paths between nodes that are known by names, in one process: a link is what one node dials
 * another by, a relay with a port of its own. What is said of the path between two nodes holds for
 * the links of both directions. A partition cuts links: nothing passes, whatever is under way.
 */
#ifndef NET_RELAY_LINKS_H
#define NET_RELAY_LINKS_H

#include "net/relay/path_rule.h"
#include "net/relay/relay.h"

struct relay_links;

/* Of which something is said by itself. */
struct relay_path {
    struct path_rule rule;
    struct impairment settings; /* with what holds for all */
};

struct relay_link {
    const char *from, *to;
    const struct relay *relay;
};

/* ALL is what holds for every path at first, and copied. */
struct relay_links *relay_links_new(struct event_base *base, const struct impairment *all);
void relay_links_free(struct relay_links *links);

/*
 * Where FROM reaches TO, which is at SERVER, from now on: the same place each time that it is asked
 * for, though SERVER may be another, with which its counts begin anew. It is of 127.0.0.1 or ::1,
 * as SERVER's family is. The same seed, names and datagrams meet the same fate; links of other
 * names have luck of their own. NULL with ERROR set where the socket cannot be had.
 */
const struct relay_endpoint *relay_links_open(struct relay_links *links, const char *from,
                                              const char *to, const struct relay_endpoint *server,
                                              struct error *error);
void relay_links_apply(struct relay_links *links, const struct path_rule *rule);

/*
 * From now on nothing passes between nodes of different GROUPS, each "node1,node2"; where there is
 * one group, between its nodes and all others. Nodes that are in none are reached by all. An
 * earlier partition is over; COUNT 0: there is none.
 */
void relay_links_part(struct relay_links *links, const char *const *groups, size_t count);
/* Whether a partition can be so: there is a group, none is empty, and nobody is in two. */
bool relay_groups_check(const char *const *groups, size_t count, struct error *error);
/* Whether a partition is between these two. */
bool relay_links_cut(const struct relay_links *links, const char *one, const char *other);

/* What holds now, in order; pointers hold until the next call that changes something. */
const struct impairment *relay_links_all(const struct relay_links *links);
const struct relay_path *relay_links_paths(const struct relay_links *links, size_t *count);
char *const *relay_links_groups(const struct relay_links *links, size_t *count);
/* Calls VISIT for each link, in the order in which they were opened. */
void relay_links_visit(const struct relay_links *links,
                       void (*visit)(void *context, const struct relay_link *link), void *context);

#endif
