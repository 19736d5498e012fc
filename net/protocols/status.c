#include "net/protocols/status.h"

#include <string.h>

#include "common/hex.h"
#include "common/number.h"

enum { SLOT_SIZE = 8, CHECKPOINT_SIZE = STATUS_ROOT_SIZE + SLOT_SIZE };

static void encode_checkpoint(const struct status_checkpoint *checkpoint, uint8_t *ssz)
{
    memcpy(ssz, checkpoint->root, STATUS_ROOT_SIZE);
    for (size_t i = 0; i < SLOT_SIZE; i++)
        ssz[STATUS_ROOT_SIZE + i] = (uint8_t)(checkpoint->slot >> 8 * i);
}

static void decode_checkpoint(const uint8_t *ssz, struct status_checkpoint *checkpoint)
{
    memcpy(checkpoint->root, ssz, STATUS_ROOT_SIZE);
    checkpoint->slot = 0;
    for (size_t i = 0; i < SLOT_SIZE; i++)
        checkpoint->slot |= (uint64_t)ssz[STATUS_ROOT_SIZE + i] << 8 * i;
}

void status_encode(const struct status *status, uint8_t *ssz)
{
    encode_checkpoint(&status->finalized, ssz);
    encode_checkpoint(&status->head, ssz + CHECKPOINT_SIZE);
}

bool status_decode(struct bytes ssz, struct status *status, struct error *error)
{
    if (ssz.size != STATUS_SSZ_SIZE)
        return error_set(error, "status: %zu bytes of SSZ, expected %d", ssz.size, STATUS_SSZ_SIZE);
    decode_checkpoint(ssz.data, &status->finalized);
    decode_checkpoint(ssz.data + CHECKPOINT_SIZE, &status->head);
    return true;
}

static bool is_claimed(const struct status_checkpoint *checkpoint)
{
    static const uint8_t none[STATUS_ROOT_SIZE];
    return memcmp(checkpoint->root, none, sizeof(none)) != 0;
}

bool status_contradicts(const struct status *status, const struct status *other)
{
    const struct status_checkpoint *one = &status->finalized, *two = &other->finalized;
    return is_claimed(one) && is_claimed(two) && one->slot == two->slot &&
           memcmp(one->root, two->root, sizeof(one->root)) != 0;
}

static bool parse_root(const char *text, size_t size, uint8_t *root)
{
    enum { DIGITS = 2 * STATUS_ROOT_SIZE };
    char digits[2 + DIGITS + 1] = "0x";
    bool prefixed = size >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    size_t skipped = prefixed ? 2 : 0;
    if (size - skipped != DIGITS)
        return false;
    memcpy(digits + 2, text + skipped, DIGITS);
    struct buffer bytes = {0};
    bool read = hex_read(digits, &bytes);
    if (read)
        memcpy(root, bytes.data, STATUS_ROOT_SIZE);
    buffer_clear(&bytes);
    return read;
}

bool status_checkpoint_parse(const char *text, struct status_checkpoint *checkpoint,
                             struct error *error)
{
    const char *colon = strchr(text, ':');
    struct status_checkpoint parsed;
    if (colon == NULL)
        return error_set(error, "checkpoint \"%s\": expected ROOT:SLOT", text);
    if (!parse_root(text, (size_t)(colon - text), parsed.root))
        return error_set(error, "checkpoint \"%s\": the root is not 32 bytes in hexadecimal", text);
    if (!number_read(colon + 1, &parsed.slot))
        return error_set(error, "checkpoint \"%s\": the slot is not a number of 64 bits", text);
    *checkpoint = parsed;
    return true;
}
