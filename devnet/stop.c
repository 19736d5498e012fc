#include "devnet/stop.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"

bool devnet_stop(const struct devnet *devnet, uint64_t patience_ms, stop_report *report,
                 void *context)
{
    struct process *processes = devnet_processes(devnet);
    enum process_end *ends = memory_new(devnet->count * sizeof(*ends) + 1);
    family_stop_all(processes, devnet->count, patience_ms, ends);
    bool left = false, worth_another_look = false;
    for (size_t i = 0; i < devnet->count; i++) {
        left |= ends[i] == PROCESS_LEFT;
        worth_another_look |= ends[i] == PROCESS_LEFT && processes[i].start_time != 0;
        char *pid = devnet_path(devnet, devnet->nodes[i].name, "pid");
        unlink(pid);
        free(pid);
        if (report != NULL)
            report(context, &devnet->nodes[i], ends[i]);
    }
    if (!worth_another_look)
        devnet_forget(devnet);
    free(processes);
    free(ends);
    return !left;
}
