#include "net/qlog/unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "common/memory.h"

enum {
    GZIP_FIRST = 0x1f,
    ZSTD_FIRST = 0x28,
    GZIP_ONLY = 16 + MAX_WBITS, /* inflateInit2() takes gzip's format and no other */
    PLAIN_SIZE = 256 * 1024,
};

struct qlog_unpacker {
    qlog_unpacked_handler *handler;
    void *context;
    bool is_zstd;
    bool begun; /* the state below is there */
    bool amid;
    ZSTD_DStream *zstd;
    z_stream gzip;
};

/* What one piece unpacks to: thousands of logs may be followed, and each takes its turn. */
static uint8_t plain[PLAIN_SIZE];

bool qlog_is_packed(uint8_t byte)
{
    return byte == GZIP_FIRST || byte == ZSTD_FIRST;
}

struct qlog_unpacker *qlog_unpacker_new(uint8_t byte, qlog_unpacked_handler *handler, void *context)
{
    struct qlog_unpacker *unpacker = memory_new(sizeof(*unpacker));
    unpacker->handler = handler;
    unpacker->context = context;
    unpacker->is_zstd = byte == ZSTD_FIRST;
    return unpacker;
}

/* Between members nothing is held: thousands of files may be followed that are whole. */
static void begin(struct qlog_unpacker *unpacker)
{
    if (unpacker->begun)
        return;
    unpacker->begun = true;
    unpacker->gzip = (z_stream){0};
    if (unpacker->is_zstd)
        unpacker->zstd = ZSTD_createDStream();
    if (unpacker->is_zstd ? unpacker->zstd == NULL
                          : inflateInit2(&unpacker->gzip, GZIP_ONLY) != Z_OK)
        memory_exhausted();
}

static void end(struct qlog_unpacker *unpacker)
{
    if (!unpacker->begun)
        return;
    unpacker->begun = false;
    if (unpacker->is_zstd)
        ZSTD_freeDStream(unpacker->zstd);
    else
        inflateEnd(&unpacker->gzip);
}

void qlog_unpacker_free(struct qlog_unpacker *unpacker)
{
    if (unpacker == NULL)
        return;
    end(unpacker);
    free(unpacker);
}

bool qlog_unpacker_is_amid(const struct qlog_unpacker *unpacker)
{
    return unpacker->amid;
}

static bool hand_out(struct qlog_unpacker *unpacker, size_t size, struct error *error)
{
    return size == 0 || unpacker->handler(unpacker->context, bytes_of(plain, size), error);
}

static bool read_zstd(struct qlog_unpacker *unpacker, struct bytes packed, struct error *error)
{
    ZSTD_inBuffer input = {.src = packed.data, .size = packed.size};
    ZSTD_outBuffer output = {.dst = plain, .size = PLAIN_SIZE, .pos = PLAIN_SIZE};
    /* A full output may mean that there is more. */
    while (input.pos < input.size || output.pos == output.size) {
        output.pos = 0;
        size_t left = ZSTD_decompressStream(unpacker->zstd, &output, &input);
        if (ZSTD_isError(left))
            return error_set(error, "its zstd data are damaged: %s", ZSTD_getErrorName(left));
        unpacker->amid = left > 0;
        if (!hand_out(unpacker, output.pos, error))
            return false;
    }
    return true;
}

static bool read_gzip(struct qlog_unpacker *unpacker, struct bytes packed, struct error *error)
{
    z_stream *gzip = &unpacker->gzip;
    gzip->next_in = (z_const Bytef *)packed.data;
    gzip->avail_in = (uInt)packed.size;
    do {
        if (!unpacker->amid && gzip->avail_in > 0)
            inflateReset(gzip);
        gzip->next_out = plain;
        gzip->avail_out = PLAIN_SIZE;
        int status = inflate(gzip, Z_NO_FLUSH);
        unpacker->amid = status != Z_STREAM_END;
        bool damaged = status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR;
        bool more = hand_out(unpacker, PLAIN_SIZE - gzip->avail_out, error);
        if (damaged) /* and what it says may follow from that */
            return error_set(error, "its gzip data are damaged: %s",
                             gzip->msg != NULL ? gzip->msg : zError(status));
        if (!more)
            return false;
    } while (gzip->avail_in > 0 || (unpacker->amid && gzip->avail_out == 0));
    return true;
}

bool qlog_unpacker_read(struct qlog_unpacker *unpacker, struct bytes packed, struct error *error)
{
    begin(unpacker);
    while (packed.size > 0) {
        struct bytes piece = bytes_of(packed.data, packed.size < 1 << 30 ? packed.size : 1 << 30);
        if (!(unpacker->is_zstd ? read_zstd : read_gzip)(unpacker, piece, error))
            return false;
        packed = bytes_after(packed, piece.size);
    }
    if (!unpacker->amid)
        end(unpacker);
    return true;
}
