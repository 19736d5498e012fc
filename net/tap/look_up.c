/* Where a node is that is known by a name. */
#include <event2/event.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/event.h"
#include "net/address/resolver.h"
#include "net/tap/nodes.h"

struct look_up {
    struct tap_plan *plan;
    struct event_base *base;
    bool found;
    char why[128];
};

/* The first of the tap's own kind, by which the node is likely to be dialled and to dial. */
static const struct multiaddr *choose(const struct multiaddr *addresses, size_t count,
                                      enum multiaddr_host kind)
{
    for (size_t i = 0; i < count; i++)
        if (addresses[i].kind == kind)
            return &addresses[i];
    return &addresses[0];
}

static void on_answer(void *context, const struct multiaddr *addresses, size_t count,
                      size_t left_out, const char *error)
{
    struct look_up *look_up = context;
    (void)left_out; /* one is chosen */
    look_up->found = count > 0;
    if (count > 0)
        look_up->plan->real = *choose(addresses, count, look_up->plan->tap.kind);
    else
        snprintf(look_up->why, sizeof(look_up->why), "%s", error);
    event_base_loopbreak(look_up->base);
}

bool tap_plan_look_up(struct tap_plan *plan, struct error *error)
{
    char asked[MULTIADDR_TEXT_SIZE];
    struct look_up look_up = {.plan = plan, .base = event_base_make(0), .why = "no answer came"};
    struct resolver *resolver = resolver_new(look_up.base);
    const struct node_address where = {.at = {plan->real}, .count = 1};
    const struct timeval patience = clock_timeval((uint64_t)TAP_LOOK_UP_MS * 1000);
    multiaddr_text(&plan->real, asked);
    /* It may answer at once. */
    if (resolver_ask(resolver, &where, on_answer, &look_up) != NULL) {
        event_base_loopexit(look_up.base, &patience);
        event_base_dispatch(look_up.base);
    }
    resolver_free(resolver);
    event_base_free(look_up.base);
    return look_up.found ||
           error_set(error, "%s: %s has no address: %s", plan->name, asked, look_up.why);
}
