/* devnet stop, start, restart, kill, pause, resume, add and remove. */
#include "cmd/devnet/devnet.h"
#include "cmd/devnet/up_tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/words.h"
#include "devnet/family.h"
#include "devnet/foreign.h"
#include "devnet/loop.h"
#include "devnet/redial.h"
#include "devnet/start.h"
#include "devnet/tap.h"

enum { DIALLED_BY_A_NEW_ONE = 8 }; /* a mesh has room for so many */

/* A command at work. */
struct work {
    const struct devnet_options *options;
    struct devnet devnet;
    bool chosen[DEVNET_NODES_MAX], fresh[DEVNET_NODES_MAX]; /* by index */
    uint64_t since_ms;
    json_t *nodes, *connections; /* what became of each */
    char said[ERROR_TEXT_SIZE];  /* the last error */
    int status;
};

static bool is_up(const struct devnet_node *node)
{
    return family_lives(&node->process);
}

static void tell(const struct work *work, const struct devnet_node *node, const char *outcome)
{
    json_array_append_new(work->nodes,
                          json_pack("{s:s,s:s}", "name", node->name, "outcome", outcome));
    if (!work->options->json)
        printf("%s %s\n", node->name, outcome);
    output_flush();
}

static void connected(void *context, const struct wire_news *news)
{
    const struct work *work = context;
    json_array_append_new(work->connections,
                          json_pack("{s:s,s:s,s:s}", "from", news->dialler->name, "to",
                                    news->listener->name, "reached", news->reached));
    if (!work->options->json)
        printf("%s connected to %s: %s\n", news->dialler->name, news->listener->name,
               news->reached);
    output_flush();
}

/* What fails twice is said once. */
static bool fail(struct work *work, int status, const char *text)
{
    if (strcmp(text, work->said) != 0)
        log_error("%s", text);
    snprintf(work->said, sizeof(work->said), "%s", text);
    work->status = status;
    return false;
}

/* ---- ending them ---- */

static void forget_process(const struct work *work, struct devnet_node *node)
{
    char *pid = devnet_path(&work->devnet, node->name, "pid");
    unlink(pid);
    free(pid);
    node->process = (struct process){0};
    node->stopped = true;
    node->paused = false;
    struct error error;
    if (!devnet_tap_leave(&work->devnet, node, &error))
        log_warn("%s", error.text);
}

static const char *outcome_of(enum process_end end, bool killing)
{
    if (end == PROCESS_WAS_GONE)
        return "was not running";
    if (end == PROCESS_STOPPED)
        return "stopped";
    return killing ? "killed" : "killed: it did not end when asked to";
}

static void end_one(struct work *work, struct devnet_node *node, enum process_end end, bool killing)
{
    char *why = family_why_stays(&node->process, end);
    if (why != NULL) {
        log_error("%s %s", node->name, why);
        work->status = DEVNET_FAILED;
    } else if (end == PROCESS_LEFT) {
        log_error("%s: it is not known whether process %d is still that node: left alone",
                  node->name, (int)node->process.pid);
        work->status = DEVNET_FAILED;
    } else if (node->stopped) {
        tell(work, node, "is stopped already");
    } else {
        tell(work, node, outcome_of(end, killing));
        forget_process(work, node);
    }
    free(why);
}

static bool end_chosen(struct work *work, bool killing)
{
    size_t count = 0;
    struct process *processes = memory_new(work->devnet.count * sizeof(*processes) + 1);
    enum process_end *ends = memory_new(work->devnet.count * sizeof(*ends) + 1);
    for (size_t i = 0; i < work->devnet.count; i++)
        if (work->chosen[i])
            processes[count++] = work->devnet.nodes[i].process;
    if (killing)
        family_kill_all(processes, count, ends);
    else
        family_stop_all(processes, count, work->options->timeout, ends);
    for (size_t i = work->devnet.count; i-- > 0;)
        if (work->chosen[i])
            ends[i] = ends[--count];
    for (size_t i = 0; i < work->devnet.count; i++)
        if (work->chosen[i])
            end_one(work, &work->devnet.nodes[i], ends[i], killing);
    free(ends);
    free(processes);
    return work->status == DEVNET_OK;
}

