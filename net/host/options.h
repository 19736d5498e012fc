/* What several programs' command lines say of a node, read in one way. */
#ifndef NET_HOST_OPTIONS_H
#define NET_HOST_OPTIONS_H

#include "net/address/identity.h"
#include "net/protocols/status.h"

/*
 * The identity of --key FILE or --key-hex HEX, or a new one where both are NULL. NULL with the
 * error set; USAGE tells whether the command line is to blame.
 */
struct identity *identity_option(const char *file, const char *hex, bool *usage,
                                 struct error *error);
/* CHECKPOINT of OPTION's ROOT:SLOT; untouched where TEXT is NULL. The error names the option. */
bool status_option_checkpoint(const char *option, const char *text,
                              struct status_checkpoint *checkpoint, struct error *error);

/* "none" and "strict", of --sign: whether host_settings' `sign` is set. */
extern const char *const sign_policies[];

#endif
