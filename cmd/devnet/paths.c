/* devnet path, partition and heal: what the relay between the nodes does to their paths. */
#include "devnet/paths.h"
#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/loop.h"
#include "devnet/redial.h"
#include "net/relay/links.h"
#include "net/relay/path_rule.h"

static const char all_clean[] = "all paths are clean";

/* ---- what is said of paths ---- */

static bool is_in(const void *devnet, const char *name)
{
    return devnet_find(devnet, name) != NULL;
}

/* ---- what holds ---- */

static void add_unclean(json_t *list, json_t *path, json_t *nodes)
{
    if (!json_is_true(json_object_get(path, "clean"))) {
        json_t *told = json_copy(path);
        json_object_del(told, "clean");
        json_object_set(told, "nodes", nodes);
        json_array_append_new(list, told);
    }
}

/* ANSWER is the relay's. A path of its own that is clean is one of those where not all are. */
static json_t *describe(const json_t *answer)
{
    json_t *list = json_array(), *everybody = json_string("all");
    json_t *all = json_object_get(answer, "all"), *path;
    bool clean = json_is_true(json_object_get(all, "clean"));
    size_t index;
    add_unclean(list, all, everybody);
    json_array_foreach(json_object_get(answer, "paths"), index, path)
    {
        if (!clean)
            json_object_del(path, "clean");
        add_unclean(list, path, json_object_get(path, "nodes"));
    }
    json_decref(everybody);
    return json_pack("{s:o,s:O}", "paths", list, "partition", json_object_get(answer, "partition"));
}

json_t *devnet_describe_paths(const struct devnet *devnet)
{
    const struct devnet_between *relay = devnet_find_relay(devnet);
    struct error error;
    json_t *answer = relay != NULL && process_is_running(&relay->process)
                         ? paths_ask(devnet, "/paths", NULL, &error)
                         : NULL;
    json_t *told = answer != NULL ? describe(answer) : NULL;
    json_decref(answer);
    return told;
}

/* "node1,node2: delay=50ms"; freed with free(). */
static char *path_line(const json_t *path)
{
    const json_t *nodes = json_object_get(path, "nodes");
    const char *text = json_string_value(json_object_get(path, "text"));
    if (json_is_string(nodes))
        return text_format("all: %s", text);
    return text_format("%s,%s: %s", json_string_value(json_array_get(nodes, 0)),
                       json_string_value(json_array_get(nodes, 1)), text);
}

/* Puts LINE behind *TEXT, with BETWEEN between them where there is some already. */
static void append(char **text, const char *between, const char *line)
{
    char *longer = text_format("%s%s%s", *text, **text != '\0' ? between : "", line);
    free(*text);
    *text = longer;
}

/* "node1,node2 | node3", or "" where there is none; freed with free(). */
static char *partition_line(const json_t *partition)
{
    char *line = text_copy("");
    size_t index;
    const json_t *group;
    json_array_foreach(partition, index, group)
    {
        append(&line, " | ", json_string_value(group));
    }
    if (json_array_size(partition) == 1)
        append(&line, " | ", "all others");
    return line;
}

char *devnet_paths_text(const json_t *status, const char *path_word, const char *parted_word,
                        const char *end)
{
    char *text = text_copy(""), *partition = partition_line(json_object_get(status, "partition"));
    size_t index;
    const json_t *path;
    json_array_foreach(json_object_get(status, "paths"), index, path)
    {
        char *line = path_line(path), *whole = text_format("%s%s", path_word, line);
        append(&text, end, whole);
        free(whole);
        free(line);
    }
    if (*partition != '\0') {
        char *whole = text_format("%s%s", parted_word, partition);
        append(&text, end, whole);
        free(whole);
    }
    free(partition);
    return text;
}

void devnet_print_paths(const json_t *status)
{
    char *text = devnet_paths_text(status, "path     ", "parted   ", "\n");
    if (*text != '\0')
        puts(text);
    free(text);
}

/* ---- the commands ---- */

/* A command at work. */
struct work {
    const struct devnet_options *options;
    struct devnet devnet;
    json_t *connections;
};

static int fail(int status, const char *text)
{
    log_error("%s", text);
    return status;
}

/* Has the relay do it; the exit status. */
static int change(const struct work *work, const char *path, json_t *body)
{
    struct error error;
    json_t *answer = paths_ask(&work->devnet, path, body, &error);
    json_decref(answer);
    if (answer != NULL)
        return DEVNET_OK;
    return fail(error.kind == ERROR_CONFLICT ? DEVNET_USAGE : DEVNET_FAILED, error.text);
}

