/* Enumerates every world that two routers can get into (sending_model.h, common/state_search.h). */
#ifndef TESTS_UNIT_SENDING_SEARCH_H
#define TESTS_UNIT_SENDING_SEARCH_H

#include "common/state_search.h"
#include "tests/unit/sending_model.h"

enum { SENDING_STATES_MAX = 1 << 21 };

/* From every world, once nothing hostile happens, both must end believing the same. SEARCH is
 * cleared by the caller with state_search_clear(). */
void sending_search_run(struct state_search *search, struct sending_bounds bounds,
                        unsigned mutation);
/* Prints how STATE is come to, an event a line. */
void sending_search_print_path(const struct state_search *search, uint32_t state);

#endif
