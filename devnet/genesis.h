/*
 * A genesis folder, as Lean's devnets have it (lean-quickstart):
 *
 *   validator-config.yaml   the nodes: name, key or record, address, ports
 *   nodes.yaml              node records, in any order and without names
 *   config.yaml             GENESIS_TIME, ATTESTATION_COMMITTEE_COUNT, GENESIS_VALIDATORS and more
 *   validators.yaml         which validators a node has
 *   annotated_validators.yaml   the same, with their keys; counts before the other
 *   NAME.key                the key of a node: 64 hexadecimal digits
 *
 * Either of the first two makes a folder one, but that of a devnet of ours. Others' keys may be
 * readable by all, which is warned of, as is what the files say differently.
 */
#ifndef DEVNET_GENESIS_H
#define DEVNET_GENESIS_H

#include "devnet/state.h"
#include "net/address/identity.h"
#include "net/address/node_address.h"

enum { GENESIS_FILE_MAX = 4 * 1024 * 1024, GENESIS_NAME_MAX = 64, GENESIS_COMMITTEES_MAX = 64 };

struct genesis_node {
    char *name;                /* a node that only nodes.yaml has goes by its peer id */
    struct identity *identity; /* NULL: its record is all that there is */
    char enr[ENR_TEXT_SIZE];
    struct node_address address;
    uint16_t api_port, metrics_port; /* 0: not told */
    bool is_aggregator;
    bool is_listed;       /* nodes.yaml has it */
    uint64_t *validators; /* their indices, in order */
    size_t validator_count;
};

struct genesis {
    char *folder;
    struct genesis_node *nodes;
    size_t count;
    char **listed; /* what nodes.yaml has, in order: node records and multiaddrs */
    size_t listed_count;
    uint64_t committees;      /* for attestations: 1 where no file tells */
    size_t validators;        /* whose keys config.yaml has: 0 where it does not tell */
    uint64_t validator_total; /* as many as there are said to be; at least `validators` */
    bool has_total;           /* config.yaml says how many */
};

/* 1 to GENESIS_NAME_MAX letters, digits, _ and -, the last not first. */
bool genesis_is_name(const char *name);
/* False with the error set, which names file, line and key; cleared by the caller in either case.
 */
bool genesis_load(const char *folder, struct genesis *genesis, struct error *error);
void genesis_clear(struct genesis *genesis);
/* Whether PATH is called as a nodes.yaml may be: *.yaml or *.yml. */
bool genesis_is_records(const char *path);
/* Reads a nodes.yaml alone, whose nodes go by their peer ids. The same else as genesis_load. */
bool genesis_load_records(const char *path, struct genesis *genesis, struct error *error);
/* Reads one of the five YAML files, which has TEXT; faults name PATH. Key files are looked for in
 * the folder. */
bool genesis_take(struct genesis *genesis, const char *file, const char *path, struct bytes text,
                  struct error *error);
struct genesis_node *genesis_find(const struct genesis *genesis, const char *name);
struct genesis_node *genesis_find_peer(const struct genesis *genesis, const struct peer_id *id);

/* The same where FOLDER is NULL: the devnet's own if it is a genesis folder, otherwise there are no
 * nodes. */
bool genesis_load_for(const char *folder, const struct devnet *devnet, struct genesis *genesis,
                      struct error *error);
/* Adds to DEVNET, as nodes of others, those that it has neither by name nor by peer id. */
void genesis_add_to(const struct genesis *genesis, struct devnet *devnet);
/* devnet_load, genesis_load_for and genesis_add_to. */
bool genesis_load_devnet(const char *folder, struct devnet *devnet, struct error *error);

#endif
