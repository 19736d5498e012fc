/*
 * The encoding is that of the messages which protobuf-c makes of rpc.proto, and what it
 * reads of that is encoded as the same again. Where it is an RPC that our router could send, the
 * router's own writer must make the same bytes, too.
 */
#include "net/gossipsub/rpc.h"

#include "common/varint.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/rpc_whole.h"
#include "tests/vectors/kinds.h"
#include "tests/vectors/rpc_json.h"

static struct bytes pack(struct vector_case *test, const Gossipsub__RPC *rpc)
{
    struct buffer *packed = case_buffer(test);
    gossipsub__rpc__pack(rpc, buffer_extend(packed, gossipsub__rpc__get_packed_size(rpc)));
    return buffer_bytes(packed);
}

static void check_decoding(struct vector_case *test, struct bytes encoded)
{
    struct arena arena = {0};
    const Gossipsub__RPC *rpc = rpc_whole(encoded, &arena);
    if (expect(test, rpc != NULL, "encoded", "an RPC", "something malformed"))
        expect_bytes(test, "decoded and encoded again", encoded, pack(test, rpc));
    arena_clear(&arena);
}

/* ---- our writer ---- */

/* Our ids, all of one size, one after the other; false where one is another's. */
static bool collect_ids(const ProtobufCBinaryData *list, size_t count, struct buffer *ids)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].len != GOSSIPSUB_MESSAGE_ID_SIZE || i >= RPC_IDS_MAX)
            return false;
        buffer_append(ids, list[i].data, list[i].len);
    }
    return true;
}

typedef const uint8_t (*id_list)[GOSSIPSUB_MESSAGE_ID_SIZE];

/* Writes those of each kind in the order of their fields; false where ours are never such. */
static bool write_gossip(struct vector_case *test, const Gossipsub__ControlMessage *control,
                         struct rpc_writer *writer)
{
    for (size_t i = 0; i < control->n_ihave; i++) {
        const Gossipsub__ControlIHave *ihave = control->ihave[i];
        struct buffer *ids = case_buffer(test);
        if (!ihave->has_topic || !collect_ids(ihave->message_ids, ihave->n_message_ids, ids))
            return false;
        rpc_write_ihave(writer, rpc_field(ihave->topic), (id_list)ids->data, ihave->n_message_ids);
    }
    for (size_t i = 0; i < control->n_iwant; i++) {
        const Gossipsub__ControlIWant *iwant = control->iwant[i];
        struct buffer *ids = case_buffer(test);
        if (!collect_ids(iwant->message_ids, iwant->n_message_ids, ids))
            return false;
        rpc_write_iwant(writer, (id_list)ids->data, iwant->n_message_ids);
    }
    return true;
}

static bool write_mesh_control(const Gossipsub__ControlMessage *control, struct rpc_writer *writer)
{
    for (size_t i = 0; i < control->n_graft; i++) {
        if (!control->graft[i]->has_topic)
            return false;
        rpc_write_graft(writer, rpc_field(control->graft[i]->topic));
    }
    for (size_t i = 0; i < control->n_prune; i++) {
        const Gossipsub__ControlPrune *prune = control->prune[i];
        if (!prune->has_topic)
            return false;
        rpc_write_prune(writer, rpc_field(prune->topic), prune->backoff);
    }
    return true;
}

static bool write_control(struct vector_case *test, const Gossipsub__ControlMessage *control,
                          struct rpc_writer *writer)
{
    if (!write_gossip(test, control, writer) || !write_mesh_control(control, writer))
        return false;
    for (size_t i = 0; i < control->n_idontwant; i++) {
        const Gossipsub__ControlIDontWant *idontwant = control->idontwant[i];
        struct buffer *ids = case_buffer(test);
        if (!collect_ids(idontwant->message_ids, idontwant->n_message_ids, ids))
            return false;
        rpc_write_idontwant(writer, (id_list)ids->data, idontwant->n_message_ids);
    }
    return true;
}

/* Ours are a message alone, or anything else. NULL where ours are never such. */
static struct chunk *write_as_ours(struct vector_case *test, const Gossipsub__RPC *rpc)
{
    struct rpc_writer writer = {0};
    struct chunk *written = NULL;
    if (rpc->n_publish == 1 && rpc->n_subscriptions == 0 && rpc->control == NULL) {
        const Gossipsub__Message *message = rpc->publish[0];
        if (!message->has_from && !message->has_seqno && !message->has_signature &&
            !message->has_key)
            return rpc_encode_message(rpc_field(message->topic), rpc_field(message->data));
    } else if (rpc->n_publish == 0) {
        for (size_t i = 0; i < rpc->n_subscriptions; i++)
            rpc_write_subscription(&writer, rpc_field(rpc->subscriptions[i]->topic),
                                   rpc->subscriptions[i]->subscribe);
        if (rpc->control == NULL || write_control(test, rpc->control, &writer))
            written = rpc_writer_finish(&writer);
    }
    rpc_writer_clear(&writer);
    return written;
}

static void check_writer(struct vector_case *test, const Gossipsub__RPC *rpc, struct bytes encoded)
{
    struct chunk *written = write_as_ours(test, rpc);
    if (written == NULL)
        return;
    uint8_t length[VARINT_SIZE_MAX];
    struct buffer *expected = case_buffer(test);
    buffer_append(expected, length, varint_write(encoded.size, length));
    buffer_append(expected, encoded.data, encoded.size);
    expect_bytes(test, "written by our router, its length before it", buffer_bytes(expected),
                 chunk_bytes(written));
    chunk_unref(written);
}

void check_gossipsub_rpc(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "?subscriptions ?publish ?control");
    const json_t *output = case_object(test, vector, "output", "encoded");
    struct bytes encoded = case_bytes(test, output, "encoded");
    Gossipsub__RPC rpc = GOSSIPSUB__RPC__INIT;
    rpc_add_messages(test, input, &rpc);
    if (case_has(input, "control"))
        rpc_add_control(
            test, case_object(test, input, "control", "?ihave ?iwant ?graft ?prune ?idontwant"),
            &rpc);
    if (case_failed(test))
        return;
    expect_bytes(test, "encoded", encoded, pack(test, &rpc));
    check_decoding(test, encoded);
    check_writer(test, &rpc, encoded);
}
