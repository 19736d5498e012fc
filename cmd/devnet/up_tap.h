/* The tap of `devnet up --tap`. */
#ifndef CMD_DEVNET_UP_TAP_H
#define CMD_DEVNET_UP_TAP_H

#include <sys/types.h>

#include "cmd/devnet/devnet.h"
#include "devnet/wiring.h"

/* Whether one can be between the nodes that OPTIONS ask for; if not, that is said. */
bool up_tap_check(const struct devnet_options *options, const struct wiring *wiring);
/* The same of one more program, as --with has it. */
bool up_tap_check_program(const char *with);
/* Starts it where it is asked for, and gives it all nodes; false where that fails, which is said.
 */
bool up_tap(struct devnet *devnet, const struct devnet_options *options, struct error *error);

/* How much the tap has told, in bytes, if there is one. */
off_t up_tap_told(const struct devnet *devnet);
/* Says of the program called NAME, which is not connected, whose dial the tap has refused since it
 * had told BEFORE bytes, if any. */
void up_tap_report_refusal(const struct devnet *devnet, const char *name, off_t before);

#endif
