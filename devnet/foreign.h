/* Other programs as nodes of a devnet: a client in the making, among nodes that are known to work.
 */
#ifndef DEVNET_FOREIGN_H
#define DEVNET_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "devnet/state.h"

enum { FOREIGN_NAME_MAX = 32 };

/* "NAME=COMMAND", split; both are freed by the caller. False where it is not that, or NAME is of
 * the form of our own nodes' names, or what stands between nodes. */
bool foreign_parse(const char *text, char **name, char **command, struct error *error);

/* NAME of such a text, whatever else it is; freed with free(). */
char *foreign_name_of(const char *text);

/* Whether COUNT texts of --with are each that, and no two of one NAME. Errors begin with "--with".
 */
bool foreign_check_all(const char *const *texts, size_t count, struct error *error);

/* Whether one of COUNT such texts is of NAME. */
bool foreign_has_name(const char *name, const char *const *texts, size_t count);

/* Whether a node may be called so: at most FOREIGN_NAME_MAX letters, digits, _ and -, not first -,
 * and not as what stands between nodes. */
bool foreign_name_check(const char *name, struct error *error);

/* What came of a program's start. */
struct foreign_outcome {
    const struct devnet_node *node; /* NULL: it was not started */
    bool told_key;                  /* whether {key} was in its command */
    char
        *key_peer_id; /* whose {key} is, where it showed another id, or NULL; freed by the caller */
};

/*
 * Adds a node called NAME to DEVNET, of whose own nodes one is up, and starts COMMAND, by /bin/sh,
 * in which these are replaced:
 *
 *   {port}      a free UDP port on 127.0.0.1, where it is to listen
 *   {key}       the path of a file with its secp256k1 secret, 64 hexadecimal digits
 *   {bootnode}  the multiaddr of the first of our nodes that is up
 *   {enr}       its node record
 *   {nodes}     DIR/nodes.yaml, with the node records of all nodes that were there before it, or,
 *               where it finds them by other addresses (devnet/routes.h), or DIR is a genesis
 *               folder, DIR/NAME/nodes.yaml
 *   {qlog}      a folder for its QUIC logs, which `devnet orphans` then reads
 *
 * Waits until the first node is connected to it, which that node sees to where none of
 * {bootnode}, {enr} and {nodes} is in COMMAND. A program with a key of its own is met by the id
 * that it shows, and has no node record. False with the error set where that does not happen within
 * TIMEOUT_MS.
 */
bool devnet_start_foreign(struct devnet *devnet, const char *name, const char *command,
                          uint64_t timeout_ms, struct foreign_outcome *outcome,
                          struct error *error);

/* Starts it again as it was, after what it has logged. Whether it is connected to anybody is not
 * waited for. */
bool devnet_start_foreign_again(const struct devnet *devnet, struct devnet_node *node,
                                struct error *error);

/* A multiaddr without its /p2p: where it listens, whoever it is; freed with free(). */
char *foreign_place(const char *address);
/* From here on NODE is known by the id that it has shown. Without its key nobody makes its record.
 */
void foreign_know_by(struct devnet_node *node, const char *shown);

#endif
