/* RPCs read slice by slice: the same entries as protobuf-c finds, at a bounded cost each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/random.h"
#include "common/varint.h"
#include "net/gossipsub/rpc.h"
#include "net/gossipsub/rpc_skim.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

enum kind { SUBSCRIPTIONS, MESSAGES, GRAFTS, PRUNES, IHAVES, IWANTS, IDONTWANTS, KINDS };

/* What an RPC says, kind by kind. */
struct said {
    struct buffer text[KINDS];
};

static void add(struct buffer *text, const ProtobufCBinaryData *data)
{
    varint_append(text, data->len);
    buffer_append(text, data->data, data->len);
}

static void add_optional(struct buffer *text, int has, const ProtobufCBinaryData *data)
{
    buffer_append_byte(text, has != 0);
    if (has)
        add(text, data);
}

static void add_ids(struct buffer *text, const ProtobufCBinaryData *topic, size_t count,
                    const ProtobufCBinaryData *ids)
{
    for (size_t i = 0; i < count; i++) {
        if (topic != NULL)
            add(text, topic);
        add(text, &ids[i]);
    }
}

static void add_message(struct buffer *text, const Gossipsub__Message *message)
{
    add_optional(text, message->has_from, &message->from);
    add_optional(text, message->has_data, &message->data);
    add_optional(text, message->has_seqno, &message->seqno);
    add_optional(text, message->has_topic, &message->topic);
    add_optional(text, message->has_signature, &message->signature);
    add_optional(text, message->has_key, &message->key);
}

static void add_control(struct said *said, const Gossipsub__ControlMessage *control)
{
    for (size_t i = 0; i < control->n_graft; i++)
        add_optional(&said->text[GRAFTS], control->graft[i]->has_topic, &control->graft[i]->topic);
    for (size_t i = 0; i < control->n_prune; i++) {
        const Gossipsub__ControlPrune *prune = control->prune[i];
        add_optional(&said->text[PRUNES], prune->has_topic, &prune->topic);
        varint_append(&said->text[PRUNES], prune->has_backoff ? prune->backoff + 1 : 0);
        varint_append(&said->text[PRUNES], prune->n_peers);
    }
    for (size_t i = 0; i < control->n_ihave; i++)
        add_ids(&said->text[IHAVES], &control->ihave[i]->topic, control->ihave[i]->n_message_ids,
                control->ihave[i]->message_ids);
    for (size_t i = 0; i < control->n_iwant; i++)
        add_ids(&said->text[IWANTS], NULL, control->iwant[i]->n_message_ids,
                control->iwant[i]->message_ids);
    for (size_t i = 0; i < control->n_idontwant; i++)
        add_ids(&said->text[IDONTWANTS], NULL, control->idontwant[i]->n_message_ids,
                control->idontwant[i]->message_ids);
}

static void add_rpc(struct said *said, const Gossipsub__RPC *rpc)
{
    for (size_t i = 0; i < rpc->n_subscriptions; i++) {
        const Gossipsub__RPC__SubOpts *option = rpc->subscriptions[i];
        buffer_append_byte(&said->text[SUBSCRIPTIONS],
                           (uint8_t)(option->has_subscribe + option->subscribe));
        add_optional(&said->text[SUBSCRIPTIONS], option->has_topic, &option->topic);
    }
    for (size_t i = 0; i < rpc->n_publish; i++)
        add_message(&said->text[MESSAGES], rpc->publish[i]);
    if (rpc->control != NULL)
        add_control(said, rpc->control);
}

static void forget(struct said *said)
{
    for (size_t i = 0; i < KINDS; i++)
        buffer_clear(&said->text[i]);
}

static size_t entries_of(const Gossipsub__RPC *slice)
{
    size_t count = slice->n_subscriptions + slice->n_publish;
    const Gossipsub__ControlMessage *control = slice->control;
    return control == NULL ? count
                           : count + control->n_graft + control->n_prune + control->n_ihave +
                                 control->n_iwant + control->n_idontwant;
}

/* Reads all of it, and holds each slice to its limits; how many there were, 0 where it is
 * malformed.
 */
static size_t read_slices(struct bytes rpc, struct said *said)
{
    struct arena arena = {0};
    struct rpc_reader reader = {0};
    Gossipsub__RPC slice;
    size_t count = 0, handed_out = 0;
    enum rpc_read read;
    do {
        read = rpc_read(&reader, rpc, &arena, &slice);
        assert_true(entries_of(&slice) <= RPC_SLICE_ENTRIES);
        assert_true(arena.total <= RPC_SLICE_MEMORY);
        handed_out += entries_of(&slice);
        if (read == RPC_READ_MALFORMED)
            assert_int_equal(handed_out, 0);
        else
            add_rpc(said, &slice);
        count++;
    } while (read == RPC_READ_MORE);
    arena_clear(&arena);
    return read == RPC_READ_END ? count : 0;
}

