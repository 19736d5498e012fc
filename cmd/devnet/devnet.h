/* What the commands of devnet share. */
#ifndef CMD_DEVNET_DEVNET_H
#define CMD_DEVNET_DEVNET_H

#include <jansson.h>

#include "common/options.h"
#include "devnet/state.h"
#include "net/address/identity.h"

enum { DEVNET_OK = 0, DEVNET_FAILED = 1, DEVNET_USAGE = 2 };

struct devnet_options {
    const char *folder;
    uint64_t nodes;
    int wiring;
    struct option_list with;
    uint64_t timeout;
    bool json;
    bool follow;
    bool events;
    const char *key; /* of enr make */
    struct option_list ips;
    uint64_t port, sequence;
};

/* Each returns the exit status. */
int devnet_up_command(const struct devnet_options *options, char **operands, size_t count);
int devnet_down_command(const struct devnet_options *options);
int devnet_status_command(const struct devnet_options *options);
int devnet_logs_command(const struct devnet_options *options, const char *name);
int devnet_key_command(const struct devnet_options *options, const char *verb, const char *path);
int devnet_enr_command(const struct devnet_options *options, const char *verb, char **operands,
                       size_t count);

/* A key file that is there, whoever made it: one that others can read is warned of. NULL with the
 * error and errno set, as of identity_load. */
struct identity *devnet_load_key(const char *path, struct error *error);
/* What is known of the nodes: {"folder", "up", "nodes"}. */
json_t *devnet_describe(const struct devnet *devnet);

/* A snapshot of what the nodes that have an API say of themselves. */
json_t *devnet_ask(const struct devnet *devnet, uint64_t timeout_ms);

/* Where the programs are: $DEVNET_BIN, or beside this one. PROGRAM is "devnet-node" and the like;
 * freed with free(). */
char *devnet_program(const char *program);

/* Whether `devnet NAME` is known to be devnet-NAME. */
bool devnet_is_guest(const char *name);
/*
 * Becomes devnet-NAME, with the names of nodes among ARGUMENTS (a list that ends with NULL)
 * replaced by what that program takes. Returns an exit status where it cannot.
 */
int devnet_run_program(const char *folder, const char *name, char **arguments);

#endif