static bool stop(struct work *work)
{
    return end_chosen(work, false);
}

static bool kill_at_once(struct work *work)
{
    return end_chosen(work, true);
}

/* ---- starting them ---- */

static bool redial(struct work *work)
{
    struct error error;
    if (work->options->no_redial)
        return true;
    if (devnet_redial(&work->devnet, work->fresh, work->since_ms, work->options->timeout, connected,
                      work, &error))
        return true;
    fail(work, DEVNET_FAILED, error.text);
    for (size_t i = 0; i < work->devnet.count; i++)
        if (work->fresh[i] && !is_up(&work->devnet.nodes[i])) {
            log_error("%s has ended", work->devnet.nodes[i].name);
            devnet_report_culprit(&work->devnet, &work->devnet.nodes[i]);
        }
    return false;
}

/* Those from FIRST on that are new are known to the tap from now on, and those started again by
 * where they are. */
static bool tap_fresh(struct work *work, size_t first)
{
    struct error error;
    for (size_t i = first; i < work->devnet.count; i++)
        if (work->fresh[i] && !devnet_tap_node(&work->devnet, &work->devnet.nodes[i], &error))
            return fail(work, DEVNET_FAILED, error.text);
    return true;
}

/* Those of OURS in one go: each takes its time. */
static bool start_ours(struct work *work, struct devnet_node *const *ours, size_t count)
{
    bool refused = false;
    const struct devnet_node *culprit = NULL;
    struct error error;
    const struct start_options options = {.timeout_ms = work->options->timeout,
                                          .refused = &refused};
    if (count == 0 || devnet_start_again(&work->devnet, ours, count, &options, &culprit, &error)) {
        for (size_t i = 0; i < count; i++)
            tell(work, ours[i], "started");
        return true;
    }
    fail(work, DEVNET_FAILED, error.text);
    if (culprit != NULL)
        devnet_report_culprit(&work->devnet, culprit);
    return false;
}

static bool start_foreign(struct work *work, struct devnet_node *node)
{
    struct error error;
    if (!devnet_start_foreign_again(&work->devnet, node, &error))
        return fail(work, DEVNET_FAILED, error.text);
    tell(work, node, "started");
    return true;
}

/* What is not up although it was to be. */
static void tap_without(struct work *work)
{
    struct error error;
    for (size_t i = 0; i < work->devnet.count; i++)
        if (work->fresh[i] && !is_up(&work->devnet.nodes[i]) &&
            !devnet_tap_leave(&work->devnet, &work->devnet.nodes[i], &error))
            log_warn("%s", error.text);
}

static bool start(struct work *work)
{
    struct devnet_node **ours = memory_new(work->devnet.count * sizeof(struct devnet_node *) + 1);
    size_t count = 0;
    bool done = true;
    work->since_ms = clock_now_ms();
    for (size_t i = 0; i < work->devnet.count; i++) {
        struct devnet_node *node = &work->devnet.nodes[i];
        if (!work->chosen[i])
            continue;
        work->fresh[i] = !is_up(node);
        if (!work->fresh[i])
            tell(work, node,
                 process_is_paused(&node->process) ? "is paused: `devnet resume` has it go on"
                                                   : "is up already");
        else if (!devnet_node_is_foreign(node))
            ours[count++] = node;
    }
    /* Once before they dial, and once more when their records are new, too. */
    done = tap_fresh(work, 0) && start_ours(work, ours, count);
    for (size_t i = 0; i < work->devnet.count && done; i++)
        if (work->fresh[i] && devnet_node_is_foreign(&work->devnet.nodes[i]))
            done = start_foreign(work, &work->devnet.nodes[i]);
    free(ours);
    if (!done)
        tap_without(work);
    return done && tap_fresh(work, 0) && redial(work);
}

static bool restart(struct work *work)
{
    return end_chosen(work, false) && start(work);
}

/* ---- standing still ---- */

