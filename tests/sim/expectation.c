#include "tests/sim/expectation.h"

#include <math.h>

static double sum(const struct mesh_state *state, double (*term)(double degree, double x), double x)
{
    double total = 0;
    for (size_t degree = 0; degree <= DEGREE_MAX; degree++)
        if (state->degrees[degree] > 0)
            total += (double)state->degrees[degree] * term((double)degree, x);
    return total;
}

static double one(double degree, double x)
{
    (void)degree, (void)x;
    return 1;
}

static double ends(double degree, double x)
{
    (void)x;
    return degree;
}

static double squared(double degree, double x)
{
    (void)x;
    return degree * degree;
}

/* Of a node. */
static double none_of_all(double degree, double x)
{
    return pow(x, degree);
}

/* Of a node at the end of a link, by its other links. */
static double none_of_others(double degree, double x)
{
    return degree > 0 ? degree * pow(x, degree - 1) : 0;
}

static double hops_deviation(const struct mesh_state *state, double loss)
{
    /* So near to 1 messages die out, and the formula says nothing. */
    const double least = 1.1;
    double nodes = sum(state, one, 0), degree = sum(state, ends, 0) / nodes;
    double square = sum(state, squared, 0) / nodes, others = square / degree - 1;
    double m = fmax((1 - loss) * others, least);
    double v = others * loss * (1 - loss) + (1 - loss) * (1 - loss) * (square - degree * degree);
    return sqrt(fmax(v, 0) / m / (m - 1)) / log(m);
}

struct expectation expectation_of(const struct mesh_state *state, double loss)
{
    struct expectation expectation = {0};
    double nodes = sum(state, one, 0), link_ends = sum(state, ends, 0);
    expectation.degree = link_ends / nodes;
    expectation.hops_deviation = hops_deviation(state, loss);
    expectation.logarithm = log(nodes) / log(expectation.degree - 1);
    double missing[HOPS_MAX + 1] = {1}, neighbour_missing = 1 - 1 / nodes;
    for (size_t hops = 1; hops <= HOPS_MAX; hops++) {
        double silent = loss + (1 - loss) * neighbour_missing;
        missing[hops] = sum(state, none_of_all, silent) / nodes;
        neighbour_missing = (1 - 1 / nodes) * sum(state, none_of_others, silent) / link_ends;
    }
    expectation.missed = missing[HOPS_MAX];
    double reached = 1 - expectation.missed;
    for (size_t hops = 1; hops <= HOPS_MAX; hops++) {
        expectation.hops[hops] = (missing[hops - 1] - missing[hops]) / reached;
        expectation.mean_hops += (double)hops * expectation.hops[hops];
    }
    expectation.copies = (1 - loss) * (link_ends - (nodes - 1)) / (nodes - 1);
    return expectation;
}
