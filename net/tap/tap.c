#include "net/tap/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/tap/internal.h"

static const struct tap_watcher nobody;

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    tap_streams_settle(argument);
}

struct tap *tap_new(const struct tap_settings *settings)
{
    struct tap *tap = memory_new(sizeof(*tap));
    tap->settings = *settings;
    if (tap->settings.watcher == NULL)
        tap->settings.watcher = &nobody;
    TAILQ_INIT(&tap->pairs);
    TAILQ_INIT(&tap->due);
    tap->wake = evtimer_new(settings->base, on_wake, tap);
    return tap;
}

/* ---- nodes ---- */

static void node_free(struct tap_node *node)
{
    quic_endpoint_free(node->endpoint);
    identity_free(node->identity);
    free(node);
}

static bool open_endpoint(struct tap_node *node, const struct tap_plan *plan, struct error *error)
{
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = node->tap->settings.base;
    settings.identity = plan->identity;
    settings.qlog_folder = node->tap->settings.qlog_folder;
    settings.qlog_limit = node->tap->settings.qlog_limit;
    settings.handshakes_before_retry = TAP_HANDSHAKES_BEFORE_RETRY;
    settings.handlers = &tap_handlers;
    settings.context = node;
    node->endpoint = quic_endpoint_new(&settings, error);
    if (node->endpoint == NULL || !quic_endpoint_listen(node->endpoint, &plan->tap, error))
        return error_prefix(error, "%s", plan->name);
    node->address = quic_endpoint_listen_address(node->endpoint, 0);
    node->address.has_peer_id = true;
    node->address.peer_id = *identity_peer_id(plan->identity);
    return true;
}

static bool is_any_host(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET ? ip4->sin_addr.s_addr == htonl(INADDR_ANY)
                                         : IN6_IS_ADDR_UNSPECIFIED(&ip6->sin6_addr);
}

