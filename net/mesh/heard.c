#include "net/mesh/heard.h"

#include <stdlib.h>

#include "common/utf8.h"
#include "net/gossipsub/rpc.h"

static const char others[] = "others";

static void add(json_t *counts, const char *name, size_t count)
{
    json_int_t before = json_integer_value(json_object_get(counts, name));
    json_object_set_new(counts, name, json_integer(before + (json_int_t)count));
}

static void add_ids(json_t *heard, const char *kind, size_t count)
{
    if (count > 0)
        add(heard, kind, count);
}

static void add_topic(json_t *heard, const char *kind, const ProtobufCBinaryData *topic,
                      size_t count)
{
    json_t *counts = json_object_get(heard, kind);
    if (counts == NULL) {
        counts = json_object();
        json_object_set_new(heard, kind, counts);
    }
    bool legal = topic->len > 0 && topic->len <= GOSSIPSUB_TOPIC_SIZE_MAX;
    char *name = utf8_safe_text(legal ? bytes_of(topic->data, topic->len) : bytes_of_text(others));
    bool room = json_object_size(counts) < HEARD_TOPICS_MAX;
    add(counts, room || json_object_get(counts, name) != NULL ? name : others, count);
    free(name);
}

static void add_control(json_t *heard, const Gossipsub__ControlMessage *control)
{
    for (size_t i = 0; i < control->n_graft; i++)
        add_topic(heard, "graft", &control->graft[i]->topic, 1);
    for (size_t i = 0; i < control->n_prune; i++)
        add_topic(heard, "prune", &control->prune[i]->topic, 1);
    for (size_t i = 0; i < control->n_ihave; i++)
        add_topic(heard, "ihave", &control->ihave[i]->topic, control->ihave[i]->n_message_ids);
    for (size_t i = 0; i < control->n_iwant; i++)
        add_ids(heard, "iwant", control->iwant[i]->n_message_ids);
    for (size_t i = 0; i < control->n_idontwant; i++)
        add_ids(heard, "idontwant", control->idontwant[i]->n_message_ids);
}

json_t *heard_new(void)
{
    return json_object();
}

static void add_slice(void *heard, const Gossipsub__RPC *slice, enum rpc_list continued)
{
    (void)continued; /* ids are counted, and entries are not */
    for (size_t i = 0; i < slice->n_publish; i++)
        add_topic(heard, "messages", &slice->publish[i]->topic, 1);
    if (slice->control != NULL)
        add_control(heard, slice->control);
}

void heard_rpc(json_t *heard, struct bytes rpc)
{
    add(heard, "rpcs", 1);
    if (!rpc_read_all(rpc, add_slice, heard))
        add(heard, "malformed", 1);
}