/* All of them are looked at before the first is carried out. None: it is only asked what holds. */
static int change_paths(const struct work *work, char **rules, size_t count)
{
    struct error error;
    for (size_t i = 0; i < count; i++)
        if (!path_rule_check(rules[i], is_in, &work->devnet, &error))
            return fail(DEVNET_USAGE, error.text);
    int status = count == 0 ? change(work, "/paths", NULL) : DEVNET_OK;
    for (size_t i = 0; i < count && status == DEVNET_OK; i++)
        status = change(work, "/paths", json_pack("{s:s}", "path", rules[i]));
    return status;
}

static bool check_groups(const struct work *work, char **groups, size_t count, struct error *error)
{
    bool sound = relay_groups_check((const char *const *)(uintptr_t)groups, count, error);
    for (size_t i = 0; i < count && sound; i++) {
        char *names = text_copy(groups[i]), *rest = names;
        for (const char *name; sound && (name = strsep(&rest, ",")) != NULL;)
            sound = path_node_check(name, is_in, &work->devnet, error);
        free(names);
    }
    return sound;
}

static int part(const struct work *work, char **groups, size_t count)
{
    struct error error;
    if (!check_groups(work, groups, count, &error))
        return fail(DEVNET_USAGE, error.text);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(groups[i]));
    return change(work, "/partition", json_pack("{s:o}", "groups", list));
}

static void connected(void *context, const struct wire_news *news)
{
    const struct work *work = context;
    json_array_append_new(work->connections,
                          json_pack("{s:s,s:s,s:s}", "from", news->dialler->name, "to",
                                    news->listener->name, "reached", news->reached));
    if (work->options->verbose && !work->options->json)
        printf("%s connected to %s: %s\n", news->dialler->name, news->listener->name,
               news->reached);
    output_flush();
}

/* Connections that the partition ended are made again by who made them. */
static int heal(struct work *work)
{
    bool all[DEVNET_NODES_MAX];
    struct error error;
    memset(all, true, sizeof(all));
    int status = change(work, "/heal", json_object());
    if (status != DEVNET_OK || work->options->no_redial)
        return status;
    if (devnet_redial(&work->devnet, all, 0, work->options->timeout, connected, work, &error))
        return devnet_save(&work->devnet, &error) ? DEVNET_OK : fail(DEVNET_FAILED, error.text);
    return fail(DEVNET_FAILED, error.text);
}

/* What holds then, for people and programs. */
static void report(const struct work *work, bool healed)
{
    json_t *told = devnet_describe_paths(&work->devnet);
    if (healed && told != NULL)
        json_object_set(told, "connections", work->connections);
    if (work->options->json && told != NULL)
        output_json(told);
    else if (healed)
        printf("no partition any more: %zu connections stand\n",
               json_array_size(work->connections));
    else if (told != NULL && json_array_size(json_object_get(told, "paths")) == 0 &&
             json_array_size(json_object_get(told, "partition")) == 0)
        puts(all_clean);
    else
        devnet_print_paths(told);
    json_decref(told);
}

static int load(struct work *work)
{
    struct error error;
    if (access(work->devnet.folder, F_OK) == 0 &&
        (!devnet_lock(&work->devnet, &error) || !devnet_load(&work->devnet, &error)))
        return fail(devnet_load_status(&error), error.text);
    if (work->devnet.count > 0)
        return DEVNET_OK;
    error_set(&error, "no devnet is up in %s: `devnet up` starts one", work->devnet.folder);
    return fail(DEVNET_USAGE, error.text);
}

int devnet_paths_command(const struct devnet_options *options, const char *verb, char **operands,
                         size_t count)
{
    struct work work = {.options = options, .connections = json_array()};
    bool healing = strcmp(verb, "heal") == 0, parting = strcmp(verb, "partition") == 0;
    devnet_init(&work.devnet, options->folder);
    loop_catch_signals();
    int status = load(&work);
    if (status == DEVNET_OK) {
        status = healing   ? heal(&work)
                 : parting ? part(&work, operands, count)
                           : change_paths(&work, operands, count);
        if (status == DEVNET_OK) {
            if (healing || count > 0)
                devnet_note_command(&work.devnet, false);
            report(&work, healing);
        }
    }
    json_decref(work.connections);
    devnet_clear(&work.devnet);
    return status;
}
