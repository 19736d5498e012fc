/* Messages that are signed, on topics that are not Lean's: what is taken, what is refused and why,
 * and under which id peers hear of them. */
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/internal.h"
#include "net/gossipsub/refusal.h"
#include "net/gossipsub/signing.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

#define CHAT "chat"

/* A signature is the text that was signed, backwards; a key is its author. */
static void sign(void *context, struct bytes text, struct buffer *signature)
{
    (void)context;
    for (size_t i = text.size; i > 0; i--)
        buffer_append_byte(signature, text.data[i - 1]);
}

static enum gossipsub_signature verify(void *context, struct bytes author, struct bytes key,
                                       struct bytes text, struct bytes signature)
{
    struct buffer right = {0};
    sign(context, text, &right);
    bool equal = bytes_equal(buffer_bytes(&right), signature);
    buffer_clear(&right);
    if (key.size > 0 && !bytes_equal(key, author))
        return GOSSIPSUB_SIGNATURE_OF_NOBODY;
    return equal ? GOSSIPSUB_SIGNATURE_RIGHT : GOSSIPSUB_SIGNATURE_WRONG;
}

static struct gossipsub_signing signing_of(const char *author)
{
    return (struct gossipsub_signing){
        .author = bytes_of_text(author), .seqno = 0x0102, .sign = sign, .verify = verify};
}

static void begin(struct scene *scene)
{
    scene_init(scene, false);
    struct gossipsub_signing signing = signing_of("us");
    gossipsub_set_signing(scene->router, &signing);
    scene_subscribe(scene, CHAT);
    scene_subscribe(scene, SCENE_TOPIC);
}

static gossipsub_peer join(struct scene *scene, const char *id)
{
    gossipsub_peer peer = scene_join(scene, id, false);
    scene_say_subscribe(scene, peer, CHAT);
    return peer;
}

static void say(struct scene *scene, gossipsub_peer peer, struct chunk *rpc)
{
    scene_say_bytes(scene, peer, scene_without_length(rpc));
    chunk_unref(rpc);
}

/* A message of somebody's, the COUNTth. */
static struct chunk *message_of(const char *author, uint64_t count, const char *topic,
                                const char *text)
{
    struct gossipsub_signing signing = signing_of(author);
    struct gossipsub_wire_id id;
    signing.seqno = count - 1;
    return signing_encode(&signing, bytes_of_text(topic), bytes_of_text(text), &id);
}

static void check_wire_id(struct bytes id, const char *author, uint8_t count)
{
    uint8_t expected[64] = {0};
    size_t size = strlen(author) + SEQNO_SIZE;
    memcpy(expected, author, strlen(author));
    expected[size - 1] = count;
    assert_int_equal(id.size, size);
    assert_memory_equal(id.data, expected, size);
}

static struct bytes view(const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, data->len);
}

static void a_signed_message_is_delivered_and_passed_on_whole(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    gossipsub_peer from = join(&scene, "a"), to = join(&scene, "b");
    say(&scene, from, message_of("author", 7, CHAT, "hello"));
    const struct gossipsub_action *delivered = scene_find(&scene, GOSSIPSUB_DELIVER, from);
    assert_non_null(delivered);
    assert_true(bytes_equal(chunk_bytes(delivered->payload), bytes_of_text("hello")));
    check_wire_id(bytes_of(delivered->wire_id.bytes, delivered->wire_id.size), "author", 7);
    const Gossipsub__RPC *sent = scene_sent(&scene, to);
    assert_true(sent != NULL && sent->n_publish == 1);
    enum gossipsub_refusal why;
    struct gossipsub_signing signing = signing_of("b");
    assert_true(sent != NULL && signing_verify(&signing, sent->publish[0], &why));
    say(&scene, to, message_of("author", 7, CHAT, "hello"));
    assert_int_equal(scene_statistics(&scene).duplicates, 1);
    scene_clear(&scene);
}

