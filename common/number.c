#include "common/number.h"

#include <errno.h>
#include <stdlib.h>

bool number_read(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    /* Which by itself takes space and signs in front. */
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}
