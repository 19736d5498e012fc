#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "devnet/stop.h"

static void report_end(void *context, const struct devnet_node *node, enum process_end end)
{
    static const char *const words[] = {
        [PROCESS_STOPPED] = "stopped",
        [PROCESS_WAS_GONE] = "was not running",
        [PROCESS_KILLED] = "killed: it did not end when asked to",
    };
    (void)context;
    int pid = (int)node->process.pid;
    if (end != PROCESS_LEFT)
        printf("%s %s\n", node->name, words[end]);
    else if (node->process.start_time != 0)
        printf("%s left alone: /proc does not tell whether process %d is still that node; mount "
               "/proc and try again\n",
               node->name, pid);
    else
        printf("%s left alone: it is not known when it was started, so process %d may be another; "
               "if it is the node, end it: kill %d\n",
               node->name, pid, pid);
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
    } else {
        if (devnet.count == 0)
            log_info("no devnet is up in %s", devnet.folder);
        if (devnet_stop(&devnet, options->timeout, report_end, NULL))
            status = DEVNET_OK;
    }
    devnet_clear(&devnet);
    return status;
}
