/* Which version of gossipsub is proposed to a peer next. Pure. */
#ifndef NET_HOST_VERSIONS_H
#define NET_HOST_VERSIONS_H

#include <stdbool.h>

#include "net/gossipsub/router.h"
#include "net/protocols/identify.h"

#define MESHSUB_1_0 "/meshsub/1.0.0"
#define MESHSUB_1_1 "/meshsub/1.1.0"
#define MESHSUB_1_2 "/meshsub/1.2.0"
#define MESHSUB_1_3 "/meshsub/1.3.0"

/* A set of versions: bit N is for the version N of enum gossipsub_version. */
enum {
    /* What we propose; 1.3 is only accepted. */
    VERSIONS_PROPOSED = 1 << GOSSIPSUB_1_0 | 1 << GOSSIPSUB_1_1 | 1 << GOSSIPSUB_1_2,
};

/*
 * The newest of UNTRIED that LISTED, what the peer says it speaks, has. Where it has none of them
 * the newest of all: a list can be older than what the peer speaks, and one refusal costs little.
 * LISTED may be NULL: not known. False where UNTRIED is empty.
 */
bool version_to_propose(unsigned untried, const struct identify *listed,
                        enum gossipsub_version *version);

#endif
