#include "tests/sim/claims.h"

#include <math.h>

#include "tests/sim/expectation.h"

enum {
    SIGMAS = 4, /* that luck may take a figure from its mean: once in 15,000 runs */
    /* What a payload may grow by when it is compressed, which IDONTWANT goes by. */
    SNAPPY_OVERHEAD = 8,
    IDONTWANT_SIZE = 1024,
};

/* Beside luck: the mesh is not quite a random graph, for it is made by neighbours that know how
 * many they have. */
static const double mean_hops_slack = 0.03;

struct claim {
    const char *name;
    double measured, expected, low, high;
    const char *because;
};

/* JSON has no other numbers; one that is not finite holds nothing. */
static double finite_or_zero(double value)
{
    return isfinite(value) ? value : 0;
}

static void add(json_t *claims, struct claim claim)
{
    /* Beyond what adding up in another order may change. */
    const double rounding = 1e-9;
    bool holds = isfinite(claim.measured) && claim.measured >= claim.low - rounding &&
                 claim.measured <= claim.high + rounding;
    json_array_append_new(claims,
                          json_pack("{s:s, s:f, s:f, s:f, s:f, s:b, s:s}", "name", claim.name,
                                    "measured", finite_or_zero(claim.measured), "expected",
                                    finite_or_zero(claim.expected), "low",
                                    finite_or_zero(claim.low), "high", finite_or_zero(claim.high),
                                    "holds", (int)holds, "because", claim.because));
}

static void add_exact(json_t *claims, const char *name, double measured, double expected,
                      const char *because)
{
    add(claims, (struct claim){name, measured, expected, expected, expected, because});
}

static unsigned smallest(const struct mesh_state *state)
{
    unsigned degree = 0;
    while (degree < DEGREE_MAX && state->degrees[degree] == 0)
        degree++;
    return degree;
}

static unsigned largest(const struct mesh_state *state)
{
    unsigned degree = DEGREE_MAX;
    while (degree > 0 && state->degrees[degree] == 0)
        degree--;
    return degree;
}

static void claim_mesh(json_t *claims, const struct simulation *simulation,
                       const struct mesh_state *state, bool last)
{
    const struct gossipsub_parameters *parameters = &simulation->settings.parameters;
    unsigned low = parameters->d_low;
    for (uint64_t i = 0; i < simulation->settings.nodes; i++)
        if (simulation->nodes[i].link_count < low)
            low = simulation->nodes[i].link_count;
    add(claims,
        (struct claim){last ? "smallest_mesh_at_end" : "smallest_mesh", smallest(state),
                       parameters->d, low, parameters->d_high, "D_low, or all that it has"});
    add(claims, (struct claim){last ? "largest_mesh_at_end" : "largest_mesh", largest(state),
                               parameters->d, low, parameters->d_high, "D_high"});
    add_exact(claims, last ? "mesh_connected_at_end" : "mesh_connected", state->connected, 1,
              "every node reaches every other along the mesh");
    if (simulation->settings.control_loss == 0)
        add_exact(claims, last ? "beliefs_that_differ_at_end" : "beliefs_that_differ",
                  (double)state->beliefs_that_differ, 0, "both ends agree on who is subscribed");
    if (simulation->settings.control_loss == 0)
        add_exact(claims, last ? "one_sided_links_at_end" : "one_sided_links",
                  (double)state->one_sided, 0, "both ends agree on what is in the mesh");
}

/* A neighbour that went, or does not know that it is one, is as good as one that loses all. */
static double share_lost(const struct settings *settings)
{
    return 1 - (1 - settings->loss) * (1 - settings->control_loss) * (1 - settings->churn);
}

/* As many messages die at their publisher as nodes are missed: the ways there and back are alike.
 */
