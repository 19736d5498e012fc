/* Copies of what a devnet wrote, without the keys of its nodes. */
#ifndef DEVNET_REPORT_COPY_H
#define DEVNET_REPORT_COPY_H

#include "common/error.h"
#include "devnet/state.h"

/* Keys of nodes, as hexadecimal digits. Begins as {0}. */
struct secrets {
    char (*items)[65];
    size_t count;
};

/* Adds the keys that the devnet's nodes have in their folders. */
void secrets_find(struct secrets *secrets, const struct devnet *devnet);
void secrets_clear(struct secrets *secrets);

/*
 * Copies a file of lines with "<key>" in the place of each of SECRETS and, where ANY, of all other
 * 64 hexadecimal digits that are by themselves, as keys are. WHOLE: without a last line that is not
 * written to its end yet. A file that is absent is none to copy.
 */
bool report_copy_lines(const struct secrets *secrets, const char *from, const char *to, bool any,
                       bool whole, struct error *error);
/*
 * Copies to FOLDER what a report has of the devnet: of each node its log, events and QUIC logs, to
 * nodes/NAME, and those of what stands between; without lines that are not whole yet where who
 * writes them runs. And what is beside them: the commands, the records of the nodes, the experiment
 * and its steps. False with the error set where a file cannot be read or written.
 */
bool report_copy_devnet(const struct secrets *secrets, const struct devnet *devnet,
                        const char *folder, struct error *error);

#endif
