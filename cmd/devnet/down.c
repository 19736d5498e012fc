#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "devnet/stop.h"
#include "net/mesh/snapshot.h"

enum { ANSWER_TIMEOUT_MS = 1000 };

static void report_end(void *context, const char *name, const struct process *process,
                       enum process_end end)
{
    static const char *const words[] = {
        [PROCESS_STOPPED] = "stopped",
        [PROCESS_WAS_GONE] = "was not running",
        [PROCESS_KILLED] = "killed: it did not end when asked to",
    };
    (void)context;
    int pid = (int)process->pid;
    if (end != PROCESS_LEFT)
        printf("%s %s\n", name, words[end]);
    else if (process->start_time != 0)
        printf("%s left alone: /proc does not tell whether process %d is still that one; mount "
               "/proc and try again\n",
               name, pid);
    else
        printf("%s left alone: it is not known when it was started, so process %d may be another; "
               "if it is that, end it: kill %d\n",
               name, pid, pid);
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
    json_t *ids = json_object();
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].stopped && devnet->nodes[i].peer_id != NULL)
            json_object_set_new(ids, devnet->nodes[i].peer_id, json_true());
    snapshot_set_stopped(snapshot, ids);
    json_decref(ids);
}

/* Leaves what the nodes say of the mesh, for who looks at it later. Not where they are to be killed
 * at once, or none answers. */
static void keep_mesh(const struct devnet *devnet, uint64_t timeout_ms)
{
    char *path = devnet_path(devnet, "mesh.json", NULL);
    json_t *snapshot =
        timeout_ms > 0
            ? devnet_ask(devnet, timeout_ms < ANSWER_TIMEOUT_MS ? timeout_ms : ANSWER_TIMEOUT_MS)
            : NULL;
    struct names names = {0};
    for (size_t i = 0; i < devnet->count; i++)
        devnet_name_node(&devnet->nodes[i], &names);
    if (snapshot != NULL)
        snapshot_set_names(snapshot, &names);
    names_clear(&names);
    if (snapshot != NULL) {
        keep_paths(devnet, snapshot);
        keep_stopped(devnet, snapshot);
    }
    char *text = snapshot != NULL ? snapshot_text(snapshot) : NULL;
    struct error error;
    unlink(path);
    if (text != NULL && json_array_size(json_object_get(snapshot, "nodes")) > 0 &&
        !file_write(path, bytes_of_text(text), 0666, &error))
        log_warn("%s", error.text);
    free(text);
    json_decref(snapshot);
    free(path);
}

int devnet_down_command(const struct devnet_options *options)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    int status = DEVNET_FAILED;
    if (access(devnet.folder, F_OK) != 0) {
        log_info("no devnet is up in %s", devnet.folder);
        status = DEVNET_OK;
    } else if (!devnet_lock(&devnet, &error) || !devnet_load(&devnet, &error)) {
        log_error("%s", error.text);
        status = devnet_load_status(&error);
    } else {
        if (devnet.count == 0) {
            log_info("no devnet is up in %s", devnet.folder);
        } else {
            devnet_note_command(&devnet, false);
            keep_mesh(&devnet, options->timeout);
        }
        if (devnet_stop(&devnet, options->timeout, options->silent ? NULL : report_end, NULL))
            status = DEVNET_OK;
    }
    devnet_clear(&devnet);
    return status;
}
