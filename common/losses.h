/* Logs that are written beside a program's work: where one can take no more it ends, and not the
 * program, which is told so once and counts the rest. Of the whole process. */
#ifndef COMMON_LOSSES_H
#define COMMON_LOSSES_H

#include <stdint.h>

#include "common/error.h"

/* Warns of the first; those after it, of which a full disk makes many, are logged for debugging. */
void losses_add(const struct error *loss);
uint64_t losses_count(void);
/* What the first was, or NULL. */
const char *losses_first(void);

/* Records that went with the oldest parts of logs that rotate, as they were asked to. */
void losses_add_rotated(uint64_t records);
uint64_t losses_rotated(void);

#endif
