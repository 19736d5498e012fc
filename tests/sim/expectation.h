/*
 * Where the figures must lie, from nothing but the number of nodes, the sizes of their meshes and
 * the share that is lost.
 *
 * The mesh is taken for a random graph with the degrees that it has, in which a cycle through a
 * node is long: what a node hears from its neighbours, they heard without it. That a neighbour does
 * not have a message within h hops, without us, has the chance Q(h); that a node other than the
 * publisher does not, P(h):
 *
 *   Q(0) = 1 - 1/N     Q(h) = (1 - 1/N) G1(loss + (1 - loss) Q(h-1))
 *   P(0) = 1           P(h) = G0(loss + (1 - loss) Q(h-1))
 *
 * with G0(x) the mean of x^d over the nodes and G1(x) that of x^(d-1) over the ends of links. Where
 * nothing is lost and every mesh has d members this is
 *
 *   P(h) = exp(-d ((d-1)^h - 1) / (d-2) / N)
 *
 * (Gompertz' law), half reached where d (d-1)^h / (d-2) = N ln 2: at about log(N) / log(d-1) hops.
 *
 * Each node that is reached first passes it on to m = (1 - loss) (mean of d-1 over the ends of
 * links) others, with a variance v: how soon it gets going differs from message to message, by a
 * standard deviation of about sqrt(v / m / (m-1)) / log(m) hops for all that come after.
 *
 * Whoever has the message sends it once along each link of its mesh but the one that it came by:
 * with E links, 2E - (N-1) times in all. N-1 of those that arrive are first, the rest duplicates.
 */
#ifndef TESTS_SIM_EXPECTATION_H
#define TESTS_SIM_EXPECTATION_H

#include "tests/sim/simulation.h"

struct expectation {
    double degree;             /* of the mesh, mean */
    double hops[HOPS_MAX + 1]; /* share of the nodes reached at so many, of those reached */
    double mean_hops;          /* the same */
    double hops_deviation;     /* of one message's mean, standard */
    double missed;             /* share of the nodes that no mesh link brings the message */
    double logarithm;          /* log(N) / log(degree - 1) */
    double copies;             /* of a message along the mesh, for each node reached */
};

struct expectation expectation_of(const struct mesh_state *state, double loss);

#endif
