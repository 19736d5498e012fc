#include "net/protocols/blocks_by_range.h"

#include "net/protocols/lean_types.h"

enum { NUMBER_SIZE = 8 };

static void write_number(uint64_t number, uint8_t *output)
{
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        output[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t read_number(const uint8_t *input)
{
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        number |= (uint64_t)input[i] << 8 * i;
    return number;
}

void blocks_by_range_encode(struct block_range range, uint8_t ssz[BLOCKS_BY_RANGE_SSZ_SIZE])
{
    write_number(range.start, ssz);
    write_number(range.count, ssz + NUMBER_SIZE);
}

bool blocks_by_range_decode(struct bytes ssz, struct block_range *range, struct error *error)
{
    if (!ssz_check(&lean_blocks_by_range_request, ssz, error))
        return error_prefix(error, "blocks by range");
    range->start = read_number(ssz.data);
    range->count = read_number(ssz.data + NUMBER_SIZE);
    if (range->count == 0 || range->count > BLOCKS_BY_RANGE_MAX)
        return error_set(error, "blocks by range: %llu slots; 1 to %d are allowed",
                         (unsigned long long)range->count, BLOCKS_BY_RANGE_MAX);
    return range->start <= UINT64_MAX - range->count ||
           error_set(error, "blocks by range: it ends behind the last slot that there can be");
}
