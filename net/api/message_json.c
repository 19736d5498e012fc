#include "net/api/message_json.h"

#include "net/api/block_json.h"
#include "net/api/status_json.h"
#include "net/gossipsub/lean_topic.h"

static bool kind_of(const char *topic, enum lean_message_kind *kind)
{
    struct bytes network, name;
    if (!lean_topic_read(topic, &network, &name))
        return false;
    *kind = lean_message_kind(name);
    return true;
}

const char *message_json_kind(const char *topic)
{
    enum lean_message_kind kind;
    return kind_of(topic, &kind) ? lean_message_kind_name(kind) : NULL;
}

static json_t *attestation_json(const struct lean_message *message)
{
    const struct attestation_summary *attestation = &message->attestation;
    json_t *object = json_pack("{s:o, s:o, s:o}", "head", checkpoint_json(&attestation->head),
                               "target", checkpoint_json(&attestation->target), "source",
                               checkpoint_json(&attestation->source));
    if (message->kind == LEAN_ATTESTATION)
        json_object_set_new(object, "validator", slot_json(attestation->validator));
    else
        json_object_set_new(object, "participants",
                            json_integer((json_int_t)attestation->participants));
    return object;
}

void message_json_describe(json_t *object, const char *topic, struct bytes payload)
{
    enum lean_message_kind kind;
    struct lean_message message;
    if (!kind_of(topic, &kind))
        return;
    json_object_set_new(object, "kind", json_string(lean_message_kind_name(kind)));
    if (!lean_message_read(kind, payload, &message, NULL))
        return;
    json_object_set_new(object, "slot", slot_json(lean_message_slot(&message)));
    json_object_set_new(object, "root", root_json(lean_message_root(&message)));
    json_object_set_new(object, lean_message_kind_name(kind),
                        kind == LEAN_BLOCK ? block_json(&message.block)
                                           : attestation_json(&message));
}
