#include "devnet/wiring.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/number.h"
#include "common/random.h"

const char *const wiring_names[WIRING_NAMES + 1] = {"none", "line",     "ring", "star",
                                                    "full", "random:8", NULL};

static const char random_prefix[] = "random:";

static bool parse_degree(const char *text, uint64_t *degree, struct error *error)
{
    if (!number_read(text, degree))
        return error_set(error, "'%s%s': after the colon comes how many connections a node has",
                         random_prefix, text);
    return *degree >= WIRING_DEGREE_MIN ||
           error_set(error, "%s%s: nodes with fewer than %d connections are no network",
                     random_prefix, text, WIRING_DEGREE_MIN);
}

bool wiring_parse(const char *text, struct wiring *wiring, struct error *error)
{
    for (int shape = WIRING_NONE; shape < WIRING_RANDOM; shape++) {
        wiring->shape = (enum wiring_shape)shape;
        if (strcmp(text, wiring_names[shape]) == 0)
            return true;
    }
    wiring->shape = WIRING_RANDOM;
    if (strncmp(text, random_prefix, sizeof(random_prefix) - 1) == 0)
        return parse_degree(text + sizeof(random_prefix) - 1, &wiring->degree, error);
    return error_set(error, "'%s' is not one of none, line, ring, star, full and random:K", text);
}

/* --- Which pairs --- */

struct table {
    bool *joined; /* by both nodes */
    size_t *degrees;
    size_t nodes;
};

static bool are_joined(const struct table *table, size_t a, size_t b)
{
    return table->joined[a * table->nodes + b];
}

static void join(struct table *table, size_t a, size_t b)
{
    if (a == b || are_joined(table, a, b))
        return;
    table->joined[a * table->nodes + b] = table->joined[b * table->nodes + a] = true;
    table->degrees[a]++;
    table->degrees[b]++;
}

static void join_ring(struct table *table, const uint32_t *order)
{
    for (size_t i = 0; i < table->nodes; i++)
        join(table, order[i], order[(i + 1) % table->nodes]);
}

/* One at random that NODE has no connection to, and that has fewer than DEGREE; if there is none,
 * any that NODE has none to. */
static size_t pick(const struct table *table, struct random *random, size_t node, uint64_t degree,
                   uint32_t *candidates)
{
    size_t count = 0;
    for (int any = 0; any < 2 && count == 0; any++)
        for (size_t i = 0; i < table->nodes; i++)
            if (i != node && !are_joined(table, node, i) && (any || table->degrees[i] < degree))
                candidates[count++] = (uint32_t)i;
    return candidates[random_below(random, count)];
}

static void join_randomly(struct table *table, const struct wiring *wiring)
{
    struct random random;
    uint64_t degree = wiring->degree < table->nodes ? wiring->degree : table->nodes - 1;
    uint32_t *order = memory_new(table->nodes * sizeof(*order));
    uint32_t *candidates = memory_new(table->nodes * sizeof(*candidates));
    random_seed(&random, wiring->seed);
    for (size_t i = 0; i < table->nodes; i++)
        order[i] = (uint32_t)i;
    random_sample(&random, order, table->nodes, table->nodes);
    join_ring(table, order);
    /* All by one, and then again: whoever is last finds partners that still lack one. */
    for (uint64_t wanted = 3; wanted <= degree; wanted++)
        for (size_t i = 0; i < table->nodes; i++)
            if (table->degrees[order[i]] < wanted)
                join(table, order[i], pick(table, &random, order[i], wanted, candidates));
    free(candidates);
    free(order);
}

static void join_all(struct table *table, const struct wiring *wiring)
{
    size_t nodes = table->nodes;
    for (size_t i = 0; i < nodes; i++) {
        size_t last = wiring->shape == WIRING_FULL || (wiring->shape == WIRING_STAR && i == 0)
                          ? nodes
                      : wiring->shape == WIRING_STAR ? 0
                                                     : i + 2;
        for (size_t k = i + 1; k < last && k < nodes; k++)
            join(table, i, k);
    }
    if (wiring->shape == WIRING_RING)
        join(table, 0, nodes - 1);
}

static struct wiring_pair *copy_pairs(const struct wiring *wiring, size_t *count)
{
    *count = wiring->pair_count;
    struct wiring_pair *pairs = memory_new(wiring->pair_count * sizeof(*pairs) + 1);
    if (wiring->pair_count > 0)
        memcpy(pairs, wiring->pairs, wiring->pair_count * sizeof(*pairs));
    return pairs;
}

struct wiring_pair *wiring_pairs(const struct wiring *wiring, size_t nodes, size_t *count)
{
    if (wiring->shape == WIRING_LISTED)
        return copy_pairs(wiring, count);
    struct table table = {.joined = memory_new(nodes * nodes + 1),
                          .degrees = memory_new((nodes + 1) * sizeof(*table.degrees)),
                          .nodes = nodes};
    struct wiring_pair *pairs = memory_new((nodes * nodes / 2 + 1) * sizeof(*pairs));
    *count = 0;
    if (wiring->shape == WIRING_RANDOM && nodes > 1)
        join_randomly(&table, wiring);
    else if (wiring->shape != WIRING_NONE && nodes > 1)
        join_all(&table, wiring);
    bool upwards = wiring->shape != WIRING_STAR;
    for (size_t i = 0; i < nodes; i++)
        for (size_t k = i + 1; k < nodes; k++)
            if (are_joined(&table, i, k))
                pairs[(*count)++] = (struct wiring_pair){upwards ? i : k, upwards ? k : i};
    free(table.joined);
    free(table.degrees);
    return pairs;
}
