/* Copies of what nodes wrote, without their keys. */
#ifndef CMD_DEVNET_REPORT_COPY_H
#define CMD_DEVNET_REPORT_COPY_H

#include "common/error.h"
#include "devnet/state.h"

/* Keys of nodes, as hexadecimal digits. Begins as {0}. */
struct secrets {
    char (*items)[65];
    size_t count;
};

/* Adds the keys that NODE has in its folder. */
void secrets_add(struct secrets *secrets, const struct devnet *devnet,
                 const struct devnet_node *node);
void secrets_clear(struct secrets *secrets);

/*
 * Copies a file of lines with "<key>" in the place of each of SECRETS and, where ANY, of all other
 * 64 hexadecimal digits that are by themselves, as keys are. WHOLE: without a last line that is not
 * written to its end yet. A file that is absent is none to copy.
 */
bool report_copy_lines(const struct secrets *secrets, const char *from, const char *to, bool any,
                       bool whole, struct error *error);
/* Copies DIR/NAME's log, events and QUIC logs to FOLDER/NAME, without lines that are not whole yet
 * where who writes them RUNS; what else there is stays. */
bool report_copy_node(const struct secrets *secrets, const struct devnet *devnet, const char *name,
                      bool runs, const char *folder, struct error *error);

#endif
