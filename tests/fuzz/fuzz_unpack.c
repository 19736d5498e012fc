/*
 * Compressed logs: the same bytes come out whatever the sizes of the reads. The first byte says
 * which format, and whether the rest is packed already or is packed here, a member a line, and then
 * cut or damaged; the next three, how much is read at once and where it is cut or damaged.
 */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "common/buffer.h"
#include "net/qlog/unpack.h"
#include "tests/fuzz/fuzz.h"

enum { GZIP = 0x1f, ZSTD = 0x28, OUTPUT_LIMIT = 1 << 18, GZIP_SMALL_WINDOW = 16 + 9, HEAD = 4 };
enum state { PACKED_ALREADY, SOUND, CUT, DAMAGED, STATES };

struct outcome {
    struct buffer plain;
    bool failed, amid, full;
};

static bool take(void *context, struct bytes plain, struct error *error)
{
    struct outcome *outcome = context;
    require(plain.size > 0 && !outcome->full);
    buffer_append(&outcome->plain, plain.data, plain.size);
    outcome->full = outcome->plain.size > OUTPUT_LIMIT;
    return !outcome->full || error_set(error, "enough");
}

/* Unpacks PACKED, which is of FORMAT, reading BLOCK bytes at once. */
static struct outcome unpack(uint8_t format, struct bytes packed, size_t block)
{
    struct outcome outcome = {0};
    struct qlog_unpacker *unpacker = qlog_unpacker_new(format, take, &outcome);
    while (packed.size > 0 && !outcome.failed) {
        struct error error = {.text = ""};
        size_t size = packed.size < block ? packed.size : block;
        outcome.failed = !qlog_unpacker_read(unpacker, bytes_of(packed.data, size), &error);
        require(outcome.failed == (error.text[0] != '\0'));
        packed = bytes_after(packed, size);
    }
    outcome.amid = qlog_unpacker_is_amid(unpacker);
    qlog_unpacker_free(unpacker);
    return outcome;
}

static void pack_gzip(struct bytes plain, struct buffer *packed)
{
    z_stream stream = {0};
    require(deflateInit2(&stream, 1, Z_DEFLATED, GZIP_SMALL_WINDOW, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t before = packed->size, bound = deflateBound(&stream, plain.size);
    stream.next_in = (z_const Bytef *)plain.data;
    stream.avail_in = (uInt)plain.size;
    stream.next_out = buffer_extend(packed, bound);
    stream.avail_out = (uInt)bound;
    require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed->size = before + stream.total_out;
    deflateEnd(&stream);
}

static void pack_zstd(struct bytes plain, struct buffer *packed)
{
    static ZSTD_CCtx *context;
    if (context == NULL)
        context = ZSTD_createCCtx();
    size_t before = packed->size, bound = ZSTD_compressBound(plain.size);
    size_t size =
        ZSTD_compressCCtx(context, buffer_extend(packed, bound), bound, plain.data, plain.size, 1);
    require(!ZSTD_isError(size));
    packed->size = before + size;
}

/* A member a line, empty ones too. AMID tells whether the first LENGTH bytes end within one. */
static void pack(uint8_t format, struct bytes plain, struct buffer *packed, size_t cut, bool *amid)
{
    *amid = cut > 0;
    while (plain.size > 0) {
        const uint8_t *line = memchr(plain.data, '\n', plain.size);
        size_t size = line != NULL ? (size_t)(line + 1 - plain.data) : plain.size;
        (format == ZSTD ? pack_zstd : pack_gzip)(bytes_of(plain.data, size), packed);
        *amid = *amid && packed->size != cut;
        plain = bytes_after(plain, size);
    }
}

static bool is_beginning(const struct buffer *part, struct bytes whole)
{
    return part->size <= whole.size &&
           (part->size == 0 || memcmp(part->data, whole.data, part->size) == 0);
}

/* How much comes out before damage is met, or too much has come, may depend on the reads. */
static void compare(const struct outcome *a, const struct outcome *b)
{
    require(a->failed == b->failed);
    require(is_beginning(&a->plain, buffer_bytes(&b->plain)) ||
            is_beginning(&b->plain, buffer_bytes(&a->plain)));
    require(a->failed || (a->plain.size == b->plain.size && a->amid == b->amid));
}

static void try(uint8_t format, enum state state, struct bytes plain, struct bytes packed,
                size_t block, bool amid)
{
    struct outcome whole = unpack(format, packed, packed.size);
    struct outcome pieces = unpack(format, packed, block);
    compare(&whole, &pieces);
    if (state == SOUND || state == CUT) {
        require(!whole.failed && whole.amid == amid);
        require(is_beginning(&whole.plain, plain));
        require(state == CUT || whole.plain.size == plain.size);
    }
    buffer_clear(&whole.plain);
    buffer_clear(&pieces.plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD || size > OUTPUT_LIMIT)
        return 0;
    uint8_t format = data[0] % 2 == 0 ? GZIP : ZSTD;
    enum state state = (enum state)(data[0] / 2 % STATES);
    size_t block = 1 + data[1], place = (size_t)(data[2] | data[3] << 8);
    struct bytes input = bytes_of(data + HEAD, size - HEAD);
    if (state == PACKED_ALREADY) {
        if (input.size == 0 || *input.data != format)
            return 0;
        try(format, state, bytes_of(NULL, 0), input, block, false);
        return 0;
    }
    struct buffer packed = {0};
    bool amid = false;
    pack(format, input, &packed, 0, &amid);
    if (state == CUT && packed.size > 0) {
        place %= packed.size;
        packed.size = 0;
        pack(format, input, &packed, place, &amid);
        packed.size = place;
    } else if (state == DAMAGED && packed.size > 0) {
        packed.data[place % packed.size] ^= (uint8_t)(1 << place % 8);
    }
    try(format, state, input, buffer_bytes(&packed), block, amid);
    buffer_clear(&packed);
    return 0;
}