static void claim_delivery(json_t *claims, const struct simulation *simulation)
{
    const struct figures *figures = &simulation->figures;
    double measured =
        figures->expected > 0 ? (double)figures->delivered / (double)figures->expected : 0;
    double missed = expectation_of(&figures->settled, share_lost(&simulation->settings)).missed;
    double expected = (1 - missed) * (1 - missed);
    double luck = SIGMAS * sqrt(missed * (1 - missed) / (double)simulation->settings.messages);
    add(claims, (struct claim){"delivery_ratio", measured, expected, fmax(expected - luck, 0), 1,
                               "(1 - P(infinity))^2 by the mesh alone; the rest is gossip's"});
    add_exact(claims, "delivered_twice", (double)figures->delivered_twice, 0,
              "what was met is remembered");
    add_exact(claims, "dropped_peers", (double)figures->dropped_peers, 0,
              "honest nodes do nothing that is punished");
}

/* Who was reached by IWANT sends it along all links of its mesh. */
static void claim_duplicates(json_t *claims, const struct simulation *simulation)
{
    const struct figures *figures = &simulation->figures;
    double loss = simulation->settings.loss;
    double deliveries = (double)(figures->by_mesh.first + figures->by_iwant.first);
    double recovered = (double)figures->by_iwant.first / deliveries;
    struct expectation expectation = expectation_of(&figures->settled, loss);
    double copies = expectation.copies + (1 - loss) * recovered;
    double expected = copies - (1 - recovered);
    double luck = SIGMAS * sqrt(loss * copies / deliveries) + expectation.missed * copies;
    bool declined = simulation->settings.size + SNAPPY_OVERHEAD >= IDONTWANT_SIZE;
    add(claims,
        (struct claim){"mesh_duplicates_per_delivery",
                       (double)(figures->by_mesh.all - figures->by_mesh.first) / deliveries,
                       expected, declined ? 0 : expected - luck, expected + luck,
                       declined ? "at most (2E - (N-1)) / (N-1) - 1, for IDONTWANT saves some"
                                : "(1 - loss) (2E - (N-1)) / (N-1) - 1, with E links in the mesh"});
}

/* A way of h hops takes less than h (latency + jitter): one that is longer and quicker nonetheless
 * has less than h jitter / latency hops more. */
static double overtaking(const struct settings *settings, const struct expectation *expectation)
{
    double hops = 0, share = (double)settings->jitter_ms / (double)settings->latency_ms;
    for (size_t i = 1; i <= HOPS_MAX; i++)
        hops += expectation->hops[i] * fmax(ceil((double)i * share) - 1, 0);
    return hops;
}

static void claim_hops(json_t *claims, const struct simulation *simulation)
{
    const struct settings *settings = &simulation->settings;
    const struct figures *figures = &simulation->figures;
    struct expectation expectation = expectation_of(&figures->settled, settings->loss);
    double delivered = (double)figures->delivered, measured = 0;
    for (size_t i = 1; i <= HOPS_MAX; i++)
        measured += (double)(i * figures->hops[i]) / delivered;
    double luck = SIGMAS * expectation.hops_deviation / sqrt((double)settings->messages);
    double few =
        expectation.degree / (double)settings->nodes; /* links lead back to where one was */
    double slack = luck + few + mean_hops_slack + (double)figures->recovered / delivered * measured;
    add(claims,
        (struct claim){"mean_hops", measured, expectation.mean_hops, expectation.mean_hops - slack,
                       expectation.mean_hops + slack + overtaking(settings, &expectation),
                       "sum of P(h) = exp(-d ((d-1)^h - 1) / (d-2) / N), over the degrees"});
}

json_t *claims_make(const struct simulation *simulation)
{
    const struct settings *settings = &simulation->settings;
    json_t *claims = json_array();
    claim_mesh(claims, simulation, &simulation->figures.settled, false);
    bool all_read = settings->stopping == 0 && settings->slow == 0;
    if (all_read)
        claim_delivery(claims, simulation);
    if (all_read && settings->churn == 0 && settings->control_loss == 0) {
        claim_duplicates(claims, simulation);
        claim_hops(claims, simulation);
    }
    claim_mesh(claims, simulation, &simulation->figures.last, true);
    return claims;
}
