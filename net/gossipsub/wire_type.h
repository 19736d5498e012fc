/* How protobuf lays out a field: a tag, number << WIRE_BITS | type, and what the type says. */
#ifndef NET_GOSSIPSUB_WIRE_TYPE_H
#define NET_GOSSIPSUB_WIRE_TYPE_H

enum wire_type {
    WIRE_VARINT,
    WIRE_FIXED64,
    WIRE_BYTES,
    WIRE_GROUP,
    WIRE_GROUP_END,
    WIRE_FIXED32,
};

enum { WIRE_BITS = 3, WIRE_MASK = (1 << WIRE_BITS) - 1 };

#endif
