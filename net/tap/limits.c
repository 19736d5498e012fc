#include "net/tap/limits.h"

#include "net/gossipsub/router.h"

const struct rpc_limit rpc_limits[RPC_LIMITS] = {
    {64 * 1024, "rust-libp2p by default"},
    {1024 * 1024, "go-libp2p by default"},
    {GOSSIPSUB_RPC_SIZE_MAX, "Lean"},
};
