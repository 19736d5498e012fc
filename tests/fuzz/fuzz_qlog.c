#include <stdlib.h>

#include "net/qlog/reading.h"
#include "net/verdict/report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/qlog_both_ways.h"

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
    struct error error = {""};
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

static char *verdicts(struct qlog_log *const *logs, size_t count)
{
    struct qlog_connections connections = {0};
    const char *duplicate = NULL;
    qlog_connections_add(&connections, "log", logs, count, (struct qlog_mark){0}, &duplicate);
    qlog_connections_join(&connections);
    struct qlog_judgements judgements = qlog_judge(&connections);
    json_t *report = qlog_report(&judgements);
    char *text = json_dumps(report, JSON_SORT_KEYS);
    json_decref(report);
    qlog_judgements_clear(&judgements);
    qlog_connections_clear(&connections);
    require(text != NULL);
    return text;
}

/* NULL where that depends on the blocks. */
static char *verdicts_of(struct bytes input, size_t block)
{
    struct qlog_reader reader;
    bool certain = read_log(&reader, input, block);
    char *text = certain ? verdicts(reader.logs, reader.log_count) : NULL;
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
    char *text = verdicts(unpacked.logs, unpacked.log_count);
    qlog_reading_clear(&unpacked);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    agree(input);
    /* Where blocks end, and which process reads, makes no difference. */
    char *whole = verdicts_of(input, 1 << 20), *pieces = verdicts_of(input, 7);
    char *packed = verdicts_once_packed(input);
    if (whole != NULL && pieces != NULL)
        require(strcmp(whole, pieces) == 0 && strcmp(whole, packed) == 0);
    free(whole);
    free(pieces);
    free(packed);
    return 0;
}
