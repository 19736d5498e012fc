#include "net/address/resolver.h"

#include <event2/dns.h>
#include <stdlib.h>
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

static void on_answer(int code, struct evutil_addrinfo *answers, void *argument)
{
    struct resolver_query *query = argument;
    struct multiaddr address;
    bool found =
        code == 0 && answers != NULL && multiaddr_from_sockaddr(answers->ai_addr, &address);
    if (answers != NULL)
        evutil_freeaddrinfo(answers);
    if (!query->cancelled) {
        LIST_REMOVE(query, link);
        address.port = query->asked.port;
        address.has_peer_id = query->asked.has_peer_id;
        address.peer_id = query->asked.peer_id;
        query->done(query->context, found ? &address : NULL,
                    found ? NULL : evutil_gai_strerror(code));
    }
    free(query);
}

struct resolver_query *resolver_ask(struct resolver *resolver, const struct multiaddr *address,
                                    resolver_done done, void *context)
{
    if (address->kind == MULTIADDR_IP4 || address->kind == MULTIADDR_IP6) {
        done(context, address, NULL);
        return NULL;
    }
    if (resolver->dns == NULL)
        resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                           EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->dns == NULL) {
        done(context, NULL, "no name server is configured");
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
