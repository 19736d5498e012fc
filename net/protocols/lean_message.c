#include "net/protocols/lean_message.h"

#include <string.h>

#include "net/protocols/lean_types.h"

enum {
    NUMBER_SIZE = 8,
    CHECKPOINT_SIZE = SSZ_ROOT_SIZE + NUMBER_SIZE,
    HEAD_AT = NUMBER_SIZE, /* behind the slot */
    TARGET_AT = HEAD_AT + CHECKPOINT_SIZE,
    SOURCE_AT = TARGET_AT + CHECKPOINT_SIZE,
    DATA_SIZE = SOURCE_AT + CHECKPOINT_SIZE,
    ATTESTATION_SIZE = NUMBER_SIZE + DATA_SIZE,
    PROOF_AT = DATA_SIZE + SSZ_OFFSET_SIZE,
};

static const struct {
    const char *name;
    const char *topic; /* how the name of such a topic begins */
} kinds[] = {
    [LEAN_BLOCK] = {"block", "block"},
    [LEAN_ATTESTATION] = {"attestation", "attestation"},
    [LEAN_AGGREGATION] = {"aggregation", "aggregat"},
    [LEAN_OTHER] = {"other", ""},
};

const char *lean_message_kind_name(enum lean_message_kind kind)
{
    return kinds[kind].name;
}

enum lean_message_kind lean_message_kind(struct bytes name)
{
    enum lean_message_kind kind = LEAN_BLOCK;
    while (name.size < strlen(kinds[kind].topic) ||
           memcmp(name.data, kinds[kind].topic, strlen(kinds[kind].topic)) != 0)
        kind++;
    return kind;
}

static struct status_checkpoint checkpoint_at(struct bytes data, size_t position)
{
    struct status_checkpoint checkpoint = {
        .slot = ssz_number(data, position + SSZ_ROOT_SIZE, NUMBER_SIZE)};
    memcpy(checkpoint.root, data.data + position, SSZ_ROOT_SIZE);
    return checkpoint;
}

static void summarize(struct bytes data, struct attestation_summary *attestation)
{
    *attestation = (struct attestation_summary){
        .slot = ssz_number(data, 0, NUMBER_SIZE),
        .head = checkpoint_at(data, HEAD_AT),
        .target = checkpoint_at(data, TARGET_AT),
        .source = checkpoint_at(data, SOURCE_AT),
    };
    ssz_root(&lean_attestation_data, data, attestation->root);
}

/* The signature's size is one of the scheme's, and so no offset tells where it begins. */
static bool read_attestation(struct bytes ssz, struct attestation_summary *attestation,
                             struct error *error)
{
    size_t size = ssz.size < ATTESTATION_SIZE ? ssz.size : ATTESTATION_SIZE;
    if (!ssz_check(&lean_attestation, bytes_of(ssz.data, size), error) ||
        !ssz_check(&lean_signature, bytes_after(ssz, size), error))
        return error_prefix(error, "no signed attestation");
    summarize(bytes_of(ssz.data + NUMBER_SIZE, DATA_SIZE), attestation);
    attestation->validator = ssz_number(ssz, 0, NUMBER_SIZE);
    return true;
}

static size_t count_bits(struct bytes bits)
{
    size_t count = 0;
    for (size_t i = 0; i < bits.size; i++)
        count += (size_t)__builtin_popcount(bits.data[i]);
    return count - 1; /* without the one that ends the list */
}

static bool read_aggregation(struct bytes ssz, struct attestation_summary *attestation,
                             struct error *error)
{
    if (!ssz_check(&lean_signed_aggregation, ssz, error))
        return error_prefix(error, "no signed aggregation");
    summarize(bytes_of(ssz.data, DATA_SIZE), attestation);
    struct bytes proof = bytes_after(ssz, PROOF_AT);
    size_t start = (size_t)ssz_number(proof, 0, SSZ_OFFSET_SIZE);
    size_t end = (size_t)ssz_number(proof, SSZ_OFFSET_SIZE, SSZ_OFFSET_SIZE);
    attestation->participants = count_bits(bytes_of(proof.data + start, end - start));
    return true;
}

bool lean_message_read(enum lean_message_kind kind, struct bytes ssz, struct lean_message *message,
                       struct error *error)
{
    *message = (struct lean_message){.kind = kind};
    switch (kind) {
    case LEAN_BLOCK:
        return block_summarize(ssz, &message->block, error);
    case LEAN_ATTESTATION:
        return read_attestation(ssz, &message->attestation, error);
    case LEAN_AGGREGATION:
        return read_aggregation(ssz, &message->attestation, error);
    default:
        return error_set(error, "nothing is known of such messages");
    }
}

uint64_t lean_message_slot(const struct lean_message *message)
{
    return message->kind == LEAN_BLOCK ? message->block.slot : message->attestation.slot;
}

const uint8_t *lean_message_root(const struct lean_message *message)
{
    return message->kind == LEAN_BLOCK ? message->block.root : message->attestation.root;
}