/* Whether a socket can be bound to its host. */
static bool is_of_this_machine(const struct multiaddr *address)
{
    struct multiaddr anywhere = *address;
    struct sockaddr_storage storage;
    anywhere.port = 0;
    socklen_t size = multiaddr_to_sockaddr(&anywhere, &storage);
    int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is = fd >= 0 && bind(fd, (const struct sockaddr *)&storage, size) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* Whether what is sent to ADDRESS comes to TAP, which is the tap's: it may be there for all
 * addresses of the machine. */
static bool covers(const struct multiaddr *tap, const struct multiaddr *address)
{
    struct sockaddr_storage storage;
    if (multiaddr_same_place(tap, address))
        return true;
    return tap->kind == address->kind && tap->port == address->port &&
           multiaddr_to_sockaddr(tap, &storage) > 0 && is_any_host(&storage) &&
           is_of_this_machine(address);
}

static bool is_apart_from(const struct tap_node *other, const struct tap_plan *plan,
                          const struct multiaddr *dialled, struct error *error)
{
    const struct multiaddr *shared = &plan->real;
    const char *told = NULL;
    if (covers(&other->address, &plan->real))
        told = "cannot be where others dial";
    else if (!other->gone && multiaddr_same_place(&other->real, &plan->real))
        told = "cannot be at the real address of";
    else if (!other->gone && covers(dialled, &other->real))
        told = "cannot be dialled at the real address of", shared = dialled;
    return told == NULL ||
           error_set_kind(error, ERROR_CONFLICT, "%s: %s %s, %s port %u", plan->name, told,
                          other->name, shared->host, shared->port);
}

/* Who a packet is from, and where it goes, is known by addresses alone. DIALLED is the tap's. */
static bool is_apart(const struct tap *tap, const struct tap_plan *plan,
                     const struct multiaddr *dialled, struct error *error)
{
    if (covers(dialled, &plan->real))
        return error_set_kind(error, ERROR_CONFLICT,
                              "%s: the tap cannot be at its real address, %s port %u", plan->name,
                              dialled->host, dialled->port);
    for (size_t i = 0; i < tap->node_count; i++)
        if (strcmp(tap->nodes[i]->name, plan->name) != 0 &&
            !is_apart_from(tap->nodes[i], plan, dialled, error))
            return false;
    return true;
}

static bool is_new(const struct tap *tap, const struct tap_plan *plan, struct error *error)
{
    const struct tap_node *other = tap_node_called(tap, identity_peer_id(plan->identity));
    if (tap_node_named(tap, bytes_of_text(plan->name)) != NULL)
        return error_set_kind(error, ERROR_CONFLICT, "%s: two nodes of that name", plan->name);
    if (other != NULL)
        return error_set_kind(error, ERROR_CONFLICT, "%s: has the key of %s", plan->name,
                              other->name);
    return is_apart(tap, plan, &plan->tap, error);
}

bool tap_add(struct tap *tap, struct tap_plan *plan, struct error *error)
{
    if (!is_new(tap, plan, error))
        return false;
    struct tap_node *node = memory_new(sizeof(*node));
    node->tap = tap;
    node->real = plan->real;
    node->index = tap->node_count;
    snprintf(node->name, sizeof(node->name), "%s", plan->name);
    if (!open_endpoint(node, plan, error)) {
        node_free(node);
        return false;
    }
    node->identity = plan->identity;
    plan->identity = NULL;
    tap->nodes = memory_resize(tap->nodes, (tap->node_count + 1) * sizeof(struct tap_node *));
    tap->nodes[tap->node_count++] = node;
    return true;
}

/* Others have been told where it is dialled. */
static bool is_dialled_there(const struct tap_node *node, const struct tap_plan *plan,
                             struct error *error)
{
    const struct multiaddr *at = &node->address;
    if (plan->tap.port != 0 && plan->tap.port != at->port)
        return error_set_kind(error, ERROR_CONFLICT, "%s: is dialled at port %u already, not %u",
                              plan->name, at->port, plan->tap.port);
    return strcmp(plan->tap.host, at->host) == 0 ||
           error_set_kind(error, ERROR_CONFLICT, "%s: is dialled at %s already, not %s", plan->name,
                          at->host, plan->tap.host);
}

const struct tap_node *tap_move(struct tap *tap, const struct tap_plan *plan, struct error *error)
{
    struct tap_node *node = tap_node_called(tap, identity_peer_id(plan->identity));
    if (node == NULL || strcmp(node->name, plan->name) != 0) {
        error_set_kind(error, ERROR_CONFLICT, "%s: the node of that name has another key",
                       plan->name);
        return NULL;
    }
    if (!is_dialled_there(node, plan, error) || !is_apart(tap, plan, &node->address, error))
        return NULL;
    node->real = plan->real;
    node->gone = false;
    return node;
}

static struct tap_node *find_named(const struct tap *tap, struct bytes name)
{
    for (size_t i = 0; i < tap->node_count; i++)
        if (bytes_equal(bytes_of_text(tap->nodes[i]->name), name))
            return tap->nodes[i];
    return NULL;
}

const struct tap_node *tap_leave(struct tap *tap, const char *name, bool *leaves,
                                 struct error *error)
{
    struct tap_node *node = find_named(tap, bytes_of_text(name));
    *leaves = node != NULL && !node->gone;
    if (node != NULL)
        node->gone = true;
    else
        error_set_kind(error, ERROR_NOT_FOUND, "%s: there is no node of that name", name);
    return node;
}

bool tap_node_is_gone(const struct tap_node *node)
{
    return node->gone;
}

struct tap_node *tap_node_at(const struct tap *tap, const struct multiaddr *real)
{
    for (size_t i = 0; i < tap->node_count; i++)
        if (!tap->nodes[i]->gone && multiaddr_same_place(&tap->nodes[i]->real, real))
            return tap->nodes[i];
    return NULL;
}

struct tap_node *tap_node_called(const struct tap *tap, const struct peer_id *id)
{
    for (size_t i = 0; i < tap->node_count; i++)
        if (peer_id_equal(tap_node_peer_id(tap->nodes[i]), id))
            return tap->nodes[i];
    return NULL;
}

const struct tap_node *tap_node_named(const struct tap *tap, struct bytes name)
{
    return find_named(tap, name);
}

size_t tap_node_index(const struct tap_node *node)
{
    return node->index;
}

size_t tap_node_count(const struct tap *tap)
{
    return tap->node_count;
}

const struct tap_node *tap_node(const struct tap *tap, size_t index)
{
    return tap->nodes[index];
}

const char *tap_node_name(const struct tap_node *node)
{
    return node->name;
}

const struct peer_id *tap_node_peer_id(const struct tap_node *node)
{
    return identity_peer_id(node->identity);
}

const struct identity *tap_node_identity(const struct tap_node *node)
{
    return node->identity;
}

const struct multiaddr *tap_node_address(const struct tap_node *node)
{
    return &node->address;
}

const struct multiaddr *tap_node_real(const struct tap_node *node)
{
    return &node->real;
}

const struct quic_endpoint_statistics *tap_node_statistics(const struct tap_node *node)
{
    return quic_endpoint_statistics(node->endpoint);
}

/* ---- the tap ---- */

struct tap_pair *tap_first_pair(const struct tap *tap)
{
    return TAILQ_FIRST(&tap->pairs);
}

const struct tap_statistics *tap_statistics(struct tap *tap)
{
    return &tap->statistics;
}

void tap_shutdown(struct tap *tap)
{
    tap->shut_down = true;
    for (size_t i = 0; i < tap->node_count; i++)
        quic_endpoint_shutdown(tap->nodes[i]->endpoint);
}

bool tap_is_quiet(const struct tap *tap)
{
    size_t count = 0;
    for (size_t i = 0; i < tap->node_count; i++)
        count += quic_endpoint_connection_count(tap->nodes[i]->endpoint);
    return count == 0;
}

void tap_free(struct tap *tap)
{
    if (tap == NULL)
        return;
    for (size_t i = 0; i < tap->node_count; i++)
        quic_endpoint_free(tap->nodes[i]->endpoint);
    for (size_t i = 0; i < tap->node_count; i++) {
        identity_free(tap->nodes[i]->identity);
        free(tap->nodes[i]);
    }
    free(tap->nodes);
    event_free(tap->wake);
    qlog_packet_event_clear(&tap->record);
    free(tap);
}