static void one_text_by_one_author_twice_is_two_messages(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    gossipsub_peer peer = join(&scene, "a");
    for (uint8_t i = 1; i <= 2; i++) {
        say(&scene, peer, message_of("author", i, CHAT, "hello"));
        assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 1);
        assert_int_equal(scene_publish(&scene, CHAT, bytes_of_text("hello")), 1);
    }
    scene_clear(&scene);
}

/* What a message may lack or have wrong. */
enum change {
    NO_FROM = 1 << 0,
    NO_SEQNO = 1 << 1,
    SHORT_SEQNO = 1 << 2,
    NO_SIGNATURE = 1 << 3,
    OTHER_DATA = 1 << 4,
    OTHER_KEY = 1 << 5,
    OWN_KEY = 1 << 6,
    LONG_FROM = 1 << 7,
    OTHER_TOPIC = 1 << 8,
};

static ProtobufCBinaryData text(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

static struct chunk *changed(unsigned changes)
{
    static char long_from[] = "an author whose peer id is longer than any peer id may be........";
    struct arena arena = {0};
    struct chunk *rpc = message_of("author", 1, CHAT, "hello");
    const Gossipsub__RPC *decoded = rpc_whole(scene_without_length(rpc), &arena);
    Gossipsub__Message message = *decoded->publish[0];
    message.has_from = (changes & NO_FROM) == 0;
    message.has_seqno = (changes & NO_SEQNO) == 0;
    message.has_signature = (changes & NO_SIGNATURE) == 0;
    message.has_key = (changes & (OTHER_KEY | OWN_KEY)) != 0;
    message.key = text((changes & OTHER_KEY) != 0 ? "another" : "author");
    if ((changes & SHORT_SEQNO) != 0)
        message.seqno.len--;
    if ((changes & OTHER_DATA) != 0)
        message.data = text("hallo");
    if ((changes & LONG_FROM) != 0)
        message.from = text(long_from);
    if ((changes & OTHER_TOPIC) != 0)
        message.topic = text(SCENE_TOPIC);
    struct chunk *again = rpc_encode_whole(&message);
    chunk_unref(rpc);
    arena_clear(&arena);
    return again;
}

static void what_is_refused_is_told_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        unsigned changes;
        enum gossipsub_refusal refusal;
        const char *name;
    } cases[] = {
        {NO_FROM, GOSSIPSUB_REFUSED_UNSIGNED, "unsigned"},
        {NO_SIGNATURE, GOSSIPSUB_REFUSED_UNSIGNED, "unsigned"},
        {NO_FROM | NO_SIGNATURE | NO_SEQNO, GOSSIPSUB_REFUSED_UNSIGNED, "unsigned"},
        {NO_SEQNO, GOSSIPSUB_REFUSED_SEQNO, "seqno"},
        {SHORT_SEQNO, GOSSIPSUB_REFUSED_SEQNO, "seqno"},
        {OTHER_KEY, GOSSIPSUB_REFUSED_AUTHOR, "author"},
        {LONG_FROM, GOSSIPSUB_REFUSED_AUTHOR, "author"},
        {OTHER_DATA, GOSSIPSUB_REFUSED_SIGNATURE, "signature"},
        {OTHER_DATA | OWN_KEY, GOSSIPSUB_REFUSED_SIGNATURE, "signature"},
        {OTHER_TOPIC, GOSSIPSUB_REFUSED_SIGNED, "signed"},
        {OWN_KEY, GOSSIPSUB_REFUSALS, NULL},
        {0, GOSSIPSUB_REFUSALS, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scene scene;
        begin(&scene);
        gossipsub_peer peer = join(&scene, "a");
        join(&scene, "b");
        say(&scene, peer, changed(cases[i].changes));
        const struct gossipsub_action *refused = scene_find(&scene, GOSSIPSUB_REJECTED, peer);
        bool taken = cases[i].refusal == GOSSIPSUB_REFUSALS;
        assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), taken);
        assert_int_equal(scene_statistics(&scene).invalid, !taken);
        assert_int_equal(refused == NULL, taken);
        if (refused != NULL) {
            assert_int_equal(scene.actions.count, 1);
            assert_int_equal(refused->refusal, cases[i].refusal);
            assert_string_equal(gossipsub_refusal_name(refused->refusal), cases[i].name);
            assert_int_equal(scene_statistics(&scene).refused[cases[i].refusal], 1);
            /* And is not in the way of the right one. */
            say(&scene, peer, changed(0));
            assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 1);
        }
        scene_clear(&scene);
    }
}

