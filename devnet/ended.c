#include "devnet/ended.h"

#include "devnet/family.h"

bool devnet_node_has_ended(const struct devnet_node *node)
{
    return !node->stopped && node->process.pid > 0 && !family_lives(&node->process);
}

json_t *devnet_ended(const struct devnet *devnet)
{
    json_t *names = json_array();
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet_node_has_ended(&devnet->nodes[i]))
            json_array_append_new(names, json_string(devnet->nodes[i].name));
    for (size_t i = 0; i < devnet->between_count; i++) {
        const struct process *process = &devnet->between[i].process;
        if (process->pid > 0 && !process_is_running(process))
            json_array_append_new(names, json_string(devnet->between[i].kind));
    }
    return names;
}