/* The same entries, or malformed, as protobuf-c says. */
static void check_as_decoded(struct bytes rpc)
{
    struct arena arena = {0};
    struct said sliced = {0}, decoded = {0};
    size_t slices = read_slices(rpc, &sliced);
    const Gossipsub__RPC *whole = rpc_whole(rpc, &arena);
    assert_int_equal(slices > 0, whole != NULL);
    if (whole != NULL)
        add_rpc(&decoded, whole);
    for (size_t i = 0; whole != NULL && i < KINDS; i++)
        assert_true(bytes_equal(buffer_bytes(&sliced.text[i]), buffer_bytes(&decoded.text[i])));
    forget(&sliced);
    forget(&decoded);
    arena_clear(&arena);
}

/* ---- RPCs at random ---- */

static void append_field(struct buffer *output, unsigned number, struct bytes value)
{
    buffer_append_byte(output, (uint8_t)(number << 3 | 2));
    varint_append(output, value.size);
    buffer_append(output, value.data, value.size);
}

static void append_text(struct buffer *output, unsigned number, struct random *random)
{
    static const char text[] = "what a topic or an id may be, of some length";
    append_field(output, number, bytes_of(text, random_below(random, sizeof(text))));
}

static void append_fields(struct buffer *output, struct random *random, unsigned numbers)
{
    for (size_t i = random_below(random, numbers + 2); i > 0; i--)
        append_text(output, 1 + (unsigned)random_below(random, numbers), random);
}

static void append_control(struct buffer *output, struct random *random)
{
    static const unsigned numbers[] = {2, 1, 1, 1, 1};
    unsigned kind = (unsigned)random_below(random, 5);
    struct buffer entry = {0}, peer = {0};
    append_fields(&entry, random, numbers[kind]);
    if (kind == 3) {
        append_fields(&peer, random, 2);
        append_field(&entry, 2, buffer_bytes(&peer));
        buffer_append_byte(&entry, 3 << 3);
        varint_append(&entry, random_below(random, UINT32_MAX));
    }
    append_field(output, 1 + kind, buffer_bytes(&entry));
    buffer_clear(&peer);
    buffer_clear(&entry);
}

static void append_entry(struct buffer *output, struct random *random)
{
    struct buffer entry = {0};
    unsigned number = 1 + (unsigned)random_below(random, 4);
    if (number == 1) {
        buffer_append_byte(&entry, 1 << 3);
        buffer_append_byte(&entry, (uint8_t)random_below(random, 2));
        append_text(&entry, 2, random);
    } else if (number == 2) {
        append_fields(&entry, random, 6);
    } else {
        for (size_t i = random_below(random, 5); i > 0; i--)
            append_control(&entry, random);
    }
    append_field(output, number, buffer_bytes(&entry));
    buffer_clear(&entry);
}

static struct buffer random_rpc(struct random *random)
{
    struct buffer rpc = {0};
    for (size_t i = random_below(random, 600); i > 0; i--)
        append_entry(&rpc, random);
    return rpc;
}

static void slices_say_what_the_rpc_says(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 300; i++) {
        struct buffer rpc = random_rpc(&random);
        check_as_decoded(buffer_bytes(&rpc));
        buffer_clear(&rpc);
    }
}

/* ---- without what messages hold ---- */

/* The RPCs that a skim told, one after the other, and how many they were. */
struct skimmed {
    struct buffer rpcs;
    size_t count, malformed, cut;
    uint64_t sizes;
    struct skimmed_rpc last;
};

static void note_skimmed(void *context, const struct skimmed_rpc *rpc)
{
    struct skimmed *skimmed = context;
    buffer_append(&skimmed->rpcs, rpc->rpc.data, rpc->rpc.size);
    skimmed->count++;
    skimmed->malformed += rpc->malformed;
    skimmed->cut += rpc->cut;
    skimmed->sizes += rpc->size;
    skimmed->last = *rpc;
}

/* In random pieces of at most LIMIT bytes. */
static struct skimmed skim_in_pieces(struct bytes said, size_t limit, struct random *random)
{
    struct rpc_skim skim = {0};
    struct skimmed skimmed = {0};
    while (said.size > 0) {
        size_t piece = 1 + random_below(random, limit < said.size ? limit : said.size);
        rpc_skim(&skim, bytes_of(said.data, piece), note_skimmed, &skimmed);
        said = bytes_of(said.data + piece, said.size - piece);
    }
    assert_false(rpc_skim_is_within(&skim));
    rpc_skim_clear(&skim);
    return skimmed;
}

