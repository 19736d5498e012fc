#include "cmd/devnet/devnet.h"
#include "cmd/devnet/experiment_file.h"
#include "cmd/devnet/up_connect.h"
#include "cmd/devnet/up_tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/words.h"
#include "devnet/ask.h"
#include "devnet/between.h"
#include "devnet/foreign.h"
#include "devnet/genesis_start.h"
#include "devnet/loop.h"
#include "devnet/own_files.h"
#include "devnet/paths.h"
#include "devnet/start.h"
#include "devnet/stop.h"
#include "net/mesh/snapshot.h"
#include "net/relay/path_rule.h"

enum {
    LINES_OF_A_DEAD_NODE = 10,
    STOP_PATIENCE_MS = 5000,
    DYING_MS = 200,
    NODES_DEFAULT = 2,
    UP_TIMEOUT_MS = 3000
};

size_t devnet_node_count(const struct devnet_options *options)
{
    return options->nodes > 0 ? options->nodes : NODES_DEFAULT;
}

/* Takes LINES over. */
static void show_last(const char *name, const char *how, char *lines)
{
    if (*lines != '\0')
        fprintf(stderr, "what %s %s:\n%s\n", name, how, lines);
    free(lines);
}

void devnet_report_last_lines(const struct devnet *devnet, const char *name)
{
    show_last(name, "wrote last", devnet_last_lines(devnet, name, LINES_OF_A_DEAD_NODE));
}

void devnet_report_culprit(const struct devnet *devnet, const struct devnet_node *culprit)
{
    devnet_report_last_lines(devnet, culprit->name);
    if (devnet_node_is_foreign(culprit))
        show_last(culprit->name, "printed last, on stdout",
                  devnet_last_printed(devnet, culprit->name, LINES_OF_A_DEAD_NODE));
}

/* Says which node has ended, if one has: its connections end a little before it does. */
static void report_ended(const struct devnet *devnet)
{
    struct process *processes = devnet_processes(devnet);
    size_t ended = process_find_ended(processes, devnet->count, DYING_MS);
    if (ended < devnet->count) {
        log_error("%s has ended", devnet->nodes[ended].name);
        devnet_report_culprit(devnet, &devnet->nodes[ended]);
    }
    free(processes);
}

/* Takes the lock, and sees to it that nothing of an earlier devnet runs. */
static bool claim(struct devnet *devnet, struct error *error)
{
    static const char already_up[] = "a devnet is up in %s already; `devnet down` stops it";
    if (!devnet_lock(devnet, error) || !devnet_load(devnet, error))
        return false;
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].stopped || family_lives(&devnet->nodes[i].process))
            return error_set(error, already_up, devnet->folder);
    for (size_t i = 0; i < devnet->between_count; i++)
        if (process_is_running(&devnet->between[i].process))
            return error_set(error, already_up, devnet->folder);
    /* What a crash or a reboot left of one. */
    devnet_forget(devnet);
    devnet_forget_left(devnet);
    return devnet_load(devnet, error);
}

/* A line with its name and where it is. */
static void report_node(const struct devnet_node *node)
{
    printf("%s %s %s%s%s\n", node->name, node->api != NULL ? node->api : "-", node->listen[0],
           node->enr != NULL ? " " : "", node->enr != NULL ? node->enr : "");
}

/* Says where a program is somebody else than was made ready for it. */
static void report_key(const struct foreign_outcome *outcome)
{
    const char *name = outcome->node->name, *id = outcome->node->peer_id;
    if (outcome->key_peer_id != NULL && outcome->told_key)
        log_warn("%s shows another peer id, %s, than {key}'s, %s: it has not taken that key", name,
                 id, outcome->key_peer_id);
    else if (outcome->key_peer_id != NULL)
        log_info("%s has a key of its own, and is known by the peer id that it shows, %s", name,
                 id);
}

/* Whom it is connected to, now that it has come up. */
static const char *partner_of(const struct devnet *devnet, const struct devnet_node *node)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet_node_is_dialler(&devnet->nodes[i], node->name))
            return devnet->nodes[i].name;
    return node->dials;
}

bool devnet_add_foreign(struct devnet *devnet, const char *with,
                        const struct devnet_options *options, struct error *error)
{
    struct foreign_outcome outcome;
    char *name, *command;
    if (!foreign_parse(with, &name, &command, error)) {
        log_error("--with %s", error->text);
        return false;
    }
    off_t before = up_tap_told(devnet);
    bool up = devnet_start_foreign(devnet, name, command, options->timeout, &outcome, error);
    if (up)
        report_key(&outcome);
    if (up && !options->json) {
        report_node(outcome.node);
        printf("%s connected to %s\n", partner_of(devnet, outcome.node), name);
        output_flush();
    } else if (!up) {
        log_error("%s", error->text);
        up_tap_report_refusal(devnet, name, before);
        if (outcome.node != NULL)
            devnet_report_culprit(devnet, outcome.node);
    }
    free(outcome.key_peer_id);
    free(name);
    free(command);
    return up;
}

