#include "net/relay/links.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash_table.h"
#include "common/memory.h"

/* FNV-1a. */
static const uint64_t hash_start = 0xcbf29ce484222325, hash_prime = 0x100000001b3;

struct link {
    char *key; /* "node1,node2": who dials whom */
    char *from, *to;
    struct relay *relay;
    struct relay_endpoint server;
    struct impairment impairment; /* the relay's, in place */
    UT_hash_handle hh;
};

struct relay_links {
    struct event_base *base;
    struct impairment all;
    struct relay_path *paths;
    size_t path_count;
    char **groups;
    size_t group_count;
    struct link *table;
};

struct relay_links *relay_links_new(struct event_base *base, const struct impairment *all)
{
    struct relay_links *links = memory_new(sizeof(*links));
    links->base = base;
    links->all = *all;
    return links;
}

static void link_free(struct relay_links *links, struct link *link)
{
    HASH_DEL(links->table, link);
    if (link->relay != NULL)
        relay_free(link->relay);
    free(link->key);
    free(link->from);
    free(link->to);
    free(link);
}

static void forget_groups(struct relay_links *links)
{
    for (size_t i = 0; i < links->group_count; i++)
        free(links->groups[i]);
    free(links->groups);
    links->groups = NULL;
    links->group_count = 0;
}

static void forget_paths(struct relay_links *links)
{
    for (size_t i = 0; i < links->path_count; i++)
        path_rule_clear(&links->paths[i].rule);
    free(links->paths);
    links->paths = NULL;
    links->path_count = 0;
}

void relay_links_free(struct relay_links *links)
{
    struct link *link, *next;
    HASH_ITER(hh, links->table, link, next)
    {
        link_free(links, link);
    }
    forget_paths(links);
    forget_groups(links);
    free(links);
}

/* ---- what holds for a link ---- */

static struct relay_path *find_path(const struct relay_links *links, const char *one,
                                    const char *other)
{
    for (size_t i = 0; i < links->path_count; i++)
        if (path_rule_is_of(&links->paths[i].rule, one, other))
            return &links->paths[i];
    return NULL;
}

/* Whether a list such as "node1,node2" has NAME. */
static bool group_has(const char *group, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = group; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* False where a name in GROUP is empty, or in one of the COUNT others. */
static bool check_group(const char *group, const char *const *others, size_t count,
                        struct error *error)
{
    for (const char *name = group, *end; name != NULL; name = *end == ',' ? end + 1 : NULL) {
        end = name + strcspn(name, ",");
        if (end == name)
            return error_set(error, "'%s': expected names of nodes with commas between", group);
        char *one = text_format("%.*s", (int)(end - name), name);
        size_t in = 0;
        while (in < count && !group_has(others[in], one))
            in++;
        if (in < count)
            error_set(error, "%s is in two groups: '%s' and '%s'", one, others[in], group);
        free(one);
        if (in < count)
            return false;
    }
    return true;
}

bool relay_groups_check(const char *const *groups, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!check_group(groups[i], groups, i, error))
            return false;
    return count > 0 || error_set(error, "no group is named");
}

/* group_count: in none. */
static size_t group_of(const struct relay_links *links, const char *name)
{
    size_t i = 0;
    while (i < links->group_count && !group_has(links->groups[i], name))
        i++;
    return i;
}

bool relay_links_cut(const struct relay_links *links, const char *one, const char *other)
{
    size_t first = group_of(links, one), second = group_of(links, other);
    bool both = first < links->group_count && second < links->group_count;
    return first != second && (both || links->group_count == 1);
}

