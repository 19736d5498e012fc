/* TLS 1.3 for libp2p: both sides show one certificate, ALPN is "libp2p", nothing is resumed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/losses.h"
#include "common/memory.h"
#include "net/quic/internal.h"

/* %SERVER_PRECEDENCE lets us choose AES-128-GCM against peers that list others first. */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE:"
    "%SERVER_PRECEDENCE";

static const gnutls_datum_t alpn = {.data = (unsigned char *)"libp2p", .size = 6};

static struct quic_connection *connection_of(gnutls_session_t session)
{
    ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
    return reference->user_data;
}

static int verify_peer(gnutls_session_t session)
{
    struct quic_connection *connection = connection_of(session);
    struct error *error = &connection->tls_error;
    if (!certificate_verify_session(session, &connection->peer, error))
        return GNUTLS_E_CERTIFICATE_ERROR;
    const struct quic_settings *settings = &connection->endpoint->settings;
    if (settings->handlers->judge != NULL)
        return settings->handlers->judge(settings->context, connection, &connection->peer.id,
                                         connection->peer.key_type, error)
                   ? 0
                   : GNUTLS_E_CERTIFICATE_ERROR;
    if (!connection->has_expected || peer_id_equal(&connection->peer.id, &connection->expected))
        return 0;
    char expected[PEER_ID_TEXT_SIZE], found[PEER_ID_TEXT_SIZE];
    peer_id_text(&connection->expected, expected);
    peer_id_text(&connection->peer.id, found);
    error_set(error, "peer id is %s, not %s as dialled", found, expected);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* Part of a line may stand there: what came behind it would be lost with it. */
static void end_keylog(struct quic_endpoint *endpoint)
{
    struct error loss;
    error_set_kind(&loss, ERROR_SYSTEM, "%s: the log of TLS secrets ends here: %s",
                   endpoint->keylog_path, strerror(errno));
    losses_add(&loss);
    close(endpoint->keylog);
    endpoint->keylog = -1;
}

/* Lines of NSS' key log format, as Wireshark reads them. */
static int write_keylog(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
    struct quic_endpoint *endpoint = connection_of(session)->endpoint;
    if (endpoint->keylog < 0)
        return 0;
    gnutls_datum_t client_random, server_random;
    gnutls_session_get_random(session, &client_random, &server_random);
    char *random = hex_text(bytes_of(client_random.data, client_random.size));
    char *value = hex_text(bytes_of(secret->data, secret->size));
    char *line = text_format("%s %s %s\n", label, random, value);
    if (!file_write_all(endpoint->keylog, bytes_of_text(line)))
        end_keylog(endpoint);
    free(line);
    free(random);
    free(value);
    return 0;
}

/* RFC 9001, section 8.2: they are an extension of TLS, and must be there. */
static bool has_transport_params(const struct quic_connection *connection)
{
    return ngtcp2_conn_get_remote_transport_params(connection->conn) != NULL;
}

/* GnuTLS lets a ClientHello without ALPN pass, and one without transport parameters, after which
 * ngtcp2 ends the process by an assertion as soon as it has keys. */
static int check_client_hello(gnutls_session_t session, unsigned type, unsigned when,
                              unsigned incoming, const gnutls_datum_t *message)
{
    (void)type, (void)when, (void)incoming, (void)message;
    gnutls_datum_t selected;
    if (gnutls_alpn_get_selected_protocol(session, &selected) != 0)
        return GNUTLS_E_NO_APPLICATION_PROTOCOL;
    return has_transport_params(connection_of(session)) ? 0 : GNUTLS_E_MISSING_EXTENSION;
}

/* GnuTLS checks none of it on the client: a server that selects no protocol speaks who knows what,
 * one that asks for no certificate cannot know whom it talks to (libp2p specification: tls/tls.md),
 * and one that sends no transport parameters has ngtcp2 0.12 read what is not there. */
bool tls_check_server(struct quic_connection *connection)
{
    gnutls_session_t session = connection->session;
    gnutls_datum_t selected;
    if (gnutls_alpn_get_selected_protocol(session, &selected) != 0) {
        ngtcp2_conn_set_tls_alert(connection->conn, GNUTLS_A_NO_APPLICATION_PROTOCOL);
        return error_set(&connection->tls_error,
                         "the peer selected no application protocol (ALPN): expected libp2p");
    }
    if (!has_transport_params(connection)) {
        ngtcp2_conn_set_tls_alert(connection->conn, GNUTLS_A_MISSING_EXTENSION);
        return error_set(&connection->tls_error,
                         "the peer sent no transport parameters of QUIC: it is no QUIC server");
    }
    connection->asked = gnutls_certificate_client_get_request_status(session) != 0;
    if (!connection->asked && !connection->policy.may_not_ask) {
        ngtcp2_conn_set_tls_alert(connection->conn, GNUTLS_A_HANDSHAKE_FAILURE);
        return error_set(&connection->tls_error,
                         "the peer did not ask for our certificate: the peer cannot know who we "
                         "are");
    }
    return true;
}

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *reference)
{
    return ((struct quic_connection *)reference->user_data)->conn;
}

