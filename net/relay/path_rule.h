/*
 * What is said of the path between two nodes, as people and files write it:
 *
 *   node1,node2:delay=50ms,loss=1    of the path between these two, whoever dials
 *   all:jitter=5ms                   of every path of whose jitter nothing is said by itself
 *   node1,node2:clean                nothing is wrong with it, whatever is said of all
 *   all:clean                        nothing is wrong with any, whatever was said of them
 *
 * Keys are delay and jitter (durations), loss, duplicate and reorder (percent) and seed; what a
 * rule does not name stays as it is. Of two about the same the later counts. Pure.
 */
#ifndef NET_RELAY_PATH_RULE_H
#define NET_RELAY_PATH_RULE_H

#include "net/relay/impairment.h"

enum { PATH_KEYS = 6, PATH_TEXT_SIZE = 256, PATH_DELAY_MAX_MS = 60000 };

struct path_rule {
    char *nodes[2]; /* NULL: of all paths */
    bool said[PATH_KEYS];
    bool clean;
    struct impairment settings; /* of what is said */
};

/* False with the error set, TEXT before it, where it is no such rule; whether there are nodes of
 * these names is the caller's to say. To be cleared where true. */
bool path_rule_parse(const char *text, struct path_rule *rule, struct error *error);
void path_rule_clear(struct path_rule *rule);
/* The nodes that a rule may name. */
typedef bool path_is_node(const void *context, const char *name);
/* Whether TEXT is a rule, and of nodes that are there; false with the error set, TEXT before it. */
bool path_rule_check(const char *text, path_is_node *is_node, const void *context,
                     struct error *error);
/* The same of NAME alone. */
bool path_node_check(const char *name, path_is_node *is_node, const void *context,
                     struct error *error);
/* Whether it is of the path between these two alone. */
bool path_rule_is_of(const struct path_rule *rule, const char *one, const char *other);
/* From now on RULE says what MORE says, too, of the nodes that it is of. */
void path_rule_add(struct path_rule *rule, const struct path_rule *more);
/* Carries it out. */
void path_rule_apply(const struct path_rule *rule, struct impairment *impairment);

/* Whether nothing is wrong with it, whatever the seed. */
bool path_is_clean(const struct impairment *impairment);
/* "delay=50ms,loss=1": what is wrong, and the seed where luck matters and it is not 1; "clean"
 * where nothing is. TEXT has PATH_TEXT_SIZE bytes. */
void path_text(const struct impairment *impairment, char *text);

#endif
