#include "common/budget.h"

enum { SECOND_NS = 1000000000 };

struct budget budget_full(uint64_t per_second, uint64_t now_ns)
{
    return (struct budget){
        .cost_ns = SECOND_NS / per_second,
        .credit_ns = SECOND_NS,
        .updated_ns = now_ns,
    };
}

bool budget_take(struct budget *budget, uint64_t now_ns)
{
    uint64_t elapsed = now_ns > budget->updated_ns ? now_ns - budget->updated_ns : 0;
    uint64_t missing = SECOND_NS - budget->credit_ns;
    budget->credit_ns += elapsed < missing ? elapsed : missing;
    budget->updated_ns = now_ns;
    if (budget->credit_ns < budget->cost_ns)
        return false;
    budget->credit_ns -= budget->cost_ns;
    return true;
}
