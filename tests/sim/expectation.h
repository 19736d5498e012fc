/*
 * Where the figures must lie, from nothing but the number of nodes, the sizes of their meshes and
 * the share that is lost.
 *
 * The mesh is taken for a random graph with the degrees that it has, in which a cycle through a
 * node is long: what a node hears from its neighbours, they heard without it. Let a be the chance
 * that a neighbour, not counting what it heard from us, has the message within h hops or not:
 *
 *   Q(0) = 1 - 1/N     Q(h) = (1 - 1/N) G1(loss + (1 - loss) Q(h-1))     it does not have it
 *   P(0) = 1           P(h) = G0(loss + (1 - loss) Q(h-1))               another node does not
 *
 * with G0(x) the mean of x^d over the nodes and G1(x) that of x^(d-1) over the ends of links. Where
 * nothing is lost and every mesh has d members this is
 *
 *   P(h) = exp(-d ((d-1)^h - 1) / (d-2) / N)
 *
 * (Gompertz' law), half reached where d (d-1)^h / (d-2) = N ln 2: at about log(N) / log(d-1) hops.
 *
 * Whoever has the message sends it once along each link of its mesh but the one that it came by:
 * with E links, 2E - (N-1) times in all. N-1 of those that arrive are first, the rest duplicates.
 */
#ifndef TESTS_SIM_EXPECTATION_H
#define TESTS_SIM_EXPECTATION_H

#include "tests/sim/simulation.h"

struct expectation {
    double degree, degree_deviation; /* of the mesh: mean, standard deviation */
    double hops[HOPS_MAX + 1];       /* share of the nodes reached at so many, of those reached */
    double mean_hops;                /* the same */
    double missed;                   /* share of the nodes that no mesh link brings the message */
    double logarithm;                /* log(N) / log(degree - 1) */
    double copies;                   /* of a message along the mesh, for each node reached */
};

struct expectation expectation_of(const struct mesh_state *state, double loss);

#endif
