/* The names of the faults, as `devnet-node --fault` takes them. */
#include <string.h>

#include "net/host/host.h"

static const struct {
    const char *name;
    enum host_fault fault;
} faults[] = {
    {"second-gossip-stream", FAULT_SECOND_GOSSIP_STREAM},
    {"status-silent", FAULT_STATUS_SILENT},
    {"status-refused", FAULT_STATUS_REFUSED},
    {"status-malformed", FAULT_STATUS_MALFORMED},
    {"status-endless", FAULT_STATUS_ENDLESS},
    {"status-not-spoken", FAULT_STATUS_NOT_SPOKEN},
    {"gossipsub-not-spoken", FAULT_GOSSIPSUB_NOT_SPOKEN},
    {"gossipsub-reset", FAULT_GOSSIPSUB_RESET},
    {"identify-not-spoken", FAULT_IDENTIFY_NOT_SPOKEN},
    {"not-spoken-reset", FAULT_NOT_SPOKEN_RESET},
    {"prunes-everybody", FAULT_PRUNES_EVERYBODY},
    {"gossipsub-1.1-alone", FAULT_GOSSIPSUB_1_1_ALONE},
    {"gossipsub-1.0-alone", FAULT_GOSSIPSUB_1_0_ALONE},
    {"blocks-too-large", FAULT_BLOCKS_TOO_LARGE},
    {"blocks-twice", FAULT_BLOCKS_TWICE},
    {"blocks-other", FAULT_BLOCKS_OTHER},
    {"blocks-code", FAULT_BLOCKS_CODE},
    {"blocks-malformed", FAULT_BLOCKS_MALFORMED},
    {"blocks-stalled", FAULT_BLOCKS_STALLED},
};

enum { FAULTS = sizeof(faults) / sizeof(*faults) };

unsigned host_fault_find(const char *name)
{
    for (size_t i = 0; i < FAULTS; i++) {
        if (strcmp(faults[i].name, name) == 0)
            return faults[i].fault;
    }
    return 0;
}

const char *host_fault_name(size_t index)
{
    return index < FAULTS ? faults[index].name : NULL;
}
