#include "net/relay/impairment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum purpose { LOSS, DUPLICATE, REORDER, JITTER };

static const uint64_t ns_per_ms = 1000000;

/* The finalizer of SplitMix64: every bit of the input moves half of the output's. */
static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/* Evenly distributed in [0, 1). */
static double draw(uint64_t seed, enum direction direction, uint64_t number, enum purpose purpose)
{
    uint64_t stream = mix(mix(seed) + (uint64_t)direction * 16 + purpose);
    return (double)(mix(stream + number) >> 11) * 0x1p-53;
}

static bool is_listed(const struct impairment *impairment, enum direction direction,
                      uint64_t number)
{
    for (size_t i = 0; i < impairment->drop_count; i++)
        if (impairment->drops[i].number == number && impairment->drops[i].direction == direction)
            return true;
    return false;
}

struct impairment_decision impairment_decide(const struct impairment *impairment,
                                             enum direction direction, uint64_t number)
{
    uint64_t seed = impairment->seed;
    double jitter = draw(seed, direction, number, JITTER) * (double)impairment->jitter_ms;
    struct impairment_decision decision = {
        .drop = impairment->cut || is_listed(impairment, direction, number) ||
                draw(seed, direction, number, LOSS) * 100 < impairment->loss_percent,
        .duplicate = draw(seed, direction, number, DUPLICATE) * 100 < impairment->duplicate_percent,
        .hold = draw(seed, direction, number, REORDER) * 100 < impairment->reorder_percent,
        .delay_ns = impairment->delay_ms * ns_per_ms + (uint64_t)(jitter * (double)ns_per_ms),
    };
    if (decision.hold)
        decision.delay_ns += IMPAIRMENT_HOLD_MS * ns_per_ms;
    return decision;
}

bool impairment_add_drop(struct impairment *impairment, const char *text, struct error *error)
{
    static const char *const prefixes[] = {[FROM_CLIENT] = "client:", [FROM_SERVER] = "server:"};
    struct impairment_drop drop = {.direction = FROM_CLIENT};
    const char *digits = text;
    for (size_t i = 0; i < DIRECTION_COUNT; i++) {
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
            drop.direction = (enum direction)i;
            digits = text + strlen(prefixes[i]);
        }
    }
    errno = 0;
    drop.number = strtoull(digits, NULL, 10);
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0' || errno != 0 ||
        drop.number == 0)
        return error_set(error, "'%s' is not a datagram such as client:3, server:1 or 3", text);
    if (impairment->drop_count == IMPAIRMENT_DROPS_MAX)
        return error_set(error, "more than %d datagrams to drop", IMPAIRMENT_DROPS_MAX);
    impairment->drops[impairment->drop_count++] = drop;
    return true;
}