static void a_skim_tells_what_was_said(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (unsigned i = 0; i < 60; i++) {
        struct buffer said = {0}, all = {0};
        for (unsigned rpcs = 0; rpcs < 5; rpcs++) {
            struct buffer rpc = random_rpc(&random);
            varint_append(&said, rpc.size);
            buffer_append(&said, rpc.data, rpc.size);
            buffer_append(&all, rpc.data, rpc.size);
            buffer_clear(&rpc);
        }
        struct skimmed skimmed =
            skim_in_pieces(buffer_bytes(&said), i % 2 == 0 ? 3 : 4000, &random);
        assert_int_equal(skimmed.count, 5);
        assert_int_equal(skimmed.malformed + skimmed.cut, 0);
        assert_int_equal(skimmed.sizes, all.size);
        assert_int_equal(skimmed.rpcs.size, all.size);
        assert_memory_equal(skimmed.rpcs.data, all.data, all.size);
        buffer_clear(&skimmed.rpcs);
        buffer_clear(&all);
        buffer_clear(&said);
    }
}

static void a_skim_keeps_no_long_data(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 4);
    struct buffer message = {0}, rpc = {0}, said = {0}, data = {0};
    buffer_extend(&data, 3 << 20);
    append_field(&message, 2, buffer_bytes(&data));
    append_field(&message, 5, bytes_of_text("signature"));
    append_field(&message, 4, bytes_of_text("topic"));
    append_field(&rpc, 2, buffer_bytes(&message));
    append_field(&rpc, 2, bytes_of_text(""));
    varint_append(&said, rpc.size);
    buffer_append(&said, rpc.data, rpc.size);
    buffer_append_byte(&said, 0);
    struct skimmed skimmed = skim_in_pieces(buffer_bytes(&said), 65536, &random);
    assert_int_equal(skimmed.count, 2);
    assert_int_equal(skimmed.sizes, rpc.size);
    /* Signature and topic, and an empty message. */
    assert_int_equal(skimmed.rpcs.size, 2 + 2 + 9 + 2 + 5 + 2);
    assert_int_equal(skimmed.last.at, said.size - 1);
    struct buffer *all[] = {&message, &rpc, &said, &data, &skimmed.rpcs};
    for (size_t i = 0; i < 5; i++)
        buffer_clear(all[i]);
}

/* An RPC that is no protobuf costs no other; more than is kept is cut at a field's end. */
static void a_skim_goes_on_behind_what_it_cannot_read(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    struct buffer said = {0}, field = {0};
    buffer_append_text(&said, "\x02\xff\xff\x01\x0f\x03\x0a\x09x\x04\x12\x02\x12\x01");
    append_field(&field, 15, bytes_of_text("0123456789"));
    size_t many = RPC_SKIM_MAX / field.size + 2;
    varint_append(&said, many * field.size);
    for (size_t i = 0; i < many; i++)
        buffer_append(&said, field.data, field.size);
    struct skimmed skimmed = skim_in_pieces(buffer_bytes(&said), 1000, &random);
    assert_int_equal(skimmed.count, 5);
    assert_int_equal(skimmed.malformed, 4);
    assert_true(skimmed.last.cut);
    assert_int_equal(skimmed.rpcs.size, RPC_SKIM_MAX / field.size * field.size);
    buffer_clear(&skimmed.rpcs);
    buffer_clear(&field);
    buffer_clear(&said);
}

/* protobuf-c counts a wrong bit of a length, a tag or a wire type as malformed where we do. */
static void what_is_cut_off_is_malformed(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 2);
    for (unsigned i = 0; i < 100; i++) {
        struct buffer rpc = random_rpc(&random);
        for (unsigned cut = 0; cut < 20 && rpc.size > 0; cut++)
            check_as_decoded(bytes_of(rpc.data, random_below(&random, rpc.size)));
        buffer_clear(&rpc);
    }
}

/* ---- RPCs that would cost much ---- */

enum {
    MANY = 1 << 20
}; /* bytes of them: a tenth of what there may be, which is looked at the same way */

static struct buffer repeated(const char *entry, size_t size, size_t limit)
{
    struct buffer rpc = {0};
    while (rpc.size + size <= limit)
        buffer_append(&rpc, entry, size);
    return rpc;
}

static void check_cost(const char *entry, size_t size)
{
    struct buffer rpc = repeated(entry, size, MANY);
    struct said said = {0};
    /* At least one slice for so many fields, in both passes. */
    assert_true(read_slices(buffer_bytes(&rpc), &said) >= rpc.size / size / RPC_SLICE_FIELDS);
    forget(&said);
    buffer_clear(&rpc);
}

static void an_rpc_of_anything_comes_in_small_slices(void **state)
{
    (void)state;
    check_cost("\x0a\x00", 2);                 /* subscriptions */
    check_cost("\x12\x00", 2);                 /* messages */
    check_cost("\x1a\x02\x0a\x00", 4);         /* IHAVE */
    check_cost("\x1a\x04\x0a\x02\x12\x00", 6); /* and an id in each */
    check_cost("\x1a\x02\x22\x00", 4);         /* PRUNE */
    check_cost("\x78\x00", 2);                 /* what nobody knows */
    check_cost("\x7b\x7c", 2);                 /* groups of it */
}

