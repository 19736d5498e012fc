/* The file of `devnet up -f` and `devnet run -f`: read and checked whole before anything is
 * started.
 */
#ifndef CMD_DEVNET_EXPERIMENT_FILE_H
#define CMD_DEVNET_EXPERIMENT_FILE_H

#include "cmd/devnet/devnet.h"
#include "common/buffer.h"
#include "devnet/experiment.h"
#include "devnet/start.h"
#include "devnet/wiring.h"

struct experiment_file {
    struct experiment experiment;
    struct buffer text;
    struct wiring_pair *pairs; /* where they are listed: those among ours, and then those to other
                                * programs; nodes are as in the devnet, ours first */
    size_t own_pairs, pair_count;
};

/* Its commands are checked, too, by the programs that they are of, and the names in them by the
 * nodes that there are then. False with the error set; there is nothing to clear then. */
bool experiment_file_load(const char *path, struct experiment_file *file, struct error *error);
void experiment_file_clear(struct experiment_file *file);

/* What FILE says in the place of OPTIONS, which know it from then on; to be cleared with free() of
 * `with.items`. */
struct devnet_options experiment_file_options(const struct experiment_file *file,
                                              const struct devnet_options *options);
/* What is special about our nodes, in order; freed with experiment_file_free_nodes(). */
struct start_node *experiment_file_nodes(const struct experiment_file *file,
                                         const struct devnet *devnet);
void experiment_file_free_nodes(const struct experiment_file *file, struct start_node *nodes);
/* Leaves a copy in the devnet's folder, for a report. */
bool experiment_file_keep(const struct experiment_file *file, const struct devnet *devnet,
                          struct error *error);

#endif
