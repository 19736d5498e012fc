/* What the commands of devnet-mesh share. */
#ifndef CMD_MESH_MESH_H
#define CMD_MESH_MESH_H

#include <jansson.h>

#include "common/options.h"
#include "net/address/names.h"

enum {
    MESH_SAME = 0,
    MESH_SOUND = 0,
    MESH_DIFFERENT = 1,
    MESH_UNREACHABLE = 1,
    MESH_UNSOUND = 1,
    MESH_TROUBLE = 2,
};

struct mesh_options {
    const char *output;
    bool text;
    bool json;
    uint64_t timeout;
    uint64_t stay; /* with a node that is visited */
    struct option_list ignore, names;
    uint64_t wait;
    uint64_t duration; /* of watching; 0: no end */
    bool all;
    const char *topic, *before, *html; /* of a graph */
    bool dot, connections;
};

/* Each returns the exit status. */
int mesh_dump_command(const struct mesh_options *options, const char *const *inputs, size_t count);
int mesh_diff_command(const struct mesh_options *options, const char *a, const char *b);
int mesh_check_command(const struct mesh_options *options, const char *const *inputs, size_t count);
int mesh_watch_command(const struct mesh_options *options, const char *const *apis, size_t count);
int mesh_graph_command(const struct mesh_options *options, const char *const *inputs, size_t count);

/* Asks live nodes: each of INPUTS is a target (net/mesh/target.h), several with commas between, or
 * a devnet's folder, which means all of its nodes. NULL with the error set where one is no such
 * thing. */
json_t *mesh_ask(const struct mesh_options *options, const char *const *inputs, size_t count,
                 struct error *error);
/* The snapshot in a file, where INPUTS is the one name of it, or of live nodes. NULL with the error
 * set where the file cannot be read, or one is no target; nodes that do not answer are in it. */
json_t *mesh_read(const struct mesh_options *options, const char *const *inputs, size_t count,
                  struct error *error);

/* Whether INPUT is not a file: a folder of a devnet, or "TARGET" or "TARGET,TARGET" where no file
 * has that name. */
bool mesh_is_live(const char *input);

/* Whether it has nobody but those who did not answer. */
bool mesh_nobody_answered(const json_t *snapshot);
/* Whether it has nobody at all. */
bool mesh_nobody_asked(const json_t *snapshot);
/* Whether it has nobody of whom a check can say anything: a page of metrics alone, or a Lean node's
 * API that tells of its health alone, is nobody. */
bool mesh_has_nothing_to_check(const json_t *snapshot);

/* Says on stderr which nodes did not answer; returns how many there are. */
size_t mesh_warn_unreachable(const json_t *snapshot);

/* Says that the file at PATH could not be written, and whose option that is where the path, by the
 * errno CODE, is at fault. */
void mesh_tell_unwritten(const char *option, const char *path, int code, struct error *error);

/* What nodes are called: by --name, by the folders of devnets and by the snapshots that were read.
 */
extern struct names mesh_names;

/* "NAME (ID)", or the ID where there is no name; freed with free(). */
char *mesh_name_and_id(const char *id);
/* Text on stdout; what nodes say of themselves is not let through to the terminal as it is. */
void mesh_print_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, a line, in which nodes are called by their names. */
void mesh_print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints a snapshot for people, on stdout. */
void mesh_print(const json_t *snapshot);

#endif
