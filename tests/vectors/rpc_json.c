#include "tests/vectors/rpc_json.h"

/* A new array of pointers to new protobuf messages of TYPE, one for each element of LIST. */
#define NEW_MESSAGES(test, type, initial, list)                                                    \
    ({                                                                                             \
        size_t new_count = json_array_size(list);                                                  \
        type **new_messages = case_memory(test, (new_count + 1) * sizeof(*new_messages));          \
        for (size_t new_i = 0; new_i < new_count; new_i++) {                                       \
            new_messages[new_i] = case_memory(test, sizeof(type));                                 \
            *new_messages[new_i] = (type)initial;                                                  \
        }                                                                                          \
        new_messages;                                                                              \
    })

struct bytes rpc_field(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

static ProtobufCBinaryData binary(struct bytes view)
{
    /* protobuf-c reads and never writes what it packs. */
    return (ProtobufCBinaryData){.len = view.size, .data = (uint8_t *)view.data};
}

static protobuf_c_boolean set_bytes(struct vector_case *test, const json_t *object, const char *key,
                                    ProtobufCBinaryData *field)
{
    if (case_has(object, key))
        *field = binary(case_bytes(test, object, key));
    return field->len > 0;
}

static protobuf_c_boolean set_topic(struct vector_case *test, const json_t *object, const char *key,
                                    ProtobufCBinaryData *field)
{
    *field = binary(bytes_of_text(case_text(test, object, key)));
    return field->len > 0;
}

static size_t set_ids(struct vector_case *test, const json_t *object, ProtobufCBinaryData **ids)
{
    const json_t *list = case_array(test, object, "messageIds");
    size_t count = json_array_size(list);
    *ids = case_memory(test, (count + 1) * sizeof(**ids));
    for (size_t i = 0; i < count; i++)
        (*ids)[i] = binary(case_hex(test, "messageIds", json_array_get(list, i)));
    return count;
}

/* ---- subscriptions and messages ---- */

static void add_subscriptions(struct vector_case *test, const json_t *list, Gossipsub__RPC *rpc)
{
    rpc->n_subscriptions = json_array_size(list);
    rpc->subscriptions =
        NEW_MESSAGES(test, Gossipsub__RPC__SubOpts, GOSSIPSUB__RPC__SUB_OPTS__INIT, list);
    for (size_t i = 0; i < rpc->n_subscriptions; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL, "subscribe topicId");
        Gossipsub__RPC__SubOpts *subscription = rpc->subscriptions[i];
        subscription->has_subscribe = subscription->has_topic = true;
        subscription->subscribe = case_boolean(test, entry, "subscribe");
        set_topic(test, entry, "topicId", &subscription->topic);
    }
}

static void add_publish(struct vector_case *test, const json_t *list, Gossipsub__RPC *rpc)
{
    rpc->n_publish = json_array_size(list);
    rpc->publish = NEW_MESSAGES(test, Gossipsub__Message, GOSSIPSUB__MESSAGE__INIT, list);
    for (size_t i = 0; i < rpc->n_publish; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL,
                                          "topic ?data ?fromPeer ?seqno ?signature ?key");
        Gossipsub__Message *message = rpc->publish[i];
        message->has_from = set_bytes(test, entry, "fromPeer", &message->from);
        message->has_data = set_bytes(test, entry, "data", &message->data);
        message->has_seqno = set_bytes(test, entry, "seqno", &message->seqno);
        message->has_topic = set_topic(test, entry, "topic", &message->topic);
        message->has_signature = set_bytes(test, entry, "signature", &message->signature);
        message->has_key = set_bytes(test, entry, "key", &message->key);
    }
}

void rpc_add_messages(struct vector_case *test, const json_t *object, Gossipsub__RPC *rpc)
{
    add_subscriptions(test, case_array(test, object, "subscriptions"), rpc);
    add_publish(test, case_array(test, object, "publish"), rpc);
}

/* ---- control ---- */