/* Where paths can be bad, or a partition come. */
static bool put_relay_between(struct devnet *devnet, const struct devnet_options *options,
                              struct error *error)
{
    if (options->paths.count == 0 && !options->partitionable)
        return true;
    char *program = devnet_program("devnet-relay");
    bool started = devnet_start_relay(devnet, program, options->paths.items, options->paths.count,
                                      options->timeout, error);
    if (!started) {
        log_error("%s", error->text);
        devnet_report_last_lines(devnet, "relay");
    }
    free(program);
    return started;
}

/* Whether nobody has interrupted us, and somebody reads what we print. */
static bool is_going_on(struct error *error)
{
    bool going_on = loop_was_interrupted() ? error_set(error, "interrupted") : output_end(error);
    if (!going_on)
        log_error("%s", error->text);
    return going_on;
}

static void print_all(const struct devnet *devnet, const struct devnet_options *options,
                      const struct wiring *wiring)
{
    json_t *status = devnet_describe(devnet);
    json_object_set_new(status, "wiring", up_wiring_json(devnet, options, wiring));
    output_json(status);
    json_decref(status);
}

static void note_arguments(struct devnet *devnet, const struct start_options *start)
{
    devnet->node_arguments = memory_new((start->argument_count + 1) * sizeof(char *));
    for (size_t i = 0; i < start->argument_count; i++)
        devnet->node_arguments[i] = text_copy(start->arguments[i]);
}

/* For a report, also of one that does not come up. */
static bool keep_how(const struct devnet *devnet, const struct devnet_options *options,
                     struct error *error)
{
    if (options->attempt != NULL)
        devnet_note_run(devnet, options);
    else
        devnet_note_command(devnet, true);
    if (options->from == NULL || experiment_file_keep(options->from, devnet, error))
        return true;
    log_error("%s", error->text);
    return false;
}

static bool bring_up(struct devnet *devnet, const struct devnet_options *options, size_t count,
                     const struct start_options *start, struct error *error)
{
    const struct devnet_node *culprit = NULL;
    struct wiring wiring;
    if (!up_wiring(options, &wiring, error)) {
        log_error("%s", error->text);
        return false;
    }
    note_arguments(devnet, start);
    bool started = devnet_start(devnet, count, start, &culprit, error);
    if (!started)
        log_error("%s", error->text);
    if (!started && culprit != NULL)
        devnet_report_culprit(devnet, culprit);
    struct error own; /* where something is wrong already, that is what is told */
    if (!keep_how(devnet, options, started ? error : &own) || !started)
        return false;
    if (!put_relay_between(devnet, options, error))
        return false;
    for (size_t i = 0; i < devnet->count && !options->json; i++)
        report_node(&devnet->nodes[i]);
    if (!up_tap(devnet, options, error) || !is_going_on(error))
        return false;
    if (!up_connect(devnet, options, &wiring, error) || !devnet_save(devnet, error)) {
        log_error("%s", error->text);
        report_ended(devnet);
        return false;
    }
    for (size_t i = 0; i < options->with.count; i++)
        if (!devnet_add_foreign(devnet, options->with.items[i], options, error) ||
            !is_going_on(error))
            return false;
    if (!up_connect_programs(devnet, options, error) || !devnet_save(devnet, error) ||
        !devnet_write_nodes(devnet, error)) {
        log_error("%s", error->text);
        return false;
    }
    if (options->json && !options->silent)
        print_all(devnet, options, &wiring);
    return is_going_on(error);
}

/* Before anything is started. */
static bool check_usage(const struct devnet_options *options, char **operands, size_t count)
{
    struct wiring wiring;
    struct error why;
    if (!up_wiring(options, &wiring, &why)) {
        log_error("--connect: %s", why.text);
        return false;
    }
    if (!start_options_check(operands, count, &why)) {
        log_error("%s", why.text);
        return false;
    }
    if (!foreign_check_all(options->with.items, options->with.count, &why)) {
        log_error("%s", why.text);
        return false;
    }
    return !options->tap || up_tap_check(options, &wiring);
}

/* ---- in the place of a genesis folder's nodes ---- */

