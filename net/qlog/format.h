/* What a file that is no QUIC log holds, told by its first bytes: so that it is named as that. */
#ifndef NET_QLOG_FORMAT_H
#define NET_QLOG_FORMAT_H

#include "common/bytes.h"

/* "compressed with xz", "UTF-16 text", ...; NULL where BEGINNING tells nothing. */
const char *qlog_format_of(struct bytes beginning);

#endif
