/* devnet-node as one of Lean's clients: what the options that they share say, and the genesis
 * folder. */
#ifndef CMD_NODE_CLIENT_H
#define CMD_NODE_CLIENT_H

#include "cmd/node/settings.h"
#include "devnet/genesis.h"

struct client {
    struct genesis genesis;          /* no nodes where no folder is given */
    const struct genesis_node *self; /* NULL: none of them is said to be us */
    char *api, *metrics;             /* where to listen; NULL: not said */
    char **topics;                   /* none where no option of Lean's clients is given */
    size_t topic_count;
    bool is_aggregator;
};

/* Exits 2 where the options or the folder will not do. Cleared with client_clear. */
void client_read(const struct node_settings *settings, struct client *client);
void client_clear(struct client *client);
/* The identity of --node-key, or else the folder's; NULL where neither tells. Exits 2 where it is
 * there and will not do. */
struct identity *client_identity(const struct client *client, const struct node_settings *settings);

#endif
