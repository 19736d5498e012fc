/* Binary search. */
#ifndef COMMON_BISECT_H
#define COMMON_BISECT_H

#include <stddef.h>

/*
 * How many of COUNT items, from the first on, BELOW is true of: an expression of the item's INDEX,
 * which the macro declares, that is true of the first ones and of none behind them. So it is the
 * index of the first that it is not true of, COUNT where there is none.
 */
#define BISECT(count, index, below)                                                                \
    ({                                                                                             \
        size_t low_ = 0, high_ = (count);                                                          \
        while (low_ < high_) {                                                                     \
            const size_t index = low_ + (high_ - low_) / 2;                                        \
            if (below)                                                                             \
                low_ = index + 1;                                                                  \
            else                                                                                   \
                high_ = index;                                                                     \
        }                                                                                          \
        low_;                                                                                      \
    })

#endif