static void add_ihave(struct vector_case *test, const json_t *list,
                      Gossipsub__ControlMessage *control)
{
    control->n_ihave = json_array_size(list);
    control->ihave =
        NEW_MESSAGES(test, Gossipsub__ControlIHave, GOSSIPSUB__CONTROL_IHAVE__INIT, list);
    for (size_t i = 0; i < control->n_ihave; i++) {
        const json_t *entry =
            case_object(test, json_array_get(list, i), NULL, "topicId messageIds");
        Gossipsub__ControlIHave *ihave = control->ihave[i];
        ihave->has_topic = set_topic(test, entry, "topicId", &ihave->topic);
        ihave->n_message_ids = set_ids(test, entry, &ihave->message_ids);
    }
}

static void add_iwant(struct vector_case *test, const json_t *list,
                      Gossipsub__ControlMessage *control)
{
    control->n_iwant = json_array_size(list);
    control->iwant =
        NEW_MESSAGES(test, Gossipsub__ControlIWant, GOSSIPSUB__CONTROL_IWANT__INIT, list);
    for (size_t i = 0; i < control->n_iwant; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL, "messageIds");
        control->iwant[i]->n_message_ids = set_ids(test, entry, &control->iwant[i]->message_ids);
    }
}

static void add_graft(struct vector_case *test, const json_t *list,
                      Gossipsub__ControlMessage *control)
{
    control->n_graft = json_array_size(list);
    control->graft =
        NEW_MESSAGES(test, Gossipsub__ControlGraft, GOSSIPSUB__CONTROL_GRAFT__INIT, list);
    for (size_t i = 0; i < control->n_graft; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL, "topicId");
        control->graft[i]->has_topic = set_topic(test, entry, "topicId", &control->graft[i]->topic);
    }
}

static void add_prune(struct vector_case *test, const json_t *list,
                      Gossipsub__ControlMessage *control)
{
    control->n_prune = json_array_size(list);
    control->prune =
        NEW_MESSAGES(test, Gossipsub__ControlPrune, GOSSIPSUB__CONTROL_PRUNE__INIT, list);
    for (size_t i = 0; i < control->n_prune; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL, "topicId backoff");
        Gossipsub__ControlPrune *prune = control->prune[i];
        prune->has_topic = set_topic(test, entry, "topicId", &prune->topic);
        prune->backoff = case_number(test, entry, "backoff");
        prune->has_backoff = prune->backoff > 0;
    }
}

static void add_idontwant(struct vector_case *test, const json_t *list,
                          Gossipsub__ControlMessage *control)
{
    control->n_idontwant = json_array_size(list);
    control->idontwant =
        NEW_MESSAGES(test, Gossipsub__ControlIDontWant, GOSSIPSUB__CONTROL_IDONT_WANT__INIT, list);
    for (size_t i = 0; i < control->n_idontwant; i++) {
        const json_t *entry = case_object(test, json_array_get(list, i), NULL, "messageIds");
        Gossipsub__ControlIDontWant *idontwant = control->idontwant[i];
        idontwant->n_message_ids = set_ids(test, entry, &idontwant->message_ids);
    }
}

static bool is_empty(const Gossipsub__ControlMessage *control)
{
    return control->n_ihave == 0 && control->n_iwant == 0 && control->n_graft == 0 &&
           control->n_prune == 0 && control->n_idontwant == 0;
}

void rpc_add_control(struct vector_case *test, const json_t *object, Gossipsub__RPC *rpc)
{
    Gossipsub__ControlMessage *control = case_memory(test, sizeof(*control));
    *control = (Gossipsub__ControlMessage)GOSSIPSUB__CONTROL_MESSAGE__INIT;
    add_ihave(test, case_array(test, object, "ihave"), control);
    add_iwant(test, case_array(test, object, "iwant"), control);
    add_graft(test, case_array(test, object, "graft"), control);
    add_prune(test, case_array(test, object, "prune"), control);
    add_idontwant(test, case_array(test, object, "idontwant"), control);
    rpc->control = is_empty(control) ? NULL : control;
}
