/* The header of a QUIC log, in every version of the format that is read. */
#ifndef NET_QLOG_HEADER_H
#define NET_QLOG_HEADER_H

#include <jansson.h>

#include "net/qlog/log.h"

/* Whether VALUE is a header, or a document, by what only those have. */
bool qlog_is_header(const json_t *value);
/* Takes from TRACE, which may be NULL or of another type: who logged, the connection's id, and how
 * times are meant. */
void qlog_header_read(struct qlog_log *log, const json_t *trace);
/* A reference time in any form that drafts gave it, in the log's unit; 0 where it tells none. */
double qlog_reference_read(const json_t *reference);
/* A time_format, in the words of any draft. */
enum qlog_time_form qlog_time_form_read(const json_t *format);
/* Replaces *ID by VALUE in lower case; NULL and no text change nothing. */
void qlog_id_set(char **id, struct bytes value);

#endif
