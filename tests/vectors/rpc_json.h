/* RPCs of gossipsub as the vectors' JSON has them. */
#ifndef TESTS_VECTORS_RPC_JSON_H
#define TESTS_VECTORS_RPC_JSON_H

#include "net/gossipsub/rpc.pb-c.h"
#include "tests/vectors/case.h"

/*
 * Adds to RPC what OBJECT lists as "subscriptions" and "publish", or as the control messages, each
 * where it is there. Empty fields are left out as the reference does, but for a subscription's
 * topic. They live as long as the case.
 */
void rpc_add_messages(struct vector_case *test, const json_t *object, Gossipsub__RPC *rpc);
void rpc_add_control(struct vector_case *test, const json_t *object, Gossipsub__RPC *rpc);

struct bytes rpc_field(ProtobufCBinaryData data);

#endif