static void without_a_signature_a_topic_of_leans_is_as_before(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    gossipsub_peer peer = join(&scene, "a");
    scene_say_message(&scene, peer, SCENE_TOPIC, bytes_of_text("hello"));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 1);
    assert_int_equal(scene.actions.items[0].wire_id.size, GOSSIPSUB_MESSAGE_ID_SIZE);
    scene_say_message(&scene, peer, CHAT, bytes_of_text("hello"));
    assert_int_equal(scene_find(&scene, GOSSIPSUB_REJECTED, peer)->refusal,
                     GOSSIPSUB_REFUSED_UNSIGNED);
    scene_clear(&scene);
}

static void ours_are_signed_counted_and_not_compressed(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    gossipsub_peer peer = join(&scene, "a");
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    for (uint64_t i = 0x0103; i <= 0x0104; i++) {
        gossipsub_actions_reset(&scene.actions);
        assert_true(gossipsub_publish(scene.router, scene.now, CHAT, bytes_of_text("hello"), id,
                                      &receivers, &scene.actions, NULL));
        const Gossipsub__Message *message = scene_sent(&scene, peer)->publish[0];
        assert_true(bytes_equal(view(&message->data), bytes_of_text("hello")));
        assert_true(bytes_equal(view(&message->from), bytes_of_text("us")));
        assert_int_equal(message->seqno.data[6], 1);
        assert_int_equal(message->seqno.data[7], i & 0xff);
        assert_false(message->has_key);
        struct bytes wire_id = gossipsub_wire_id(scene.router, id);
        assert_int_equal(wire_id.size, 2 + SEQNO_SIZE);
        assert_memory_equal(wire_id.data + 2, message->seqno.data, SEQNO_SIZE);
        /* Back from the peer it is nothing new. */
        say(&scene, peer, message_of("us", i, CHAT, "hello"));
        assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 0);
    }
    scene_clear(&scene);
}

static void ids_of_author_and_number_are_offered_asked_for_and_declined(void **state)
{
    (void)state;
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.passive = true; /* nobody is in our mesh but by its own GRAFT */
    struct scene scene;
    scene_init_with(&scene, &parameters);
    struct gossipsub_signing signing = signing_of("us");
    gossipsub_set_signing(scene.router, &signing);
    scene_subscribe(&scene, CHAT);
    gossipsub_peer from = join(&scene, "a"), to = join(&scene, "b"), meshed = join(&scene, "c");
    scene_say_graft(&scene, meshed, CHAT);

    /* Asked for. */
    const struct bytes offered = bytes_of("author\0\0\0\0\0\0\0\x09", 14);
    rpc_write_ihave_of(&scene.writer, bytes_of_text(CHAT), &offered, 1);
    scene_say(&scene, from);
    const Gossipsub__RPC *sent = scene_sent(&scene, from);
    assert_true(sent != NULL && sent->control != NULL && sent->control->n_iwant == 1);
    check_wire_id(view(&sent->control->iwant[0]->message_ids[0]), "author", 9);

    /* Declined: it has come, and is large. */
    static char large[IDONTWANT_DATA_SIZE_MIN + 1];
    memset(large, 'x', IDONTWANT_DATA_SIZE_MIN);
    say(&scene, from, message_of("author", 9, CHAT, large));
    sent = scene_sent(&scene, meshed);
    assert_true(sent != NULL && sent->control != NULL && sent->control->n_idontwant == 1);
    check_wire_id(view(&sent->control->idontwant[0]->message_ids[0]), "author", 9);

    /* Offered, and served. */
    scene_heartbeat(&scene);
    sent = scene_sent(&scene, to);
    assert_true(sent != NULL && sent->control != NULL && sent->control->n_ihave == 1);
    check_wire_id(view(&sent->control->ihave[0]->message_ids[0]), "author", 9);
    rpc_write_iwant_of(&scene.writer, &offered, 1);
    scene_say(&scene, to);
    sent = scene_sent(&scene, to);
    assert_true(sent != NULL && sent->n_publish == 1 && sent->publish[0]->has_signature);
    scene_clear(&scene);
}

