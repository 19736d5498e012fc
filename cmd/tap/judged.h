/* What devnet-orphans makes of QUIC logs, for a page. */
#ifndef CMD_TAP_JUDGED_H
#define CMD_TAP_JUDGED_H

#include <jansson.h>

#include "common/error.h"

/* The `connections` of qlog_report() (net/verdict/report.h), of all logs in FOLDER: a new
 * reference. NULL, with the error set, where there are none. What of them cannot be read
 * is logged, and what is left out.
 */
json_t *judged_connections(const char *folder, struct error *error);

#endif
