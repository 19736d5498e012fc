#include "net/host/versions.h"

#include <string.h>

enum { VERSIONS = GOSSIPSUB_1_3 + 1 };

static const char *const protocols[VERSIONS] = {
    [GOSSIPSUB_1_0] = MESHSUB_1_0,
    [GOSSIPSUB_1_1] = MESHSUB_1_1,
    [GOSSIPSUB_1_2] = MESHSUB_1_2,
    [GOSSIPSUB_1_3] = MESHSUB_1_3,
};

static bool lists(const struct identify *identify, enum gossipsub_version version)
{
    for (size_t i = 0; i < identify->protocol_count; i++) {
        if (strcmp(identify->protocols[i], protocols[version]) == 0)
            return true;
    }
    return false;
}

static unsigned listed_of(unsigned versions, const struct identify *identify)
{
    unsigned listed = 0;
    for (unsigned version = 0; version < VERSIONS; version++) {
        if ((versions & 1U << version) != 0 && lists(identify, version))
            listed |= 1U << version;
    }
    return listed;
}

bool version_to_propose(unsigned untried, const struct identify *listed,
                        enum gossipsub_version *version)
{
    unsigned candidates = listed != NULL ? listed_of(untried, listed) : 0;
    if (candidates == 0)
        candidates = untried;
    for (unsigned newest = VERSIONS; newest-- > 0;) {
        if ((candidates & 1U << newest) != 0) {
            *version = newest;
            return true;
        }
    }
    return false;
}
