/*
 * One name for what ngtcp2 0.12 (Debian 12) and 1.x (Debian 13) call differently. Files of this
 * folder include this instead of ngtcp2's own headers, and use the names defined here.
 */
#ifndef NET_QUIC_COMPAT_H
#define NET_QUIC_COMPAT_H

#include <stdbool.h>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#define COMPAT_NGTCP2_1 (NGTCP2_VERSION_NUM >= 0x010000)

#if COMPAT_NGTCP2_1

typedef ngtcp2_ccerr compat_close_error;
typedef ngtcp2_conn_info compat_conn_info;
typedef ngtcp2_encryption_level compat_level;

#define COMPAT_LEVEL_INITIAL NGTCP2_ENCRYPTION_LEVEL_INITIAL
#define COMPAT_LEVEL_HANDSHAKE NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE
#define COMPAT_LEVEL_APPLICATION NGTCP2_ENCRYPTION_LEVEL_1RTT

#define COMPAT_CLOSE_APPLICATION NGTCP2_CCERR_TYPE_APPLICATION

#define compat_close_error_init ngtcp2_ccerr_default
#define compat_close_error_set_library(error, code) ngtcp2_ccerr_set_liberr(error, code, NULL, 0)
#define compat_close_error_set_alert(error, alert) ngtcp2_ccerr_set_tls_alert(error, alert, NULL, 0)
#define compat_close_error_set_transport ngtcp2_ccerr_set_transport_error
#define compat_close_error_set_application ngtcp2_ccerr_set_application_error
#define compat_conn_in_closing_period ngtcp2_conn_in_closing_period
#define compat_conn_in_draining_period ngtcp2_conn_in_draining_period
#define compat_conn_get_info ngtcp2_conn_get_conn_info
#define compat_conn_shutdown_stream(conn, id, code) ngtcp2_conn_shutdown_stream(conn, 0, id, code)
#define compat_conn_shutdown_stream_read(conn, id, code)                                           \
    ngtcp2_conn_shutdown_stream_read(conn, 0, id, code)
#define compat_conn_shutdown_stream_write(conn, id, code)                                          \
    ngtcp2_conn_shutdown_stream_write(conn, 0, id, code)

static inline compat_close_error compat_conn_close_error(ngtcp2_conn *conn)
{
    return *ngtcp2_conn_get_ccerr(conn);
}

static inline void compat_settings_qlog(ngtcp2_settings *settings, ngtcp2_qlog_write write,
                                        const ngtcp2_cid *original)
{
    (void)original;
    settings->qlog_write = write;
}

static inline void compat_settings_token(ngtcp2_settings *settings, const ngtcp2_pkt_hd *header)
{
    settings->token = header->token;
    settings->tokenlen = header->tokenlen;
    settings->token_type = NGTCP2_TOKEN_TYPE_RETRY;
}

static inline ngtcp2_vec compat_header_token(const ngtcp2_pkt_hd *header)
{
    return (ngtcp2_vec){.base = (uint8_t *)header->token, .len = header->tokenlen};
}

static inline void compat_params_original_dcid(ngtcp2_transport_params *params,
                                               const ngtcp2_cid *original)
{
    params->original_dcid = *original;
    params->original_dcid_present = 1;
}

typedef ngtcp2_connection_id_status_type compat_cid_status;
#define COMPAT_KEEP_ALIVE_NEVER UINT64_MAX
#define COMPAT_CID_ACTIVATED NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE
#define compat_token_is_retry(base) ((base)[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY)

#else

typedef ngtcp2_connection_close_error compat_close_error;
typedef ngtcp2_conn_stat compat_conn_info;
typedef ngtcp2_crypto_level compat_level;

#define COMPAT_LEVEL_INITIAL NGTCP2_CRYPTO_LEVEL_INITIAL
#define COMPAT_LEVEL_HANDSHAKE NGTCP2_CRYPTO_LEVEL_HANDSHAKE
#define COMPAT_LEVEL_APPLICATION NGTCP2_CRYPTO_LEVEL_APPLICATION

#define COMPAT_CLOSE_APPLICATION NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION

#define compat_close_error_init ngtcp2_connection_close_error_default
#define compat_close_error_set_library(error, code)                                                \
    ngtcp2_connection_close_error_set_transport_error_liberr(error, code, NULL, 0)
#define compat_close_error_set_alert(error, alert)                                                 \
    ngtcp2_connection_close_error_set_transport_error_tls_alert(error, alert, NULL, 0)
#define compat_close_error_set_transport ngtcp2_connection_close_error_set_transport_error
#define compat_close_error_set_application ngtcp2_connection_close_error_set_application_error
#define compat_conn_in_closing_period ngtcp2_conn_is_in_closing_period
#define compat_conn_in_draining_period ngtcp2_conn_is_in_draining_period
#define compat_conn_get_info ngtcp2_conn_get_conn_stat
#define compat_conn_shutdown_stream ngtcp2_conn_shutdown_stream
#define compat_conn_shutdown_stream_read ngtcp2_conn_shutdown_stream_read
#define compat_conn_shutdown_stream_write ngtcp2_conn_shutdown_stream_write

static inline compat_close_error compat_conn_close_error(ngtcp2_conn *conn)
{
    compat_close_error error;
    ngtcp2_conn_get_connection_close_error(conn, &error);
    return error;
}

/* 0.12 gives a server's log no group id unless told. */
static inline void compat_settings_qlog(ngtcp2_settings *settings, ngtcp2_qlog_write write,
                                        const ngtcp2_cid *original)
{
    settings->qlog.write = write;
    settings->qlog.odcid = *original;
}

static inline void compat_settings_token(ngtcp2_settings *settings, const ngtcp2_pkt_hd *header)
{
    settings->token = header->token;
}

static inline ngtcp2_vec compat_header_token(const ngtcp2_pkt_hd *header)
{
    return header->token;
}

static inline void compat_params_original_dcid(ngtcp2_transport_params *params,
                                               const ngtcp2_cid *original)
{
    params->original_dcid = *original;
}

typedef int compat_cid_status;
#define COMPAT_KEEP_ALIVE_NEVER 0
#define COMPAT_CID_ACTIVATED NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE
#define compat_token_is_retry(base) ((base)[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY)

#endif

/*
 * Whether the peer has sent STOP_SENDING for a stream that we may still write. ngtcp2 answers it
 * with RESET_STREAM, and tells nobody: its callback of that name is for our own, in both versions.
 * That such a stream takes no data is what it says first of all; more than any stream may carry is
 * refused by every other, without effect.
 */
static inline bool compat_stream_is_stopped(ngtcp2_conn *conn, int64_t id, ngtcp2_tstamp now)
{
    static uint8_t byte;
    const ngtcp2_vec beyond = {.base = &byte, .len = SIZE_MAX};
    ngtcp2_pkt_info info = {0};
    return ngtcp2_conn_writev_stream(conn, NULL, &info, &byte, 0, NULL, 0, id, &beyond, 1, now) ==
           NGTCP2_ERR_STREAM_SHUT_WR;
}

#endif