/* One entry with COUNT of the field: of level LEVEL of PATH's numbers. */
static struct buffer nested(const unsigned *path, size_t depth, const char *field, size_t size)
{
    struct buffer rpc = repeated(field, size, MANY);
    while (depth-- > 0) {
        struct buffer outer = {0};
        append_field(&outer, path[depth], buffer_bytes(&rpc));
        buffer_clear(&rpc);
        rpc = outer;
    }
    return rpc;
}

static void an_entry_may_be_larger_than_a_slice(void **state)
{
    (void)state;
    static const struct {
        unsigned path[3];
        size_t depth;
        const char *field;
    } cases[] = {
        {{3, 1}, 2, "\x12\x00"},    /* ids of an IHAVE */
        {{3, 2}, 2, "\x0a\x00"},    /* of an IWANT */
        {{3, 5}, 2, "\x0a\x00"},    /* of an IDONTWANT */
        {{3, 4, 2}, 3, "\x0a\x00"}, /* a peer of a PRUNE */
        {{1}, 1, "\x12\x00"},       /* topics of a subscription, of which the last counts */
        {{2}, 1, "\x22\x00"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buffer rpc = nested(cases[i].path, cases[i].depth, cases[i].field, 2);
        struct said said = {0};
        assert_true(read_slices(buffer_bytes(&rpc), &said) >= rpc.size / 2 / RPC_SLICE_FIELDS);
        forget(&said);
        buffer_clear(&rpc);
    }
}

static void ids_that_are_many_keep_their_topic(void **state)
{
    (void)state;
    struct buffer ihave = {0}, control = {0}, rpc = {0};
    append_field(&ihave, 1, bytes_of_text("not this topic"));
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE] = {0};
    for (unsigned i = 0; i < 5 * RPC_SLICE_IDS; i++) {
        memcpy(id, &i, sizeof(i));
        append_field(&ihave, 2, bytes_of(id, sizeof(id)));
    }
    append_field(&ihave, 1, bytes_of_text("topic"));
    append_field(&control, 1, buffer_bytes(&ihave));
    append_field(&rpc, 3, buffer_bytes(&control));
    check_as_decoded(buffer_bytes(&rpc));
    buffer_clear(&ihave);
    buffer_clear(&control);
    buffer_clear(&rpc);
}

static void nothing_of_a_malformed_rpc_is_handed_out(void **state)
{
    (void)state;
    struct buffer rpc = repeated("\x0a\x00", 2, 100000);
    struct said said = {0};
    buffer_append_byte(&rpc, 0xff);
    assert_int_equal(read_slices(buffer_bytes(&rpc), &said), 0); /* which looks at that */
    forget(&said);
    buffer_clear(&rpc);
}

static void groups_are_skipped_where_they_are_whole(void **state)
{
    (void)state;
    static const struct {
        const char *rpc;
        bool valid;
    } cases[] = {
        {"\x7b\x7c", true},
        {"\x7b\x08\x01\x7b\x7c\x7c", true},
        {"\x7b", false},
        {"\x7c", false},
        {"\x7b\x7b\x7c", false},
        {"\x0a\x02\x7b\x7c", true},
        {"\x0a\x01\x7b\x7c", false},
        {"\x7b\x0a\x01", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct said said = {0};
        assert_int_equal(read_slices(bytes_of_text(cases[i].rpc), &said) > 0, cases[i].valid);
        forget(&said);
    }
}

static void an_rpc_without_much_is_one_slice(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(read_slices(bytes_of(NULL, 0), &said), 1);
    struct buffer rpc = repeated("\x0a\x02\x08\x01", 4, 4 * (RPC_SLICE_ENTRIES - 1));
    assert_int_equal(read_slices(buffer_bytes(&rpc), &said), 1);
    forget(&said);
    buffer_clear(&rpc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_say_what_the_rpc_says),
        cmocka_unit_test(a_skim_tells_what_was_said),
        cmocka_unit_test(a_skim_keeps_no_long_data),
        cmocka_unit_test(a_skim_goes_on_behind_what_it_cannot_read),
        cmocka_unit_test(what_is_cut_off_is_malformed),
        cmocka_unit_test(an_rpc_of_anything_comes_in_small_slices),
        cmocka_unit_test(an_entry_may_be_larger_than_a_slice),
        cmocka_unit_test(ids_that_are_many_keep_their_topic),
        cmocka_unit_test(nothing_of_a_malformed_rpc_is_handed_out),
        cmocka_unit_test(groups_are_skipped_where_they_are_whole),
        cmocka_unit_test(an_rpc_without_much_is_one_slice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
