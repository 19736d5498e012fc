/* Names of QUIC's transport errors (RFC 9000, section 20.1), which logs write in place of codes. */
#ifndef NET_QLOG_ERROR_CODE_H
#define NET_QLOG_ERROR_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    QLOG_CRYPTO_ERROR = 0x100, /* and from there on, by the TLS alert */
    QLOG_CRYPTO_ERROR_LAST = 0x1ff,
};

/* "FINAL_SIZE_ERROR"; NULL for a code that has none. */
const char *qlog_error_name(uint64_t code);

/* NAME, in letters of any case, may also be "crypto_error_0x128" and the like; false where it is
 * none of them. */
bool qlog_error_code(const char *name, uint64_t *code);

#endif
