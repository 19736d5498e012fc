/* Wrong modules that the search has to catch. */
#ifndef TESTS_UNIT_LIFECYCLE_MUTANTS_H
#define TESTS_UNIT_LIFECYCLE_MUTANTS_H

#include "net/host/lifecycle_module.h"

struct lifecycle_mutant {
    struct lifecycle_module module;
    const char *violation; /* that the search must find */
};

extern const size_t lifecycle_mutant_count;

/* INDEX counts from 0. */
struct lifecycle_mutant lifecycle_mutant(size_t index);

#endif
