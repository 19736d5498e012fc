#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/log.h"
#include "common/output.h"
#include "devnet/foreign.h"
#include "devnet/loop.h"
#include "devnet/start.h"
#include "devnet/stop.h"
#include "devnet/wire.h"

enum { LINES_OF_A_DEAD_NODE = 10, STOP_PATIENCE_MS = 5000, DYING_MS = 200 };

static void report_connection(void *context, const struct devnet_node *dialler,
                              const struct devnet_node *listener, const char *reached)
{
    const struct devnet_options *options = context;
    if (options->json)
        return;
    printf("%s connected to %s: %s\n", dialler->name, listener->name, reached);
    output_flush();
}

static void report_culprit(const struct devnet *devnet, const struct devnet_node *culprit)
{
    char *lines = devnet_last_lines(devnet, culprit, LINES_OF_A_DEAD_NODE);
    if (*lines != '\0')
        fprintf(stderr, "what %s wrote last:\n%s\n", culprit->name, lines);
    free(lines);
}

/* Says which node has ended, if one has: its connections end a little before it does. */
static void report_ended(const struct devnet *devnet)
{
    struct process *processes = devnet_processes(devnet);
    size_t ended = process_find_ended(processes, devnet->count, DYING_MS);
    if (ended < devnet->count) {
        log_error("%s has ended", devnet->nodes[ended].name);
        report_culprit(devnet, &devnet->nodes[ended]);
    }
    free(processes);
}

/* Takes the lock, and sees to it that no node of an earlier devnet runs. */
static bool claim(struct devnet *devnet, struct error *error)
{
    if (!devnet_lock(devnet, error) || !devnet_load(devnet, error))
        return false;
    for (size_t i = 0; i < devnet->count; i++)
        if (family_lives(&devnet->nodes[i].process))
            return error_set(error, "a devnet is up in %s already; `devnet down` stops it",
                             devnet->folder);
    /* What a crash or a reboot left of one. */
    devnet_forget(devnet);
    devnet_forget_left(devnet);
    return devnet_load(devnet, error);
}

static void report_node(const struct devnet_node *node)
{
    printf("%s %s %s%s%s\n", node->name, node->api != NULL ? node->api : "-", node->listen[0],
           node->enr != NULL ? " " : "", node->enr != NULL ? node->enr : "");
}

static bool add_foreign(struct devnet *devnet, const char *with,
                        const struct devnet_options *options, struct error *error)
{
    const struct devnet_node *culprit = NULL;
    char *name, *command;
    if (!foreign_parse(with, &name, &command, error)) {
        log_error("--with %s", error->text);
        return false;
    }
    bool up = devnet_start_foreign(devnet, name, command, options->timeout, &culprit, error);
    if (up && !options->json) {
        report_node(culprit);
        printf("%s connected to %s\n", devnet->nodes[0].name, name);
        output_flush();
    } else if (!up) {
        log_error("%s", error->text);
        if (culprit != NULL)
            report_culprit(devnet, culprit);
    }
    free(name);
    free(command);
    return up;
}

/* Whether nobody has interrupted us, and somebody reads what we print. */
static bool is_going_on(struct error *error)
{
    bool going_on = loop_was_interrupted() ? error_set(error, "interrupted") : output_end(error);
    if (!going_on)
        log_error("%s", error->text);
    return going_on;
}

static void print_all(const struct devnet *devnet)
{
    json_t *status = devnet_describe(devnet);
    output_json(status);
    json_decref(status);
}

static bool bring_up(struct devnet *devnet, const struct devnet_options *options,
                     const struct start_options *start, struct error *error)
{
    const struct devnet_node *culprit = NULL;
    if (!devnet_start(devnet, options->nodes, start, &culprit, error)) {
        log_error("%s", error->text);
        if (culprit != NULL)
            report_culprit(devnet, culprit);
        return false;
    }
    for (size_t i = 0; i < devnet->count && !options->json; i++)
        report_node(&devnet->nodes[i]);
    if (!is_going_on(error))
        return false;
    if (!devnet_wire(devnet, options->wiring, options->timeout, report_connection,
                     (void *)(uintptr_t)options, error)) {
        log_error("%s", error->text);
        report_ended(devnet);
        return false;
    }
    for (size_t i = 0; i < options->with.count; i++)
        if (!add_foreign(devnet, options->with.items[i], options, error) || !is_going_on(error))
            return false;
    if (!devnet_write_nodes(devnet, error)) {
        log_error("%s", error->text);
        return false;
    }
    if (options->json)
        print_all(devnet);
    return is_going_on(error);
}

/* Before anything is started. */
static bool check_usage(const struct devnet_options *options, char **operands, size_t count)
{
    if (count > 0 && operands[0][0] != '-') {
        log_error("%s: options for the nodes begin with --", operands[0]);
        return false;
    }
    for (size_t i = 0; i < options->with.count; i++) {
        struct error error;
        char *name, *command;
        if (!foreign_parse(options->with.items[i], &name, &command, &error)) {
            log_error("--with %s", error.text);
            return false;
        }
        free(name);
        free(command);
    }
    return true;
}

int devnet_up_command(const struct devnet_options *options, char **operands, size_t count)
{
    if (!check_usage(options, operands, count))
        return DEVNET_USAGE;
    struct error error;
    if (!file_make_folder(options->folder, &error)) {
        int code = errno;
        log_error("--dir %s", error.text);
        return file_path_is_to_blame(code) ? DEVNET_USAGE : DEVNET_FAILED;
    }
    char *program = devnet_program("devnet-node");
    bool refused = false;
    struct start_options start = {.refused = &refused,
                                  .program = program,
                                  .arguments = operands,
                                  .argument_count = count,
                                  .timeout_ms = options->timeout};
    struct devnet devnet;
    devnet_init(&devnet, options->folder);
    bool up = false;
    loop_catch_signals();
    if (!claim(&devnet, &error))
        log_error("%s", error.text);
    else if (!(up = bring_up(&devnet, options, &start, &error)) &&
             !devnet_stop(&devnet, STOP_PATIENCE_MS, NULL, NULL))
        log_error("a node may be left: see `devnet down`");
    devnet_clear(&devnet);
    free(program);
    return up ? DEVNET_OK : refused ? DEVNET_USAGE : DEVNET_FAILED;
}
