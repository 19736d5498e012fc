#include "common/losses.h"

#include <stddef.h>

#include "common/log.h"

static uint64_t count;
static struct error first;

void losses_add(const struct error *loss)
{
    log_write(count == 0 ? LOG_WARN : LOG_DEBUG, "%s", loss->text);
    if (count++ == 0)
        first = *loss;
}

uint64_t losses_count(void)
{
    return count;
}

const char *losses_first(void)
{
    return count > 0 ? first.text : NULL;
}

static uint64_t rotated;

void losses_add_rotated(uint64_t records)
{
    rotated += records;
}

uint64_t losses_rotated(void)
{
    return rotated;
}
