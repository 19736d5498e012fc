/* Logs that were compressed with gzip or zstd, undone as they are read. Members may follow each
 * other, as in a file that was appended to. */
#ifndef NET_QLOG_UNPACK_H
#define NET_QLOG_UNPACK_H

#include "common/bytes.h"
#include "common/error.h"

struct qlog_unpacker;

/* Takes a piece of the unpacked log. False stops, with the error set. */
typedef bool qlog_unpacked_handler(void *context, struct bytes plain, struct error *error);

/* Whether a file that begins with BYTE is compressed: no log begins like that. */
bool qlog_is_packed(uint8_t byte);
/* For files that begin with BYTE, of which qlog_is_packed() said so. */
struct qlog_unpacker *qlog_unpacker_new(uint8_t byte, qlog_unpacked_handler *handler,
                                        void *context);
void qlog_unpacker_free(struct qlog_unpacker *unpacker); /* NULL is allowed */
/* False where the data are damaged, or the handler said so. */
bool qlog_unpacker_read(struct qlog_unpacker *unpacker, struct bytes packed, struct error *error);
/* Whether a member has begun and not ended. */
bool qlog_unpacker_is_amid(const struct qlog_unpacker *unpacker);

#endif
