/* Over what size a gossipsub RPC is not taken, and by whom: what goes by is none of its sender's
 * knowledge. */
#ifndef NET_TAP_LIMITS_H
#define NET_TAP_LIMITS_H

#include <stdint.h>

enum { RPC_LIMITS = 3 };

extern const struct rpc_limit {
    uint64_t size; /* bytes, without the length before them */
    const char *whose;
} rpc_limits[RPC_LIMITS]; /* the smallest first */

#endif
