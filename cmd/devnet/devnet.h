/* What the commands of devnet share. */
#ifndef CMD_DEVNET_DEVNET_H
#define CMD_DEVNET_DEVNET_H

#include <jansson.h>

#include "common/error.h"
#include "common/options.h"
#include "devnet/genesis.h"

enum { DEVNET_OK = 0, DEVNET_FAILED = 1, DEVNET_USAGE = 2 };

struct experiment_file;

/* What `up` tells `run`. */
struct devnet_attempt {
    bool began;         /* the folder is ours: what is in it is of this devnet */
    struct error error; /* why it is not up; the text is "" where that was said only */
};

struct devnet_options {
    const char *folder;
    const char *genesis; /* a genesis folder, or NULL */
    uint64_t nodes;      /* 0: not said */
    const char *connect; /* the shape of the wiring, as it was written */
    bool connect_said;
    uint64_t seed; /* of a random one; UINT64_MAX: not said */
    bool verbose, tap;
    struct option_list with, paths;
    bool partitionable;
    uint64_t timeout;
    bool timeout_said;  /* and is no default */
    const char *file;   /* of up and run: an experiment (devnet/experiment.h), or NULL */
    const char *report; /* of run: where the report is to be, or NULL */
    const struct experiment_file *from; /* what the rest is from, or NULL */
    struct devnet_attempt *attempt;     /* of run, which is more than its nodes; or NULL */
    bool silent;                        /* nothing is to be printed on the standard output */
    bool json;
    bool follow;
    bool events;
    bool watch;
    uint64_t interval; /* of watching, in milliseconds */
    bool force, no_redial;
    struct option_list to; /* of add */
    uint64_t count, size;  /* of publish; size 0: not said */
    double rate;
    const char *html;
    const char *key; /* of enr make */
    struct option_list ips;
    uint64_t port, sequence;
    const char *name; /* of genesis */
    uint64_t first_port, first_api_port, first_metrics_port;
};

/* How many nodes of ours `up` is to start, where no genesis folder says it. */
size_t devnet_node_count(const struct devnet_options *options);

/* False with the error set where a devnet in its folder would replace somebody's files there.
 * EXPERIMENT is the file that it is to be from, or NULL. */
bool devnet_check_folder(const struct devnet_options *options, const char *experiment,
                         struct error *error);

/* Each returns the exit status. */
int devnet_up_command(const struct devnet_options *options, char **operands, size_t count);
/* The same by a file that is read already (cmd/devnet/experiment_file.h). */
int devnet_up_experiment(const struct devnet_options *options, const struct experiment_file *file);
int devnet_experiment_command(const struct devnet_options *options);
/* VERB: stop, start, restart, kill, pause, resume, add or remove. */
int devnet_nodes_command(const struct devnet_options *options, const char *verb, char **operands,
                         size_t count);
/* VERB: path, partition or heal. */
int devnet_paths_command(const struct devnet_options *options, const char *verb, char **operands,
                         size_t count);
int devnet_down_command(const struct devnet_options *options);
int devnet_status_command(const struct devnet_options *options);
/* WANTED: names of nodes; none: all. */
int devnet_logs_command(const struct devnet_options *options, char **wanted, size_t count);
/* FOLDER: where the report is to be. */
int devnet_report_command(const struct devnet_options *options, const char *folder);
/* False with the error set where no report of a devnet that is yet to be can be there: FOLDER is
 * neither empty nor absent, cannot be made, or is not apart from the devnet's. */
bool devnet_report_check(const char *folder, const struct devnet *devnet, struct error *error);
int devnet_publish_command(const struct devnet_options *options, char **operands, size_t count);
int devnet_key_command(const struct devnet_options *options, const char *verb, const char *path);
int devnet_genesis_command(const struct devnet_options *options, const char *folder);
int devnet_enr_command(const struct devnet_options *options, const char *verb, char **operands,
                       size_t count);

/* Of a key file that is there, whoever made it: one that others can read is warned of; or of a node
 * of the genesis folder, where there is no such file. NULL with the error and errno set, as of
 * identity_load. */
struct identity *devnet_load_key(const struct devnet_options *options, const char *path,
                                 struct error *error);
/* What is known of the nodes: {"folder", "up", "nodes"}. */
json_t *devnet_describe(const struct devnet *devnet);

/* What is wrong with paths now, and which nodes are kept apart: {"paths", "partition"}; NULL where
 * no relay answers. */
json_t *devnet_describe_paths(const struct devnet *devnet);
/* What that is, each behind a word, with END between them; "" where all is clean. STATUS has these
 * members, or has not. Freed with free(). */
char *devnet_paths_text(const json_t *status, const char *path_word, const char *parted_word,
                        const char *end);
/* Prints it, a line each. */
void devnet_print_paths(const json_t *status);

/* Notes in DIR/commands how we were run, once: ANEW, in the place of what is there. A step of an
 * experiment, which has DEVNET_STEP_VARIABLE in its environment, is noted as a remark: what repeats
 * the experiment repeats it. */
#define DEVNET_STEP_VARIABLE "DEVNET_STEP"
void devnet_note_command(const struct devnet *devnet, bool anew);
/* Of a whole experiment, in the place of what is there: what repeats it by DEVNET_EXPERIMENT_FILE
 * beside, also where the two were copied to, and how we were run, as a remark. */
void devnet_note_run(const struct devnet *devnet, const struct devnet_options *options);
/* Prints what the node called NAME, or what stands between, logged last, on stderr. */
void devnet_report_last_lines(const struct devnet *devnet, const char *name);
/* The same of CULPRIT, and of another program what it printed on stdout, too. */
void devnet_report_culprit(const struct devnet *devnet, const struct devnet_node *culprit);
/* Adds the program that WITH names; false where that fails, which is said. */
bool devnet_add_foreign(struct devnet *devnet, const char *with,
                        const struct devnet_options *options, struct error *error);
/* "cannot be" and not "failed", of an error of devnet_load: the exit status. */
int devnet_load_status(const struct error *error);

/* Where the programs are: $DEVNET_BIN, or beside this one. PROGRAM is "devnet-node" and the like;
 * freed with free(). */
char *devnet_program(const char *program);

/* Whether `devnet NAME` is known to be devnet-NAME. */
bool devnet_is_guest(const char *name);
/* The names of those that are, by INDEX from 0; NULL after the last. */
const char *devnet_guest_name(size_t index);
/*
 * Becomes devnet-NAME, with the names of nodes among ARGUMENTS (a list that ends with NULL)
 * replaced by what that program takes, and --genesis DIR taken out, which says it beside GENESIS.
 * Returns an exit status where it cannot.
 */
int devnet_run_program(const char *folder, const char *genesis, const char *name, char **arguments);

#endif
