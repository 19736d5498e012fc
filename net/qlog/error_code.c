#include "net/qlog/error_code.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
    "NO_ERROR",
    "INTERNAL_ERROR",
    "CONNECTION_REFUSED",
    "FLOW_CONTROL_ERROR",
    "STREAM_LIMIT_ERROR",
    "STREAM_STATE_ERROR",
    "FINAL_SIZE_ERROR",
    "FRAME_ENCODING_ERROR",
    "TRANSPORT_PARAMETER_ERROR",
    "CONNECTION_ID_LIMIT_ERROR",
    "PROTOCOL_VIOLATION",
    "INVALID_TOKEN",
    "APPLICATION_ERROR",
    "CRYPTO_BUFFER_EXCEEDED",
    "KEY_UPDATE_ERROR",
    "AEAD_LIMIT_REACHED",
    "NO_VIABLE_PATH",
};

enum { NAMES = sizeof(names) / sizeof(names[0]), ALERT_DIGITS = 2 };

const char *qlog_error_name(uint64_t code)
{
    if (code >= QLOG_CRYPTO_ERROR && code <= QLOG_CRYPTO_ERROR_LAST)
        return "CRYPTO_ERROR";
    return code < NAMES ? names[code] : NULL;
}

/* "crypto_error_0x128": two digits are the TLS alert's. */
static bool read_crypto_error(const char *name, uint64_t *code)
{
    static const char prefix[] = "crypto_error_0x1", digits[] = "0123456789abcdef";
    uint64_t alert = 0;
    if (strncasecmp(name, prefix, sizeof(prefix) - 1) != 0)
        return false;
    name += sizeof(prefix) - 1;
    for (unsigned i = 0; i < ALERT_DIGITS; i++) {
        const char *digit =
            name[i] != '\0' ? strchr(digits, tolower((unsigned char)name[i])) : NULL;
        if (digit == NULL)
            return false;
        alert = alert << 4 | (uint64_t)(digit - digits);
    }
    *code = QLOG_CRYPTO_ERROR | alert;
    return name[ALERT_DIGITS] == '\0';
}

bool qlog_error_code(const char *name, uint64_t *code)
{
    for (uint64_t i = 0; i < NAMES; i++)
        if (strcasecmp(names[i], name) == 0) {
            *code = i;
            return true;
        }
    return read_crypto_error(name, code);
}
