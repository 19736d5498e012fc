/* Lean's status: 80 bytes of SSZ, the same both ways. */
#ifndef NET_PROTOCOLS_STATUS_H
#define NET_PROTOCOLS_STATUS_H

#include "common/bytes.h"
#include "common/error.h"

enum { STATUS_ROOT_SIZE = 32, STATUS_SSZ_SIZE = 80 };

struct status_checkpoint {
    uint8_t root[STATUS_ROOT_SIZE];
    uint64_t slot;
};

struct status {
    struct status_checkpoint finalized;
    struct status_checkpoint head;
};

void status_encode(const struct status *status, uint8_t *ssz); /* STATUS_SSZ_SIZE bytes */
bool status_decode(struct bytes ssz, struct status *status, struct error *error);
/* Whether they cannot both be true: at one slot no two roots are finalized. A root of zero is no
 * claim: nodes that know none yet say so. */
bool status_contradicts(const struct status *status, const struct status *other);
/* "ROOT:SLOT", the root in hexadecimal, as the command line takes a checkpoint. */
bool status_checkpoint_parse(const char *text, struct status_checkpoint *checkpoint,
                             struct error *error);

#endif
