#include "net/tap/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "net/address/node_address.h"

enum { PARTS = 3 };

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* As a multiaddr what is written IP:PORT, [IP]:PORT or NAME:PORT; to be freed. NULL where it is
 * none. */
static char *multiaddr_of_pair(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text)
        return NULL;
    size_t size = (size_t)(colon - text);
    bool ip6 = text[0] == '[' && colon[-1] == ']';
    const char *host = ip6 ? text + 1 : text;
    int host_size = (int)(ip6 ? size - 2 : size);
    bool ip4 = strspn(host, "0123456789.") >= size;
    const char *kind = ip6 ? "ip6" : ip4 ? "ip4" : "dns";
    return text_format("/%s/%.*s/udp/%s/quic-v1", kind, host_size, host, colon + 1);
}

static bool parse_address(const char *text, struct multiaddr *address, struct error *error)
{
    struct node_address parsed;
    if (*text == '/' || node_address_looks_like(text)) {
        if (!node_address_parse(text, &parsed, error))
            return false;
        *address = parsed.at[0];
    } else {
        char *multiaddr = multiaddr_of_pair(text);
        if (multiaddr == NULL)
            return error_set(error, "%s: expected HOST:PORT or a multiaddr", text);
        bool valid = multiaddr_parse(multiaddr, address, error);
        free(multiaddr);
        if (!valid)
            return error_prefix(error, "%s", text);
    }
    return true;
}

static bool is_ip(const struct multiaddr *address)
{
    return address->kind == MULTIADDR_IP4 || address->kind == MULTIADDR_IP6;
}

static bool check_peer_id(const struct multiaddr *address, const struct peer_id *owner,
                          const char *file, struct error *error)
{
    if (!address->has_peer_id || peer_id_equal(&address->peer_id, owner))
        return true;
    char expected[PEER_ID_TEXT_SIZE], found[PEER_ID_TEXT_SIZE];
    peer_id_text(&address->peer_id, expected);
    peer_id_text(owner, found);
    return error_set(error, "the key in %s is that of %s, the address says %s", file, found,
                     expected);
}

static bool read_parts(char *parts[PARTS], bool pipe, struct tap_plan *plan, struct error *error)
{
    bool shared;
    plan->identity = identity_load_any(parts[0], pipe, &shared, error);
    if (plan->identity == NULL)
        return false;
    if (shared)
        log_info("%s: others can read this key", parts[0]);
    const struct peer_id *owner = identity_peer_id(plan->identity);
    if (!parse_address(parts[1], &plan->tap, error) || !parse_address(parts[2], &plan->real, error))
        return false;
    if (!is_ip(&plan->tap))
        return error_set(error, "%s: an IP address is needed, not a name", parts[1]);
    if (plan->real.port == 0)
        return error_set(error, "%s: the node's own port cannot be 0", parts[2]);
    if (!check_peer_id(&plan->tap, owner, parts[0], error) ||
        !check_peer_id(&plan->real, owner, parts[0], error))
        return false;
    plan->real.has_peer_id = true;
    plan->real.peer_id = *owner;
    return true;
}

static bool split(char *text, char *parts[PARTS])
{
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = text;
        char *comma = text != NULL ? strchr(text, ',') : NULL;
        if ((comma == NULL) != (i == PARTS - 1))
            return false;
        if (comma != NULL)
            *comma = '\0';
        text = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

bool tap_plan_parse(const char *text, bool pipe, struct tap_plan *plan, struct error *error)
{
    *plan = (struct tap_plan){0};
    const char *equals = strchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : 0;
    if (size == 0 || size >= TAP_NAME_SIZE || strspn(text, name_letters) != size)
        return error_set(error,
                         "%s: expected NAME=KEY-FILE,TAP-ADDRESS,REAL-ADDRESS, the name of up to "
                         "%d letters, digits, - _ and .",
                         text, TAP_NAME_SIZE - 1);
    memcpy(plan->name, text, size);
    char *copy = text_copy(equals + 1);
    char *parts[PARTS];
    bool read = split(copy, parts) ? read_parts(parts, pipe, plan, error)
                                   : error_set(error, "expected KEY-FILE,TAP-ADDRESS,REAL-ADDRESS, "
                                                      "which is two commas");
    free(copy);
    if (read)
        return true;
    error_prefix(error, "%s", plan->name);
    tap_plan_clear(plan);
    return false;
}

void tap_plan_clear(struct tap_plan *plan)
{
    identity_free(plan->identity);
    plan->identity = NULL;
}
