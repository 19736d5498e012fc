#include "net/address/resolver.h"

#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/memory.h"

struct resolver {
    struct event_base *base;
    struct evdns_base *dns; /* made with the first name */
    LIST_HEAD(, resolver_query) queries;
};

struct resolver_query {
    struct multiaddr asked;
    resolver_done done;
    void *context;
    struct evdns_getaddrinfo_request *request;
    bool cancelled;
    LIST_ENTRY(resolver_query) link;
};

struct resolver *resolver_new(struct event_base *base)
{
    struct resolver *resolver = memory_new(sizeof(*resolver));
    resolver->base = base;
    LIST_INIT(&resolver->queries);
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    struct resolver_query *query;
    while ((query = LIST_FIRST(&resolver->queries)) != NULL)
        resolver_cancel(query);
    if (resolver->dns != NULL)
        evdns_base_free(resolver->dns, 1);
    free(resolver);
}

static bool is_among(const struct multiaddr *addresses, size_t count, const struct multiaddr *one)
{
    for (size_t i = 0; i < count; i++)
        if (multiaddr_same_place(&addresses[i], one))
            return true;
    return false;
}

static size_t take_answers(const struct evutil_addrinfo *answers, const struct multiaddr *asked,
                           struct multiaddr addresses[RESOLVER_ADDRESSES_MAX], size_t *left_out)
{
    size_t count = 0;
    for (; answers != NULL; answers = answers->ai_next) {
        struct multiaddr address;
        if (!multiaddr_from_sockaddr(answers->ai_addr, &address))
            continue;
        address.port = asked->port;
        address.has_peer_id = asked->has_peer_id;
        address.peer_id = asked->peer_id;
        if (is_among(addresses, count, &address))
            continue;
        if (count < RESOLVER_ADDRESSES_MAX)
            addresses[count++] = address;
        else
            ++*left_out;
    }
    return count;
}

/* Why there is no address: libevent takes one of the other kind, of a hosts file, for no error. */
static const char *cause_of_none(int code, enum multiaddr_host kind)
{
    if (code != 0)
        return evutil_gai_strerror(code);
    return kind == MULTIADDR_DNS6   ? "it has no IPv6 address"
           : kind == MULTIADDR_DNS4 ? "it has no IPv4 address"
                                    : "it has no address";
}

static void on_answer(int code, struct evutil_addrinfo *answers, void *argument)
{
    struct resolver_query *query = argument;
    struct multiaddr addresses[RESOLVER_ADDRESSES_MAX];
    size_t left_out = 0;
    size_t count = code == 0 ? take_answers(answers, &query->asked, addresses, &left_out) : 0;
    if (answers != NULL)
        evutil_freeaddrinfo(answers);
    if (!query->cancelled) {
        LIST_REMOVE(query, link);
        query->done(query->context, addresses, count, left_out,
                    count > 0 ? NULL : cause_of_none(code, query->asked.kind));
    }
    free(query);
}

struct resolver_query *resolver_ask(struct resolver *resolver, const struct node_address *where,
                                    resolver_done done, void *context)
{
    const struct multiaddr *address = &where->at[0];
    if (address->kind == MULTIADDR_IP4 || address->kind == MULTIADDR_IP6) {
        done(context, where->at, where->count, 0, NULL);
        return NULL;
    }
    if (resolver->dns == NULL)
        resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                           EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->dns == NULL) {
        done(context, NULL, 0, 0, "no name server is configured");
        return NULL;
    }
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    if (address->kind != MULTIADDR_DNS)
        hints.ai_family = address->kind == MULTIADDR_DNS6 ? AF_INET6 : AF_INET;
    struct resolver_query *query = memory_new(sizeof(*query));
    query->asked = *address;
    query->done = done;
    query->context = context;
    LIST_INSERT_HEAD(&resolver->queries, query, link);
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(resolver->dns, address->host, NULL, &hints, on_answer, query);
    if (request == NULL)
        return NULL; /* answered already, from the hosts file */
    query->request = request;
    return query;
}

void resolver_cancel(struct resolver_query *query)
{
    query->cancelled = true;
    LIST_REMOVE(query, link);
    evdns_getaddrinfo_cancel(query->request); /* on_answer frees it */
}
