/* What devnet-tap tells on stdout: JSON objects, one a line. */
#ifndef CMD_TAP_TELL_H
#define CMD_TAP_TELL_H

#include <jansson.h>

#include "cmd/tap/picture.h"
#include "net/tap/counts.h"
#include "net/tap/sight.h"
#include "net/tap/tap.h"
#include "net/tap/wire_mesh.h"

struct teller;

extern const struct tap_sight_handlers teller_handlers; /* their context is a teller */

struct teller *teller_new(struct event_base *base);
/* False where lines were lost without a word. NULL is allowed. */
bool teller_free(struct teller *teller);
/* The record that names the tap's address, signed with the node's own key, to be freed; NULL where
 * that is of a type that has none. */
char *teller_enr(const struct tap_node *node);
/* API is its address, or NULL. */
void teller_ready(struct teller *teller, const struct tap *tap, const char *api);
json_t *teller_ready_json(const struct tap *tap, const char *api);
/* NODE was given while others were connected already, or, where MOVED, is somewhere else now or
 * there again. */
void teller_given(struct teller *teller, const struct tap_node *node, bool moved);
/* It is not there any more. */
void teller_left(struct teller *teller, const struct tap_node *node);
/* As one of the nodes in what is told first. */
json_t *teller_node_json(const struct tap_node *node);
/* HEARD is told each line from now on, too; borrowed. */
void teller_also(struct teller *teller, void (*heard)(void *context, const json_t *line),
                 void *context);

/* What was said from now on also goes to stderr, as text (net/tap/fact_text.h). */
void teller_trace(struct teller *teller);
/* All that is printed is to be drawn, too; borrowed. */
void teller_draw(struct teller *teller, struct picture *picture);
/* Whose handlers are the teller's; borrowed. */
void teller_set_sight(struct teller *teller, const struct tap_sight *sight);
/* What was heard of the mesh of TAP, which is told of. */
const struct wire_mesh *teller_mesh(const struct teller *teller);
struct teller_counts {
    const struct node_counts *nodes;        /* by their index; borrowed */
    size_t node_count;                      /* that have said something, and those before them */
    uint64_t now_s;                         /* of counter_rate() */
    uint64_t streams_passed_over;           /* too many to be looked at */
    uint64_t mesh_left_out;                 /* wire_mesh_left_out() */
    uint64_t acts[TAP_ACT_KINDS], not_held; /* by rules */
};

struct teller_counts teller_counts(const struct teller *teller);

#endif
