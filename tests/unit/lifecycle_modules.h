/* The modules that the search is run on: the real one, and wrong ones that it has to catch. */
#ifndef TESTS_UNIT_LIFECYCLE_MODULES_H
#define TESTS_UNIT_LIFECYCLE_MODULES_H

#include "tests/unit/lifecycle_model.h"

struct lifecycle_mutant {
    struct lifecycle_module module;
    const char *violation; /* that the search must find */
};

extern const struct lifecycle_module lifecycle_real;
extern const struct lifecycle_mutant lifecycle_mutants[];
extern const size_t lifecycle_mutant_count;

#endif
