/* Which programs and libraries a report is of. Texts are Markdown, freed with free(). */
#ifndef CMD_DEVNET_REPORT_VERSIONS_H
#define CMD_DEVNET_REPORT_VERSIONS_H

#include "devnet/state.h"

/* A sentence with our version, the system's and those of the libraries that run. */
char *report_versions(void);
/* A line with what the nodes of DEVNET call themselves by identify, and which nodes do, as the
 * report in FOLDER has it: in mesh.json or, of those that are down, in timeline.jsonl. */
char *report_agents(const struct devnet *devnet, const char *folder);

#endif
