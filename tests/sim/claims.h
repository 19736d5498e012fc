/* Figures and where they must lie. */
#ifndef TESTS_SIM_CLAIMS_H
#define TESTS_SIM_CLAIMS_H

#include <jansson.h>

#include "tests/sim/simulation.h"

/* An array of {name, measured, expected, low, high, holds, because}. */
json_t *claims_make(const struct simulation *simulation);

#endif