/* Which of them answer; freed with free(). */
static bool *find_up(const struct genesis *genesis, const char *folder)
{
    bool *up = memory_new(genesis->count * sizeof(*up) + 1);
    struct devnet others;
    devnet_init(&others, folder);
    genesis_add_to(genesis, &others);
    json_t *snapshot = devnet_ask(&others, UP_TIMEOUT_MS);
    for (size_t i = 0; i < genesis->count; i++)
        up[i] =
            snapshot_find_item(json_object_get(snapshot, "foreign"), others.nodes[i].peer_id) !=
                NULL ||
            snapshot_find_item(json_object_get(snapshot, "nodes"), others.nodes[i].peer_id) != NULL;
    json_decref(snapshot);
    devnet_clear(&others);
    return up;
}

static void report_up(const struct genesis *genesis, const bool *up,
                      const struct devnet_options *options)
{
    for (size_t i = 0; i < genesis->count && !options->json; i++)
        if (up[i])
            printf("%s is up already\n", genesis->nodes[i].name);
    output_flush();
}

/* Whether none of the nodes that are to be run is called as another program. */
static bool check_plan(const struct genesis_nodes *plan, const struct devnet_options *options,
                       struct error *error)
{
    for (size_t i = 0; i < plan->count; i++)
        if (foreign_has_name(plan->nodes[i].name, options->with.items, options->with.count))
            return error_set(error,
                             "--with %s: the genesis folder has a node of that name, which "
                             "is to be run here",
                             plan->nodes[i].name);
    return true;
}

static bool bring_up_genesis(struct devnet *devnet, const struct devnet_options *options,
                             const struct genesis *genesis, struct start_options *start,
                             struct error *error)
{
    struct genesis_nodes plan = {0};
    bool *up = find_up(genesis, devnet->folder), done = false;
    report_up(genesis, up, options);
    if (!genesis_nodes_plan(genesis, up, devnet, &plan, error)) {
        log_error("%s", error->text);
    } else if (plan.count == 0) {
        log_info("%s: there is no node that is to be run", genesis->folder);
        done = options->with.count == 0;
        if (!done)
            log_error("--with needs a node of ours, which it is connected to");
    } else if (!check_plan(&plan, options, error)) {
        log_error("%s", error->text);
        *start->refused = true;
    } else {
        start->nodes = plan.nodes;
        done = bring_up(devnet, options, plan.count, start, error);
    }
    genesis_nodes_free(&plan);
    free(up);
    return done;
}

/* ---- by a file ---- */

static bool bring_up_experiment(struct devnet *devnet, const struct devnet_options *options,
                                struct start_options *start, struct error *error)
{
    struct start_node *nodes = experiment_file_nodes(options->from, devnet);
    start->nodes = nodes;
    bool up = bring_up(devnet, options, options->from->experiment.own, start, error);
    experiment_file_free_nodes(options->from, nodes);
    return up;
}

static bool check_beside_file(const struct devnet_options *options, size_t operands)
{
    if (options->nodes == 0 && options->genesis == NULL && options->with.count == 0 &&
        operands == 0 && !options->connect_said && options->seed == UINT64_MAX &&
        options->paths.count == 0 && !options->partitionable && !options->tap)
        return true;
    log_error("-f %s: the file says which nodes there are, with what options, and who dials whom; "
              "beside it may stand --timeout, --json and --verbose",
              options->file);
    return false;
}

static int up_by_file(const struct devnet_options *options, size_t operands)
{
    struct experiment_file file;
    struct error error;
    if (!check_beside_file(options, operands))
        return DEVNET_USAGE;
    if (!experiment_file_load(options->file, &file, &error)) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    int status = devnet_up_experiment(options, &file);
    if (status == DEVNET_OK && file.experiment.timeline.count > 0)
        log_info("%s: its timeline and checks are for devnet run -f", options->file);
    experiment_file_clear(&file);
    return status;
}

int devnet_up_experiment(const struct devnet_options *options, const struct experiment_file *file)
{
    struct devnet_options told = experiment_file_options(file, options);
    char **more = file->experiment.options;
    int status = devnet_up_command(&told, more, words_count(more));
    free(told.with.items);
    return status;
}

/* ---- the command ---- */

static void note_attempt(const struct devnet_options *options, bool began,
                         const struct error *error)
{
    if (options->attempt != NULL)
        *options->attempt = (struct devnet_attempt){.began = began, .error = *error};
}

