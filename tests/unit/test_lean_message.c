/* What gossip of Lean says of itself: values that the reference's own SSZ has encoded and hashed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/hex.h"
#include "net/protocols/lean_message.h"

#include "tests/unit/support.h"

static struct buffer ssz;
static struct error error;

static int clear(void **state)
{
    (void)state;
    buffer_clear(&ssz);
    return 0;
}

static void load(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "tests/fixtures/gossip/%s.ssz", name);
    ssz.size = 0;
    if (!file_read(path, BLOCK_SSZ_MAX, &ssz, &error))
        fail_msg("%s", error.text);
}

static void assert_root(const char *expected, const uint8_t root[SSZ_ROOT_SIZE])
{
    char *text = hex_text(bytes_of(root, SSZ_ROOT_SIZE));
    assert_string_equal(text, expected);
    free(text);
}

static void assert_checkpoint(uint64_t slot, const char *root,
                              const struct status_checkpoint *checkpoint)
{
    assert_int_equal(checkpoint->slot, slot);
    assert_root(root, checkpoint->root);
}

static struct lean_message read_fixture(const char *name, enum lean_message_kind kind)
{
    struct lean_message message;
    load(name);
    if (!lean_message_read(kind, buffer_bytes(&ssz), &message, &error))
        fail_msg("%s: %s", name, error.text);
    assert_int_equal(message.kind, kind);
    return message;
}

static const char head[] = "9f2e6d33a3717ee826353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d";

/* Of one vote: all fixtures have it. */
static void assert_vote(const struct lean_message *message)
{
    assert_int_equal(lean_message_slot(message), 41);
    assert_root("e429363c446b05cf83a2e54692c56d204fb72eae2329becfd604597332ee03c4",
                lean_message_root(message));
    const struct attestation_summary *vote = &message->attestation;
    assert_checkpoint(41, head, &vote->head);
    assert_checkpoint(40, "34a04005bcaf206eec990bd9637d9fdb6725e0a0c0d4aebf003f17f4c956eb5c",
                      &vote->target);
    assert_checkpoint(36, "41cf6794ba4200b839c53531555f0f3998df4cbb01a4d5cb0b94e3ca5e23947d",
                      &vote->source);
}

static void a_block_says_slot_proposer_parent_and_root(void **state)
{
    (void)state;
    struct lean_message message = read_fixture("block", LEAN_BLOCK);
    assert_int_equal(lean_message_slot(&message), 42);
    assert_root("8caf684c58ff1da44f41497ff1b7162d8ec3b341ebe07b14bf6937344363b971",
                lean_message_root(&message));
    assert_int_equal(message.block.proposer, 7);
    assert_int_equal(message.block.size, 1877);
    assert_root(head, message.block.parent);
}

/* Of the scheme as networks have it, and as the reference's tests do: 2,536 bytes and 424. */
static void an_attestation_says_who_votes_for_what_whatever_its_signature_s_size(void **state)
{
    (void)state;
    static const char *const names[] = {"attestation", "attestation_small"};
    for (size_t i = 0; i < 2; i++) {
        struct lean_message message = read_fixture(names[i], LEAN_ATTESTATION);
        assert_vote(&message);
        assert_int_equal(message.attestation.validator, 11);
    }
}

static void an_aggregation_says_how_many_vote_for_what(void **state)
{
    (void)state;
    struct lean_message message = read_fixture("aggregation", LEAN_AGGREGATION);
    assert_vote(&message);
    assert_int_equal(message.attestation.participants, 3);
}

/* Cut anywhere, but within a list that ends it: that of the hashes, or the bytes of the proof. */
static void what_is_cut_or_of_another_kind_says_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum lean_message_kind kind;
        size_t size, step; /* what ends it, and its elements */
    } cases[] = {{"attestation", LEAN_ATTESTATION, 46 * 32, 32},
                 {"aggregation", LEAN_AGGREGATION, 700, 1},
                 {"block", LEAN_BLOCK, 1500, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lean_message message;
        load(cases[i].name);
        for (size_t size = 0; size < ssz.size; size++) {
            size_t end = ssz.size - cases[i].size;
            bool whole = size >= end && (size - end) % cases[i].step == 0;
            assert_int_equal(
                lean_message_read(cases[i].kind, bytes_of(ssz.data, size), &message, &error),
                whole);
        }
        for (enum lean_message_kind kind = 0; kind < LEAN_MESSAGE_KINDS; kind++)
            assert_int_equal(lean_message_read(kind, buffer_bytes(&ssz), &message, NULL),
                             kind == cases[i].kind);
    }
}

static void a_kind_is_known_by_the_topic_s_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
    } cases[] = {{"block", "block"},
                 {"attestation_7", "attestation"},
                 {"attestation_", "attestation"},
                 {"aggregation", "aggregation"},
                 {"aggregated_attestation", "aggregation"},
                 {"bloc", "other"},
                 {"", "other"},
                 {"blob", "other"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(lean_message_kind_name(lean_message_kind(bytes_of_text(cases[i].name))),
                            cases[i].kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_block_says_slot_proposer_parent_and_root, clear),
        cmocka_unit_test_teardown(
            an_attestation_says_who_votes_for_what_whatever_its_signature_s_size, clear),
        cmocka_unit_test_teardown(an_aggregation_says_how_many_vote_for_what, clear),
        cmocka_unit_test_teardown(what_is_cut_or_of_another_kind_says_nothing, clear),
        cmocka_unit_test(a_kind_is_known_by_the_topic_s_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
