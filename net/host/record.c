#include "net/address/enr_make.h"
#include "net/host/internal.h"

static bool is_wildcard(const struct multiaddr *address)
{
    return strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0;
}

/* No more than what the draft has nothing of yet. */
static void add_place(struct enr_draft *draft, const struct multiaddr *address)
{
    if (is_wildcard(address))
        enr_draft_set_port(draft, address->kind == MULTIADDR_IP4 ? "quic" : "quic6", address->port,
                           NULL);
    else
        enr_draft_set_place(draft, address, NULL);
}

struct enr host_enr(const struct host *host)
{
    struct enr record = {0};
    struct enr_draft draft = {.sequence = host->record_sequence};
    if (host->settings.is_aggregator)
        enr_draft_set_text(&draft, "is_aggregator", "true", NULL);
    for (size_t i = 0; i < host_listen_count(host); i++) {
        const struct multiaddr address = host_listen_address(host, i);
        add_place(&draft, &address);
    }
    enr_draft_sign(&draft, host->settings.identity, &record, NULL); /* it is small */
    enr_draft_clear(&draft);
    return record;
}