static void send_one(struct work *work, struct devnet_node *node, bool pause)
{
    struct error error;
    if (family_send(&node->process, pause ? SIGSTOP : SIGCONT, &error)) {
        node->paused = pause;
        tell(work, node, pause ? "paused" : "resumed");
        return;
    }
    if (pause) /* the whole of it or nothing */
        family_send(&node->process, SIGCONT, NULL);
    log_error("%s cannot be %s: %s", node->name, pause ? "paused" : "resumed", error.text);
    work->status = DEVNET_FAILED;
}

static bool send_chosen(struct work *work, bool pause)
{
    for (size_t i = 0; i < work->devnet.count; i++) {
        struct devnet_node *node = &work->devnet.nodes[i];
        if (!work->chosen[i])
            continue;
        if (!is_up(node)) {
            log_error("%s is not up: `devnet start %s` starts it", node->name, node->name);
            work->status = DEVNET_USAGE;
        } else if (process_is_paused(&node->process) == pause) {
            tell(work, node, pause ? "is paused already" : "is not paused");
        } else {
            send_one(work, node, pause);
        }
    }
    return work->status == DEVNET_OK;
}

static bool pause_chosen(struct work *work)
{
    return send_chosen(work, true);
}

static bool resume(struct work *work)
{
    return send_chosen(work, false);
}

/* ---- fewer of them ---- */

static bool remove_chosen(struct work *work)
{
    size_t left = 0;
    for (size_t i = 0; i < work->devnet.count; i++)
        left += !work->chosen[i];
    if (left == 0)
        return fail(work, DEVNET_USAGE, "that would leave none: `devnet down` ends all of them");
    if (!end_chosen(work, false))
        return false;
    for (size_t i = work->devnet.count; i-- > 0;)
        if (work->chosen[i])
            devnet_remove(&work->devnet, i);
    return true;
}

/* ---- all that take names of nodes ---- */

static const struct {
    const char *name;
    bool (*run)(struct work *work);
} verbs[] = {{"stop", stop},           {"start", start},        {"restart", restart},
             {"kill", kill_at_once},   {"pause", pause_chosen}, {"resume", resume},
             {"remove", remove_chosen}};

static bool choose(struct work *work, char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct devnet_node *node = devnet_find(&work->devnet, names[i]);
        if (node != NULL) {
            work->chosen[node - work->devnet.nodes] = true;
            continue;
        }
        char *all = devnet_names(&work->devnet);
        log_error("%s: no such node in %s; there are %s", names[i], work->devnet.folder, all);
        work->status = DEVNET_USAGE;
        free(all);
    }
    return work->status == DEVNET_OK;
}

static bool run_verb(struct work *work, const char *verb, char **names, size_t count)
{
    size_t i = 0;
    while (strcmp(verbs[i].name, verb) != 0)
        i++;
    return choose(work, names, count) && verbs[i].run(work);
}

/* ---- more of them ---- */

/* Names stand before options of the nodes. */
static size_t count_names(char **operands, size_t count)
{
    size_t names = 0;
    while (names < count && operands[names][0] != '-')
        names++;
    return names;
}

/* Whether NAME is of no node that is there, nor one of the COUNT that are to come. */
static bool check_free(const struct work *work, const char *name, char *const *others, size_t count,
                       struct error *error)
{
    if (devnet_find(&work->devnet, name) != NULL)
        return error_set(error, "%s: there is a node of that name already", name);
    for (size_t i = 0; i < count; i++)
        if (strcmp(others[i], name) == 0)
            return error_set(error, "%s: two of those that are to be added are called so", name);
    return true;
}

/* Other programs, beside those of NAMES. */
static bool check_with(const struct work *work, char *const *names, size_t count,
                       struct error *error)
{
    const struct option_list *with = &work->options->with;
    bool sound = foreign_check_all(with->items, with->count, error);
    for (size_t i = 0; i < with->count && sound; i++) {
        struct error why;
        char *name = foreign_name_of(with->items[i]);
        sound = check_free(work, name, names, count, &why);
        if (!sound)
            error_set(error, "--with %s", why.text);
        free(name);
    }
    return sound;
}

