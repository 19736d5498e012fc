/* Payloads of Lean's gossip: whatever they hold, the same is said of the whole and nothing of a
 * part of what has a size of its own. The first byte is the kind of the topic. */
#include <string.h>

#include "net/protocols/lean_message.h"
#include "tests/fuzz/fuzz.h"

enum { ATTESTATION_HEAD = 136, PROVED = 132 };

static bool read_message(enum lean_message_kind kind, struct bytes ssz,
                         struct lean_message *message)
{
    struct error error = {0};
    bool whole = lean_message_read(kind, ssz, message, &error);
    require(whole == (error.text[0] == '\0'));
    require(lean_message_read(kind, ssz, message, NULL) == whole);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum lean_message_kind kind = data[0] % LEAN_MESSAGE_KINDS;
    struct bytes ssz = bytes_of(data + 1, size - 1);
    struct lean_message message, again;
    if (!read_message(kind, ssz, &message))
        return 0;
    require(kind != LEAN_OTHER && message.kind == kind);
    require(lean_message_root(&message) != NULL);
    require(kind != LEAN_BLOCK || message.block.size == ssz.size);
    require(kind != LEAN_ATTESTATION || ssz.size > ATTESTATION_HEAD);
    require(kind != LEAN_AGGREGATION || message.attestation.participants < 8 * ssz.size);
    /* No root knows of the proof: another end of it changes nothing. */
    struct bytes head = bytes_of(ssz.data, ssz.size - 1);
    if (kind == LEAN_BLOCK && read_message(kind, head, &again))
        require(memcmp(message.block.root, again.block.root, BLOCK_ROOT_SIZE) == 0);
    if (kind == LEAN_AGGREGATION && ssz.size > PROVED && read_message(kind, head, &again))
        require(memcmp(&message.attestation, &again.attestation,
                       offsetof(struct attestation_summary, participants)) == 0);
    return 0;
}
