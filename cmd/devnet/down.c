#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/ask.h"
#include "devnet/stop.h"
#include "devnet/stray.h"
#include "net/mesh/snapshot.h"

enum { ANSWER_TIMEOUT_MS = 1000 };

/* A command at work. */
struct down {
    const struct devnet_options *options;
    struct devnet devnet;
    json_t *nodes, *between; /* what became of each */
};

/* Freed with free(). */
static char *outcome_of(const struct process *process, enum process_end end)
{
    static const char *const words[] = {
        [PROCESS_STOPPED] = "stopped",
        [PROCESS_WAS_GONE] = "was not running",
        [PROCESS_KILLED] = "killed: it did not end when asked to",
    };
    int pid = (int)process->pid;
    char *why = family_why_stays(process, end);
    if (end != PROCESS_LEFT)
        return why != NULL ? why : text_copy(words[end]);
    if (process->start_time != 0)
        return text_format("left alone: /proc does not tell whether process %d is still that one; "
                           "mount /proc and try again",
                           pid);
    return text_format("left alone: it is not known when it was started, so process %d may be "
                       "another; if it is that, end it: kill %d",
                       pid, pid);
}

static void report_end(void *context, const char *name, const struct process *process,
                       enum process_end end)
{
    const struct down *down = context;
    char *outcome = outcome_of(process, end);
    json_array_append_new(between_is_kind(name) ? down->between : down->nodes,
                          json_pack("{s:s,s:s}", "name", name, "outcome", outcome));
    if (!down->options->json && !down->options->silent)
        printf("%s %s\n", name, outcome);
    free(outcome);
}

static void keep_paths(const struct devnet *devnet, json_t *snapshot)
{
    json_t *told = devnet_describe_paths(devnet);
    char *lines = devnet_paths_text(told, "", "parted: ", "\n");
    snapshot_set_paths(snapshot, names_paths(lines));
    free(lines);
    json_decref(told);
}

static void keep_stopped(const struct devnet *devnet, json_t *snapshot)
{
    json_t *ids = devnet_stopped_ids(devnet);
    snapshot_set_stopped(snapshot, ids);
    json_decref(ids);
}

/* Who does not answer any more is no less missed than it was before. */
static void keep_not_awake(const struct devnet *devnet, json_t *snapshot)
{
    json_t *missed = devnet_not_awake(devnet), *why;
    const char *place;
    json_object_foreach(missed, place, why)
    {
        snapshot_add_unreachable(snapshot, place, json_string_value(why));
    }
    snapshot_sort(snapshot);
    json_decref(missed);
}

static void keep_names(const struct devnet *devnet, json_t *snapshot)
{
    struct names names = {0};
    devnet_name_all(devnet, &names);
    snapshot_set_names(snapshot, &names);
    names_clear(&names);
}

static bool has_any(const json_t *snapshot, const char *list)
{
    return json_array_size(json_object_get(snapshot, list)) > 0;
}

/* Leaves what the nodes say of the mesh, for who looks at it later. Not where they are to be killed
 * at once, or all are stopped. */
static void keep_mesh(const struct devnet *devnet, uint64_t timeout_ms)
{
    char *path = devnet_path(devnet, "mesh.json", NULL);
    json_t *snapshot =
        timeout_ms > 0
            ? devnet_ask(devnet, timeout_ms < ANSWER_TIMEOUT_MS ? timeout_ms : ANSWER_TIMEOUT_MS)
            : NULL;
    if (snapshot != NULL) {
        keep_not_awake(devnet, snapshot);
        keep_names(devnet, snapshot);
        keep_paths(devnet, snapshot);
        keep_stopped(devnet, snapshot);
    }
    char *text = snapshot != NULL ? snapshot_text(snapshot) : NULL;
    struct error error;
    unlink(path);
    if (text != NULL && (has_any(snapshot, "nodes") || has_any(snapshot, "unreachable")) &&
        !file_write(path, bytes_of_text(text), 0666, &error))
        log_warn("%s", error.text);
    free(text);
    json_decref(snapshot);
    free(path);
}

/* How a command that runs several processes is told of: once. */
static bool is_told(const struct stray *strays, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (strcmp(strays[before].name, strays[i].name) == 0)
            return true;
    return false;
}

/* Ends what devnet.json does not know, so that it is left where nothing would; false where one
 * could not be ended. ANY: whether there was one. */
static bool end_strays(struct down *down, bool *any)
{
    bool ended = true;
    struct stray *strays;
    size_t count = devnet_find_strays(&down->devnet, &strays);
    struct process *processes = memory_new(count * sizeof(*processes) + 1);
    enum process_end *ends = memory_new(count * sizeof(*ends) + 1);
    for (size_t i = 0; i < count; i++) {
        processes[i] = strays[i].process;
        if (!is_told(strays, i))
            log_warn("%s, process %d, logs to a folder in %s, whose devnet.json does not know it",
                     strays[i].name, (int)processes[i].pid, down->devnet.folder);
    }
    family_stop_all(processes, count, down->options->timeout, ends);
    for (size_t i = 0; i < count; i++) {
        ended &= ends[i] < PROCESS_LEFT;
        if (!is_told(strays, i))
            report_end(down, strays[i].name, &processes[i], ends[i]);
    }
    free(ends);
    free(processes);
    devnet_free_strays(strays, count);
    *any = count > 0;
    return ended;
}

static int take_down(struct down *down)
{
    struct devnet *devnet = &down->devnet;
    uint64_t timeout_ms = down->options->timeout;
    struct error error;
    bool there = access(devnet->folder, F_OK) == 0;
    if (there && (!devnet_lock(devnet, &error) || !devnet_load(devnet, &error))) {
        log_error("%s", error.text);
        return devnet_load_status(&error);
    }
    bool up = devnet->count > 0;
    if (up) {
        devnet_note_command(devnet, false);
        keep_mesh(devnet, timeout_ms);
    }
    bool any, stopped = !there || devnet_stop(devnet, timeout_ms, report_end, down);
    stopped &= end_strays(down, &any);
    if (!any && !up)
        log_info("no devnet is up in %s", devnet->folder);
    return stopped ? DEVNET_OK : DEVNET_FAILED;
}

int devnet_down_command(const struct devnet_options *options)
{
    struct down down = {.options = options, .nodes = json_array(), .between = json_array()};
    devnet_init(&down.devnet, options->folder);
    int status = take_down(&down);
    json_t *outcome =
        json_pack("{s:o,s:o,s:[]}", "nodes", down.nodes, "between", down.between, "connections");
    if (options->json && !options->silent)
        output_json(outcome);
    json_decref(outcome);
    devnet_clear(&down.devnet);
    return status;
}
