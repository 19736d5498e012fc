#include "net/address/node_address.h"

static const char record_start[] = "enr:";

static bool is_record(const char *text)
{
    return strncmp(text, record_start, strlen(record_start)) == 0;
}

bool node_address_looks_like(const char *text)
{
    static const char *const starts[] = {"/ip4/", "/ip6/", "/dns/", "/dns4/", "/dns6/"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    return is_record(text);
}

bool node_address_of_enr(const struct enr *record, struct node_address *address,
                         struct error *error)
{
    struct bytes ip;
    struct error missing = {.text = "node record: no address (ip, ip6)"};
    address->count = 0;
    if (enr_ip4(record, &ip))
        address->count += enr_multiaddr(record, &address->at[address->count], &missing);
    if (enr_ip6(record, &ip))
        address->count += enr_multiaddr6(record, &address->at[address->count], &missing);
    return address->count > 0 || error_set(error, "%s", missing.text);
}

static bool parse(const char *text, struct node_address *address, struct error *error)
{
    struct enr record;
    if (is_record(text))
        return enr_parse(text, &record, error) && enr_verify(&record, error) &&
               node_address_of_enr(&record, address, error);
    address->count = 1;
    if (text[0] != '/')
        return error_set(error, "neither a multiaddr (/ip4/A/udp/PORT/quic-v1), as it does not "
                                "begin with a slash, nor a node record (enr:...)");
    return multiaddr_parse(text, &address->at[0], error);
}

/* Node records are longer than what is wrong with them has room for. */
static bool blame(const char *text, struct error *error)
{
    bool cut = strlen(text) > NODE_ADDRESS_TOLD_MAX;
    return error_prefix(error, "%.*s%s", NODE_ADDRESS_TOLD_MAX, text, cut ? "..." : "");
}

bool node_address_parse(const char *text, struct node_address *address, struct error *error)
{
    *address = (struct node_address){0};
    return parse(text, address, error) || blame(text, error);
}

bool node_address_peer_id(const char *text, struct peer_id *id, struct error *error)
{
    struct node_address address;
    if (text[0] != '/' && !is_record(text))
        return peer_id_parse(text, id, error) || blame(text, error);
    if (!node_address_parse(text, &address, error))
        return false;
    *id = address.at[0].peer_id;
    return address.at[0].has_peer_id ||
           (!error_set(error, "must end with /p2p/PEERID") && blame(text, error));
}
