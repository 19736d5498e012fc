#include "devnet/stop.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"

/* What is to end, in the order of its end: first all nodes, then what stands between them. */
struct ending {
    const char **names;
    struct process *processes;
    enum process_end *ends;
    size_t count;
};

static void add(struct ending *ending, const char *name, const struct process *process)
{
    ending->names[ending->count] = name;
    ending->processes[ending->count++] = *process;
}

static struct ending list(const struct devnet *devnet)
{
    size_t count = devnet->count + devnet->between_count + 1;
    struct ending ending = {.names = memory_new(count * sizeof(*ending.names)),
                            .processes = memory_new(count * sizeof(*ending.processes)),
                            .ends = memory_new(count * sizeof(*ending.ends))};
    for (size_t i = 0; i < devnet->count; i++)
        add(&ending, devnet->nodes[i].name, &devnet->nodes[i].process);
    for (size_t i = 0; i < devnet->between_count; i++)
        add(&ending, devnet->between[i].kind, &devnet->between[i].process);
    return ending;
}

static bool is_still_there(enum process_end end)
{
    return end == PROCESS_REFUSED || end == PROCESS_STAYED;
}

static void remove_pid(const struct devnet *devnet, const char *name)
{
    char *pid = devnet_path(devnet, name, "pid");
    unlink(pid);
    free(pid);
}

bool devnet_stop(const struct devnet *devnet, uint64_t patience_ms, stop_report *report,
                 void *context)
{
    struct ending ending = list(devnet);
    size_t nodes = devnet->count;
    bool left = false, worth_another_look = false;
    family_stop_all(ending.processes, nodes, patience_ms, ending.ends);
    family_stop_all(ending.processes + nodes, ending.count - nodes, patience_ms,
                    ending.ends + nodes);
    for (size_t i = 0; i < ending.count; i++) {
        bool there = is_still_there(ending.ends[i]), may_be = ending.ends[i] == PROCESS_LEFT;
        left |= there || may_be;
        worth_another_look |= there || (may_be && ending.processes[i].start_time != 0);
        if (!there)
            remove_pid(devnet, ending.names[i]);
        if (report != NULL)
            report(context, ending.names[i], &ending.processes[i], ending.ends[i]);
    }
    if (!worth_another_look)
        devnet_forget(devnet);
    free(ending.names);
    free(ending.processes);
    free(ending.ends);
    return !left;
}
