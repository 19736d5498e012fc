/* What gossip of Lean's topics says of itself, as JSON. */
#ifndef NET_API_MESSAGE_JSON_H
#define NET_API_MESSAGE_JSON_H

#include <jansson.h>

#include "net/protocols/lean_message.h"

/* "block", "attestation", "aggregation" or "other"; NULL where TOPIC is not one of Lean's. */
const char *message_json_kind(const char *topic);
/* Adds to OBJECT the kind, of a topic of Lean's, and where the payload is the SSZ of that: slot,
 * root, and under the kind's name what else it says. */
void message_json_describe(json_t *object, const char *topic, struct bytes payload);

#endif