/* What go-, rust- and js-libp2p call the author's ninth message by default; its peer id is the
 * identity hash of the key "key". */
static const struct bytes names_of_one[] = {
    {(const uint8_t *)"\0\3key\0\0\0\0\0\0\0\x09", 13},
    {(const uint8_t *)"16536Y9", 7},
    {(const uint8_t *)"key\0\0\0\0\0\0\0\x09", 11},
};

static struct chunk *ninth(const char *text)
{
    struct gossipsub_signing signing = signing_of("");
    struct gossipsub_wire_id id;
    signing.author = bytes_of("\0\3key", 5);
    signing.seqno = 8;
    return signing_encode(&signing, bytes_of_text(CHAT), bytes_of_text(text), &id);
}

static void each_stacks_name_of_a_message_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names_of_one) / sizeof(*names_of_one); i++) {
        struct scene scene;
        begin(&scene);
        gossipsub_peer from = join(&scene, "a"), to = join(&scene, "b");
        rpc_write_idontwant_of(&scene.writer, &names_of_one[i], 1);
        scene_say(&scene, to);
        say(&scene, from, ninth("hello"));
        assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 1);
        assert_null(scene_find(&scene, GOSSIPSUB_SEND, to));
        rpc_write_ihave_of(&scene.writer, bytes_of_text(CHAT), &names_of_one[i], 1);
        scene_say(&scene, to);
        assert_null(scene_find(&scene, GOSSIPSUB_SEND, to));
        scene_clear(&scene);
    }
}

/* So many that no RPC of ours holds them all. */
static void long_ids_keep_to_the_size_of_an_rpc(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    gossipsub_peer peer = join(&scene, "a");
    enum { COUNT = 1000, SIZE = GOSSIPSUB_WIRE_ID_SIZE_MAX };
    static uint8_t ids[COUNT][SIZE];
    struct bytes views[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(ids[i], &i, sizeof(i));
        views[i] = bytes_of(ids[i], SIZE);
    }
    for (size_t i = 0; i < COUNT; i += 100)
        rpc_write_ihave_of(&scene.writer, bytes_of_text(CHAT), views + i, 100);
    scene_say(&scene, peer);
    size_t asked = 0;
    for (size_t i = 0; i < scene.actions.count; i++) {
        struct bytes rpc = scene_without_length(scene.actions.items[i].rpc);
        assert_in_range(rpc.size, 1, RPC_CONTROL_SIZE_MAX);
        const Gossipsub__RPC *decoded = rpc_whole(rpc, &scene.arena);
        for (size_t j = 0; j < decoded->control->n_iwant; j++)
            asked += decoded->control->iwant[j]->n_message_ids;
    }
    assert_int_equal(asked, COUNT);
    scene_clear(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_message_is_delivered_and_passed_on_whole),
        cmocka_unit_test(one_text_by_one_author_twice_is_two_messages),
        cmocka_unit_test(what_is_refused_is_told_with_its_reason),
        cmocka_unit_test(without_a_signature_a_topic_of_leans_is_as_before),
        cmocka_unit_test(ours_are_signed_counted_and_not_compressed),
        cmocka_unit_test(ids_of_author_and_number_are_offered_asked_for_and_declined),
        cmocka_unit_test(each_stacks_name_of_a_message_is_known),
        cmocka_unit_test(long_ids_keep_to_the_size_of_an_rpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