/* Links fail each in a way of its own, which is the same in each run. */
static uint64_t seed_of(const struct link *link, uint64_t seed)
{
    uint64_t hash = hash_start;
    for (const char *at = link->key; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * hash_prime;
    return seed + hash;
}

static void settle(const struct relay_links *links, struct link *link)
{
    const struct relay_path *path = find_path(links, link->from, link->to);
    link->impairment = path != NULL ? path->settings : links->all;
    link->impairment.seed = seed_of(link, link->impairment.seed);
    link->impairment.cut = relay_links_cut(links, link->from, link->to);
}

static void settle_all(const struct relay_links *links)
{
    struct link *link, *next;
    HASH_ITER(hh, links->table, link, next)
    {
        settle(links, link);
    }
}

/* ---- links ---- */

static struct link *link_new(struct relay_links *links, char *key, const char *from, const char *to)
{
    struct link *link = memory_new(sizeof(*link));
    link->key = key;
    link->from = text_copy(from);
    link->to = text_copy(to);
    HASH_ADD_KEYPTR(hh, links->table, key, strlen(key), link);
    settle(links, link);
    return link;
}

static bool is_at(const struct link *link, const struct relay_endpoint *server)
{
    char here[RELAY_ENDPOINT_TEXT_SIZE], there[RELAY_ENDPOINT_TEXT_SIZE];
    relay_endpoint_text(&link->server, here);
    relay_endpoint_text(server, there);
    return strcmp(here, there) == 0;
}

/* Where it was before, if it was. */
static bool begin(struct relay_links *links, struct link *link, const struct relay_endpoint *server,
                  struct error *error)
{
    struct relay_endpoint listen;
    const char *anywhere = server->address.ss_family == AF_INET6 ? "[::1]:0" : "127.0.0.1:0";
    if (link->relay != NULL && server->address.ss_family == link->server.address.ss_family)
        listen = *relay_listening_at(link->relay);
    else if (!relay_endpoint_parse(anywhere, &listen, error))
        return false;
    if (link->relay != NULL)
        relay_free(link->relay);
    link->server = *server;
    link->relay = relay_new(links->base, &listen, server, &link->impairment, error);
    return link->relay != NULL;
}

const struct relay_endpoint *relay_links_open(struct relay_links *links, const char *from,
                                              const char *to, const struct relay_endpoint *server,
                                              struct error *error)
{
    char *key = text_format("%s,%s", from, to);
    struct link *link = NULL;
    HASH_FIND(hh, links->table, key, strlen(key), link);
    if (link == NULL)
        link = link_new(links, key, from, to);
    else
        free(key);
    if ((link->relay == NULL || !is_at(link, server)) && !begin(links, link, server, error)) {
        error_prefix(error, "from %s to %s", from, to);
        link_free(links, link);
        return NULL;
    }
    return relay_listening_at(link->relay);
}

void relay_links_visit(const struct relay_links *links,
                       void (*visit)(void *context, const struct relay_link *link), void *context)
{
    struct link *link, *next;
    HASH_ITER(hh, links->table, link, next)
    {
        visit(context, &(struct relay_link){link->from, link->to, link->relay});
    }
}

/* ---- what is said of paths ---- */

static struct relay_path *path_new(struct relay_links *links, char *const *nodes)
{
    links->paths = memory_resize(links->paths, (links->path_count + 1) * sizeof(*links->paths));
    struct relay_path *path = &links->paths[links->path_count++];
    *path = (struct relay_path){.rule = {.nodes = {text_copy(nodes[0]), text_copy(nodes[1])}}};
    return path;
}

static void say_of_all(struct relay_links *links, const struct path_rule *rule)
{
    if (rule->clean)
        forget_paths(links);
    path_rule_apply(rule, &links->all);
}

static void say_of_one(struct relay_links *links, const struct path_rule *rule)
{
    struct relay_path *path = find_path(links, rule->nodes[0], rule->nodes[1]);
    if (path == NULL)
        path = path_new(links, rule->nodes);
    path_rule_add(&path->rule, rule);
}

void relay_links_apply(struct relay_links *links, const struct path_rule *rule)
{
    if (rule->nodes[0] == NULL)
        say_of_all(links, rule);
    else
        say_of_one(links, rule);
    for (size_t i = 0; i < links->path_count; i++) {
        links->paths[i].settings = links->all;
        path_rule_apply(&links->paths[i].rule, &links->paths[i].settings);
    }
    settle_all(links);
}

void relay_links_part(struct relay_links *links, const char *const *groups, size_t count)
{
    forget_groups(links);
    links->groups = memory_new((count + 1) * sizeof(*links->groups));
    for (size_t i = 0; i < count; i++)
        links->groups[i] = text_copy(groups[i]);
    links->group_count = count;
    settle_all(links);
}

const struct impairment *relay_links_all(const struct relay_links *links)
{
    return &links->all;
}

const struct relay_path *relay_links_paths(const struct relay_links *links, size_t *count)
{
    *count = links->path_count;
    return links->paths;
}

char *const *relay_links_groups(const struct relay_links *links, size_t *count)
{
    *count = links->group_count;
    return links->groups;
}