/* Before anything is started. */
static bool check_new(struct work *work, char **names, size_t count)
{
    struct error error;
    for (size_t i = 0; i < count; i++)
        if (!check_free(work, names[i], names, i, &error) || !foreign_name_check(names[i], &error))
            return fail(work, DEVNET_USAGE, error.text);
    if (!check_with(work, names, count, &error))
        return fail(work, DEVNET_USAGE, error.text);
    for (size_t i = 0; i < work->options->to.count; i++)
        if (devnet_find(&work->devnet, work->options->to.items[i]) == NULL) {
            error_set(&error, "--to %s: no such node", work->options->to.items[i]);
            return fail(work, DEVNET_USAGE, error.text);
        }
    if (work->devnet.count + count + work->options->with.count <= DEVNET_NODES_MAX)
        return true;
    error_set(&error, "a devnet has at most %d nodes", DEVNET_NODES_MAX);
    return fail(work, DEVNET_USAGE, error.text);
}

static bool start_new(struct work *work, char **names, size_t count, struct start_options *options)
{
    struct start_node *nodes = memory_new(count * sizeof(*nodes) + 1);
    const struct devnet_node *culprit = NULL;
    struct error error;
    for (size_t i = 0; i < count; i++)
        nodes[i] = (struct start_node){.name = names[i],
                                       .key = devnet_path(&work->devnet, names[i], "key"),
                                       .arguments = (char **)(uintptr_t)start_anywhere,
                                       .argument_count = START_ANYWHERE};
    options->nodes = nodes;
    bool started = count == 0 || devnet_start(&work->devnet, count, options, &culprit, &error);
    if (!started)
        fail(work, *options->refused ? DEVNET_USAGE : DEVNET_FAILED, error.text);
    if (culprit != NULL)
        devnet_report_culprit(&work->devnet, culprit);
    for (size_t i = 0; i < count; i++)
        free(nodes[i].key);
    free(nodes);
    return started;
}

/* Whom those from FIRST on dial. */
static void note_new(struct work *work, size_t first)
{
    const struct option_list *to = &work->options->to;
    for (size_t i = first; i < work->devnet.count; i++) {
        size_t dialled = 0;
        work->fresh[i] = true;
        tell(work, &work->devnet.nodes[i], "started");
        for (size_t k = 0; k < to->count; k++)
            devnet_node_dials(&work->devnet.nodes[i], to->items[k]);
        for (size_t k = 0; k < i && to->count == 0 && dialled < DIALLED_BY_A_NEW_ONE; k++)
            if (is_up(&work->devnet.nodes[k])) {
                devnet_node_dials(&work->devnet.nodes[i], work->devnet.nodes[k].name);
                dialled++;
            }
    }
}

/* Nodes that were to be added and do not run are none. */
static void give_up(struct work *work, size_t first)
{
    memset(work->chosen, 0, sizeof(work->chosen));
    int status = work->status;
    for (size_t i = first; i < work->devnet.count; i++)
        work->chosen[i] = true;
    end_chosen(work, false);
    for (size_t i = work->devnet.count; i-- > first;)
        if (!is_up(&work->devnet.nodes[i]))
            devnet_remove(&work->devnet, i);
    work->status = status;
}

static bool add_ours(struct work *work, char **operands, size_t count)
{
    char *const *common = work->devnet.node_arguments;
    size_t names = count_names(operands, count), own = words_count(common);
    size_t first = work->devnet.count;
    bool refused = false;
    struct error error;
    if (!start_options_check(operands + names, count - names, &error))
        return fail(work, DEVNET_USAGE, error.text);
    char **arguments = memory_new((own + count - names + 1) * sizeof(*arguments));
    for (size_t i = 0; i < own; i++)
        arguments[i] = common[i];
    for (size_t i = names; i < count; i++)
        arguments[own + i - names] = operands[i];
    char *program = devnet_program("devnet-node");
    struct start_options options = {.program = program,
                                    .arguments = arguments,
                                    .argument_count = own + count - names,
                                    .timeout_ms = work->options->timeout,
                                    .refused = &refused};
    work->since_ms = clock_now_ms();
    bool started = start_new(work, operands, names, &options);
    if (started)
        note_new(work, first);
    started = started && tap_fresh(work, first) && redial(work);
    if (!started)
        give_up(work, first);
    free(program);
    free(arguments);
    return started;
}

