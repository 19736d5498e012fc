#include <stdlib.h>

#include "common/crc32c.h"
#include "net/qlog/reading.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/qlog_mutator.h"
#include "tests/fuzz/qlog_report_text.h"
#include "tests/unit/qlog_both_ways.h"

enum { LONGEST_PIECE = 64 };

/* Whatever the scanner accepts, wherever it begins, Jansson reads alike. */
static void agree(struct bytes input)
{
    struct qlog_packet_event scanned = {0};
    for (unsigned left = 0; left < 1000 && input.size > 0;) {
        const uint8_t *bracket = memchr(input.data, '{', input.size);
        if (bracket == NULL)
            break;
        input = bytes_after(input, (size_t)(bracket - input.data));
        size_t size = qlog_packet_scan(&scanned, input);
        require(size <= input.size);
        require(size == 0 || same_both_ways(&scanned, bytes_of(input.data, size)));
        left += size == 0;
        input = bytes_after(input, size > 0 ? size : 1);
    }
    qlog_packet_event_clear(&scanned);
}

/* Reads INPUT in blocks of BLOCK bytes; false where it is packed and damaged, and how much of it
 * can be unpacked depends on the blocks. */
static bool read_log(struct qlog_reader *reader, struct bytes input, size_t block)
{
    struct error error = {.text = ""};
    bool more = true;
    qlog_reader_init(reader, "log", NULL, NULL);
    while (more && input.size > 0) {
        size_t size = input.size < block ? input.size : block;
        more = qlog_reader_feed(reader, bytes_of(input.data, size), &error);
        input = bytes_after(input, size);
    }
    require((more && qlog_reader_end(reader, &error) == QLOG_READ) || error.text[0] != '\0');
    return reader->unpacker == NULL || strstr(error.text, "damaged") == NULL;
}

/* NULL where that depends on the blocks. */
static char *verdicts_of(struct bytes input, size_t block)
{
    struct qlog_reader reader;
    bool certain = read_log(&reader, input, block);
    char *text = certain ? qlog_report_text(reader.logs, reader.log_count) : NULL;
    qlog_reader_clear(&reader);
    return text;
}

/* What a worker process would hand over. */
static char *verdicts_once_packed(struct bytes input)
{
    struct qlog_reader reader;
    struct buffer packed = {0};
    read_log(&reader, input, 1 << 20);
    struct qlog_reading reading = {.logs = reader.logs, .log_count = reader.log_count}, unpacked;
    qlog_reading_pack(&reading, &packed);
    qlog_reader_clear(&reader);
    require(qlog_reading_unpack(&unpacked, buffer_bytes(&packed)));
    buffer_clear(&packed);
    char *text = qlog_report_text(unpacked.logs, unpacked.log_count);
    qlog_reading_clear(&unpacked);
    return text;
}

/* What is checked of the input's verdicts beside that there are any. */
enum pass { SCANNED, IN_PIECES, PACKED, PASSES };

static void check(enum pass pass, struct bytes input, const char *whole, uint32_t hash)
{
    char *again = NULL;
    if (pass == SCANNED)
        agree(input);
    else if (pass == IN_PIECES) /* where blocks end makes no difference */
        again = verdicts_of(input, 1 + hash % LONGEST_PIECE);
    else /* nor does it, which process reads */
        again = verdicts_once_packed(input);
    require(whole == NULL || again == NULL || strcmp(whole, again) == 0);
    free(again);
}

/* One further pass has its turn for each input, so that more of them are tried. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    uint32_t hash = crc32c(input);
    char *whole = verdicts_of(input, 1 << 20);
    for (enum pass pass = 0; pass < PASSES; pass++)
        if (!qlog_was_mutated() || hash % PASSES == pass)
            check(pass, input, whole, hash / PASSES);
    free(whole);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    return qlog_mutate(data, size, limit, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *output, size_t limit, unsigned seed)
{
    return qlog_splice(data, size, other, other_size, output, limit, seed);
}