bool tls_session_new(struct quic_connection *connection, struct error *error)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    unsigned flags = connection->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
    int code = gnutls_init(&connection->session, flags | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL |
                                                     GNUTLS_NO_END_OF_EARLY_DATA);
    gnutls_session_t session = connection->session;
    if (code == 0)
        code = gnutls_priority_set(session, endpoint->priorities);
    if (code == 0)
        code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, endpoint->credentials);
    if (code == 0)
        code = gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
    if (code == 0)
        code = connection->server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                                  : ngtcp2_crypto_gnutls_configure_client_session(session);
    if (code != 0)
        return error_set_kind(error, ERROR_SYSTEM, "cannot set up TLS: %s", gnutls_strerror(code));
    connection->reference.get_conn = get_conn;
    connection->reference.user_data = connection;
    gnutls_session_set_ptr(session, &connection->reference);
    if (endpoint->keylog >= 0)
        gnutls_session_set_keylog_function(session, write_keylog);
    if (connection->server) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_POST,
                                           check_client_hello);
    }
    return true;
}

static bool open_keylog(struct quic_endpoint *endpoint, struct error *error)
{
    const char *path = endpoint->settings.keylog_path;
    if (path == NULL)
        path = getenv("SSLKEYLOGFILE");
    if (path == NULL || *path == '\0')
        return true;
    endpoint->keylog_path = path;
    endpoint->keylog = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return endpoint->keylog >= 0 ||
           error_set_kind(error, ERROR_SYSTEM, "%s: cannot write TLS secrets: %s", path,
                          strerror(errno));
}

bool tls_endpoint_init(struct quic_endpoint *endpoint, struct error *error)
{
    if (!open_keylog(endpoint, error))
        return false;
    endpoint->credentials = certificate_credentials(endpoint->settings.identity, error);
    if (endpoint->credentials == NULL)
        return false;
    gnutls_certificate_set_verify_function(endpoint->credentials, verify_peer);
    int code = gnutls_priority_init(&endpoint->priorities, priorities, NULL);
    return code == 0 ||
           error_set_kind(error, ERROR_SYSTEM, "cannot set up TLS: %s", gnutls_strerror(code));
}

void tls_endpoint_clear(struct quic_endpoint *endpoint)
{
    if (endpoint->priorities != NULL)
        gnutls_priority_deinit(endpoint->priorities);
    if (endpoint->credentials != NULL)
        gnutls_certificate_free_credentials(endpoint->credentials);
    if (endpoint->keylog >= 0)
        close(endpoint->keylog);
}

const char *tls_cipher_name(gnutls_session_t session)
{
    const char *name = gnutls_cipher_get_name(gnutls_cipher_get(session));
    return name != NULL ? name : "unknown";
}

const char *tls_group_name(gnutls_session_t session)
{
    const char *name = gnutls_group_get_name(gnutls_group_get(session));
    return name != NULL ? name : "unknown";
}

const char *tls_signature_name(gnutls_session_t session, bool of_client)
{
    const char *name = gnutls_sign_get_name(
        (gnutls_sign_algorithm_t)(of_client ? gnutls_sign_algorithm_get_client(session)
                                            : gnutls_sign_algorithm_get(session)));
    return name != NULL ? name : "unknown";
}
