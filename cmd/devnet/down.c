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
    printf("%s %s\n", node->name, words[end]);
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
        devnet_stop(&devnet, options->timeout, report_end, NULL);
        status = DEVNET_OK;
    }
    devnet_clear(&devnet);
    return status;
}