/* Returns the exit status. */
static int claim_and_bring_up(struct devnet *devnet, const struct devnet_options *options,
                              const struct genesis *genesis, struct start_options *start)
{
    struct error error = {0};
    if (!claim(devnet, &error)) {
        log_error("%s", error.text);
        note_attempt(options, false, &error);
        return devnet_load_status(&error);
    }
    bool up = options->from != NULL ? bring_up_experiment(devnet, options, start, &error)
              : genesis->count > 0
                  ? bring_up_genesis(devnet, options, genesis, start, &error)
                  : bring_up(devnet, options, devnet_node_count(options), start, &error);
    if (!up && !devnet_stop(devnet, STOP_PATIENCE_MS, NULL, NULL))
        log_error("a node may be left: see `devnet down`");
    note_attempt(options, true, &error);
    return up ? DEVNET_OK : *start->refused ? DEVNET_USAGE : DEVNET_FAILED;
}

/* The nodes that are to be. */
struct planned {
    const struct devnet_options *options;
    const struct genesis *genesis;
};

static bool is_planned(const void *context, const char *name)
{
    const struct planned *planned = context;
    const struct genesis *genesis = planned->genesis;
    size_t count = planned->options->nodes > 0 ? planned->options->nodes : NODES_DEFAULT;
    char *end;
    for (size_t i = 0; i < genesis->count; i++)
        if (strcmp(genesis->nodes[i].name, name) == 0)
            return true;
    if (foreign_has_name(name, planned->options->with.items, planned->options->with.count))
        return true;
    bool ours =
        genesis->count == 0 && strncmp(name, "node", 4) == 0 && name[4] >= '1' && name[4] <= '9';
    return ours && strtoul(name + 4, &end, 10) <= count && *end == '\0';
}

/* Of what is to have a folder. */
static bool is_to_run(const void *context, const char *name)
{
    const struct planned *planned = context;
    const struct devnet_options *options = planned->options;
    const struct experiment_file *file = options->from;
    if (strcmp(name, "tap") == 0)
        return options->tap;
    if (between_is_kind(name))
        return options->partitionable || options->paths.count > 0;
    return file != NULL ? experiment_find(&file->experiment, name) != NULL
                        : is_planned(context, name);
}

static bool check_paths(const struct devnet_options *options, const struct genesis *genesis)
{
    const struct planned planned = {options, genesis};
    for (size_t i = 0; i < options->paths.count; i++) {
        struct error error;
        if (!path_rule_check(options->paths.items[i], is_planned, &planned, &error)) {
            log_error("--path %s", error.text);
            return false;
        }
    }
    return true;
}

/* False where that is said, and STATUS is set. */
static bool prepare(const struct devnet_options *options, const struct devnet *devnet,
                    struct genesis *genesis, int *status)
{
    struct error error;
    *status = DEVNET_USAGE;
    if (!genesis_load_for(options->genesis, devnet, genesis, &error)) {
        log_error("%s", error.text);
        return false;
    }
    if (genesis->count > 0 && options->tap) {
        log_error("--tap: not between a genesis folder's nodes, which dial each other by what the "
                  "folder says; `devnet-tap --genesis` writes one that says otherwise");
        return false;
    }
    if (genesis->count > 0 && options->from != NULL) {
        log_error("%s: says itself which nodes there are, and takes no file of others",
                  genesis->folder);
        return false;
    }
    if (genesis->count > 0 && options->nodes > 0) {
        log_error("--nodes: the genesis folder says which there are");
        return false;
    }
    if (!check_paths(options, genesis))
        return false;
    const struct planned planned = {options, genesis};
    if (!own_files_check_nodes(devnet, is_to_run, &planned, &error)) {
        log_error("%s", error.text);
        return false;
    }
    if (file_make_folder(options->folder, &error))
        return true;
    *status = file_path_is_to_blame(errno) ? DEVNET_USAGE : DEVNET_FAILED;
    log_error("--dir %s", error.text);
    return false;
}

int devnet_up_command(const struct devnet_options *options, char **operands, size_t count)
{
    if (options->file != NULL && options->from == NULL)
        return up_by_file(options, count);
    if (!check_usage(options, operands, count))
        return DEVNET_USAGE;
    struct devnet devnet;
    struct genesis genesis;
    int status;
    devnet_init(&devnet, options->folder);
    if (prepare(options, &devnet, &genesis, &status)) {
        char *program = devnet_program("devnet-node");
        bool refused = false;
        struct start_options start = {.refused = &refused,
                                      .program = program,
                                      .arguments = operands,
                                      .argument_count = count,
                                      .timeout_ms = options->timeout};
        loop_catch_signals();
        status = claim_and_bring_up(&devnet, options, &genesis, &start);
        free(program);
    }
    genesis_clear(&genesis);
    devnet_clear(&devnet);
    return status;
}
