/*
 * An experiment in a file, devnet.yaml: which nodes there are, who is connected to whom, what is
 * done to them and when, and what is asked in the end. devnet/experiment.schema.json describes it;
 * what names of nodes and commands do in it is checked here, too, and the commands' own arguments
 * are not.
 */
#ifndef DEVNET_EXPERIMENT_H
#define DEVNET_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

enum {
    EXPERIMENT_SIZE_MAX = 1024 * 1024, /* bytes of the file */
    EXPERIMENT_STEPS_MAX = 1000,       /* of the timeline, and as many checks */
    EXPERIMENT_PAIRS_MAX = 10000,
    EXPERIMENT_ANY_STATUS = -1,
};

/* Line numbers are from 1. */
struct experiment_node {
    char *name;
    char **options; /* ends with NULL; of a node of ours, beside those of all, or NULL */
    char *with;     /* of another program: "NAME=COMMAND", as up --with takes it; NULL: ours */
    size_t line;
};

struct experiment_pair {
    char *dialler, *listener; /* the dialler is ours */
    size_t line;
};

/* A command of devnet. */
struct experiment_step {
    char **words;   /* the command and its arguments; ends with NULL */
    uint64_t at_ms; /* of the timeline: since all nodes are up */
    int expected;   /* exit status, or EXPERIMENT_ANY_STATUS */
    size_t line;    /* 0: by default */
};

struct experiment_steps {
    struct experiment_step *items;
    size_t count;
};

struct experiment {
    char *file; /* as it is called in messages */
    struct experiment_node *nodes;
    size_t count, own; /* all, and those of ours */
    char **options;    /* ends with NULL; of all nodes of ours, or NULL */
    size_t options_line;
    char *connect; /* the shape of the wiring, as of up; NULL: not said */
    bool listed;   /* instead: these pairs and no others */
    struct experiment_pair *pairs;
    size_t pair_count;
    char **paths; /* as of up --path (net/relay/path_rule.h), of nodes that there are; ends with
                   * NULL, or NULL */
    bool partitionable;
    bool tap;            /* as of up --tap; not with a relay, and each program takes {key} */
    uint64_t seed;       /* UINT64_MAX: not said */
    uint64_t timeout_ms; /* of up; 0: not said */
    struct experiment_steps timeline, checks;
    char *report; /* where that is to be, or NULL */
};

/* FILE is the name of TEXT in messages: "FILE:LINE: what". False with the error set where it is not
 * sound, and there is nothing to clear then. */
bool experiment_parse(const char *file, struct bytes text, struct experiment *experiment,
                      struct error *error);
void experiment_clear(struct experiment *experiment);
/* NULL where there is none of that name. */
const struct experiment_node *experiment_find(const struct experiment *experiment,
                                              const char *name);

#endif
