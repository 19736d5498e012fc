/* Writes entries of an RPC from ids of the usual size, one behind the other, as tests have them. */
#ifndef TESTS_UNIT_RPC_IDS_H
#define TESTS_UNIT_RPC_IDS_H

#include "net/gossipsub/rpc.h"

static inline void rpc_list_ids(const uint8_t (*ids)[GOSSIPSUB_MESSAGE_ID_SIZE], size_t count,
                                struct bytes list[RPC_IDS_MAX])
{
    for (size_t i = 0; i < count; i++)
        list[i] = bytes_of(ids[i], GOSSIPSUB_MESSAGE_ID_SIZE);
}

static inline void rpc_write_ihave(struct rpc_writer *writer, struct bytes topic,
                                   const uint8_t (*ids)[GOSSIPSUB_MESSAGE_ID_SIZE], size_t count)
{
    struct bytes list[RPC_IDS_MAX];
    rpc_list_ids(ids, count, list);
    rpc_write_ihave_of(writer, topic, list, count);
}

static inline void rpc_write_iwant(struct rpc_writer *writer,
                                   const uint8_t (*ids)[GOSSIPSUB_MESSAGE_ID_SIZE], size_t count)
{
    struct bytes list[RPC_IDS_MAX];
    rpc_list_ids(ids, count, list);
    rpc_write_iwant_of(writer, list, count);
}

static inline void rpc_write_idontwant(struct rpc_writer *writer,
                                       const uint8_t (*ids)[GOSSIPSUB_MESSAGE_ID_SIZE],
                                       size_t count)
{
    struct bytes list[RPC_IDS_MAX];
    rpc_list_ids(ids, count, list);
    rpc_write_idontwant_of(writer, list, count);
}

#endif