/* Where a tap stands between. */
static bool check_programs(struct work *work)
{
    const struct option_list *with = &work->options->with;
    for (size_t i = 0; i < with->count && devnet_find_tap(&work->devnet) != NULL; i++)
        if (!up_tap_check_program(with->items[i]))
            work->status = DEVNET_USAGE;
    return work->status == DEVNET_OK;
}

static bool add(struct work *work, char **operands, size_t count)
{
    size_t names = count_names(operands, count);
    if (names + work->options->with.count == 0)
        return fail(work, DEVNET_USAGE, "add: name the nodes, or a program by --with");
    if (!check_new(work, operands, names) || !check_programs(work))
        return false;
    bool added = add_ours(work, operands, count);
    for (size_t i = 0; i < work->options->with.count && added; i++) {
        struct error error;
        size_t first = work->devnet.count;
        added =
            devnet_add_foreign(&work->devnet, work->options->with.items[i], work->options, &error);
        if (!added) {
            work->status = DEVNET_FAILED;
            give_up(work, first);
        } else {
            json_array_append_new(work->nodes,
                                  json_pack("{s:s,s:s}", "name", work->devnet.nodes[first].name,
                                            "outcome", "started"));
        }
    }
    return added;
}

/* ---- the command ---- */

static bool claim(struct work *work)
{
    struct error error;
    if (access(work->devnet.folder, F_OK) == 0 &&
        (!devnet_lock(&work->devnet, &error) || !devnet_load(&work->devnet, &error)))
        return fail(work, devnet_load_status(&error), error.text);
    if (work->devnet.count > 0)
        return true;
    error_set(&error, "no devnet is up in %s: `devnet up` starts one", work->devnet.folder);
    return fail(work, DEVNET_USAGE, error.text);
}

static bool is_kept(const struct devnet *kept, const struct devnet_node *node)
{
    const struct devnet_node *same = devnet_find(kept, node->name);
    return same != NULL && same->process.pid == node->process.pid &&
           same->process.start_time == node->process.start_time;
}

/* Those that were started and that devnet.json, as it is, does not know: nothing would end them. */
static void end_unkept(struct work *work)
{
    struct devnet kept;
    devnet_init(&kept, work->options->folder);
    bool known = devnet_load(&kept, NULL), any = false;
    for (size_t i = 0; i < work->devnet.count; i++) {
        const struct devnet_node *node = &work->devnet.nodes[i];
        work->chosen[i] = work->fresh[i] && is_up(node) && !(known && is_kept(&kept, node));
        any |= work->chosen[i];
    }
    devnet_clear(&kept);
    if (any)
        end_chosen(work, false);
}

/* Whatever has become of it: the nodes are as they are. */
static void keep_state(struct work *work)
{
    struct error error;
    bool saved = devnet_save(&work->devnet, &error);
    if (!saved || !devnet_write_nodes(&work->devnet, &error))
        fail(work, DEVNET_FAILED, error.text);
    if (!saved)
        end_unkept(work);
}

int devnet_nodes_command(const struct devnet_options *options, const char *verb, char **operands,
                         size_t count)
{
    static struct work work;
    work = (struct work){.options = options, .nodes = json_array(), .connections = json_array()};
    devnet_init(&work.devnet, options->folder);
    loop_catch_signals();
    if (claim(&work)) {
        devnet_note_command(&work.devnet, false);
        if (strcmp(verb, "add") == 0)
            add(&work, operands, count);
        else
            run_verb(&work, verb, operands, count);
        keep_state(&work);
    }
    json_t *outcome = json_pack("{s:o,s:o}", "nodes", work.nodes, "connections", work.connections);
    if (options->json)
        output_json(outcome);
    json_decref(outcome);
    devnet_clear(&work.devnet);
    return work.status;
}
