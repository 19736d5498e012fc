/*
 * A budget that refills steadily: so many a second, and as many at once after a quiet second. For
 * answers that a peer can provoke without limit. Pure: the caller says what time it is.
 */
#ifndef COMMON_BUDGET_H
#define COMMON_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
    uint64_t cost_ns;   /* of one, as time: a second divided by their number */
    uint64_t credit_ns; /* at most a second */
    uint64_t updated_ns;
};

/* PER_SECOND is 1 to 1,000,000,000; the budget is full at NOW_NS, of a monotonic clock. */
struct budget budget_full(uint64_t per_second, uint64_t now_ns);
/* Takes one; false where none is left. */
bool budget_take(struct budget *budget, uint64_t now_ns);

#endif
