/* Protobuf's groups (wire types 3 and 4), which protobuf-c does not read: none of the fields that
 * we know is one, and what is unknown is to be skipped. */
#ifndef NET_GOSSIPSUB_GROUPS_H
#define NET_GOSSIPSUB_GROUPS_H

#include <protobuf-c/protobuf-c.h>

#include "common/buffer.h"

/* Appends MESSAGE, of TYPE, without the groups in it and in the messages that it holds; how many
 * there were, or -1 where it is malformed. */
long groups_drop(const ProtobufCMessageDescriptor *type, struct bytes message,
                 struct buffer *output);

#endif
