/* Answers with blocks: however they are cut into pieces, the same comes of them, and never more
 * than the limits allow. The first byte is how many blocks are allowed, the second the pieces'
 * size; the blocks themselves are read, too. */
#include "net/protocols/block.h"
#include "net/protocols/blocks_reader.h"
#include "tests/fuzz/fuzz.h"

enum { SIZE_MAX_HERE = 4096 };

struct outcome {
    enum blocks_read read;
    size_t blocks;
    struct buffer payload;
};

static void look_at_block(struct bytes ssz)
{
    struct block_summary block;
    struct error error = {0};
    bool whole = block_summarize(ssz, &block, &error);
    require(whole == (error.text[0] == '\0'));
    require(!whole || block.size == ssz.size);
}

static struct outcome read_answer(struct bytes input, size_t blocks_max, size_t piece)
{
    struct blocks_reader reader = {.blocks_max = blocks_max, .size_max = SIZE_MAX_HERE};
    struct outcome outcome = {.read = BLOCKS_READ_MORE};
    while (input.size > 0 && outcome.read == BLOCKS_READ_MORE) {
        size_t size = input.size < piece ? input.size : piece;
        blocks_reader_add(&reader, bytes_of(input.data, size));
        input = bytes_after(input, size);
        do {
            uint8_t code = 0;
            struct error error = {0};
            struct buffer payload = {0};
            outcome.read = blocks_reader_next(&reader, &code, &payload, &error);
            require((outcome.read == BLOCKS_READ_MALFORMED) == (error.text[0] != '\0'));
            require(payload.size <= SIZE_MAX_HERE);
            if (outcome.read == BLOCKS_READ_BLOCK)
                look_at_block(buffer_bytes(&payload));
            if (payload.size > 0)
                buffer_append(&outcome.payload, payload.data, payload.size);
            buffer_clear(&payload);
        } while (outcome.read == BLOCKS_READ_BLOCK);
        require(reader.blocks <= blocks_max);
    }
    outcome.blocks = reader.blocks;
    blocks_reader_clear(&reader);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    look_at_block(bytes_of(data, size));
    struct bytes input = bytes_of(data + 2, size - 2);
    struct outcome whole = read_answer(input, data[0], size);
    struct outcome pieces = read_answer(input, data[0], data[1] + 1U);
    /* What is padded beyond the limit may be whole before anybody looks. */
    if (whole.read == pieces.read) {
        require(whole.blocks == pieces.blocks);
        require(bytes_equal(buffer_bytes(&whole.payload), buffer_bytes(&pieces.payload)));
    } else {
        require(pieces.read == BLOCKS_READ_MALFORMED || whole.read == BLOCKS_READ_MALFORMED);
    }
    buffer_clear(&whole.payload);
    buffer_clear(&pieces.payload);
    return 0;
}
