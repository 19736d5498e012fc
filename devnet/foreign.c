#include "devnet/foreign.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/family.h"
#include "devnet/loop.h"
#include "devnet/nodes_yaml.h"
#include "devnet/own_files.h"
#include "devnet/paths.h"
#include "devnet/ports.h"
#include "devnet/routes.h"
#include "devnet/tap.h"
#include "net/address/enr_make.h"
#include "net/api/client.h"

enum { LOOK_AGAIN_MS = 50, CALL_TIMEOUT_MS = 3000 };

static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/* Whether nothing else in a devnet's folder is called so. */
static bool is_free(const char *name, struct error *error)
{
    if (between_is_kind(name))
        return error_set(error, "%s: what stands between nodes is called so, and no node", name);
    return !own_files_has_name(name) ||
           error_set(error, "%s: a devnet keeps a file of that name: call the node otherwise",
                     name);
}

bool foreign_name_check(const char *name, struct error *error)
{
    size_t length = strlen(name);
    if (!is_free(name, error))
        return false;
    if (length > 0 && length <= FOREIGN_NAME_MAX && name[0] != '-' &&
        name[strspn(name, name_characters)] == '\0')
        return true;
    return error_set(error,
                     "%s: not a name for a node: at most %d letters, digits, _ and -, not first -",
                     name, FOREIGN_NAME_MAX);
}

bool foreign_parse(const char *text, char **name, char **command, struct error *error)
{
    size_t length = strspn(text, name_characters);
    if (text[length] != '=' || text[length + 1] == '\0')
        return error_set(error, "%s: expected NAME='COMMAND', NAME of letters, digits, _ and -",
                         text);
    size_t own = strncmp(text, "node", 4) == 0 ? 4 + strspn(text + 4, "0123456789") : 0;
    if (length == 0 || length > FOREIGN_NAME_MAX || text[0] == '-' || own == length)
        return error_set(error,
                         "%.*s: not a name for a node: at most %d characters, not first -, "
                         "and not node1 and the like",
                         (int)length, text, FOREIGN_NAME_MAX);
    char *told = text_format("%.*s", (int)length, text);
    if (!is_free(told, error)) {
        free(told);
        return false;
    }
    *name = told;
    *command = text_copy(text + length + 1);
    return true;
}

char *foreign_name_of(const char *text)
{
    return text_format("%.*s", (int)strcspn(text, "="), text);
}

bool foreign_has_name(const char *name, const char *const *texts, size_t count)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (strncmp(texts[i], name, length) == 0 && texts[i][length] == '=')
            return true;
    return false;
}

static bool check_one(const char *text, struct error *error)
{
    struct error why;
    char *name = NULL, *command = NULL;
    bool sound =
        foreign_parse(text, &name, &command, &why) || error_set(error, "--with %s", why.text);
    free(name);
    free(command);
    return sound;
}

bool foreign_check_all(const char *const *texts, size_t count, struct error *error)
{
    bool sound = true;
    for (size_t i = 0; i < count && sound; i++) {
        char *name = foreign_name_of(texts[i]);
        sound = check_one(texts[i], error);
        if (sound && foreign_has_name(name, texts, i))
            sound = error_set(error, "--with %s: two of those that are to be added are called so",
                              name);
        free(name);
    }
    return sound;
}

/* ---- the command ---- */

/* Puts VALUE into BUFFER as one word of a shell command. */
static void append_word(struct buffer *buffer, const char *value)
{
    bool plain = value[strspn(value, name_characters)] == '\0' ||
                 strpbrk(value, " \t\n\"'`$\\&|;<>()*?[]#~!{}") == NULL;
    if (!plain)
        buffer_append_text(buffer, "'");
    for (; *value != '\0'; value++) {
        char one[2] = {*value};
        buffer_append_text(buffer, *value == '\'' ? "'\\''" : one);
    }
    if (!plain)
        buffer_append_text(buffer, "'");
}

struct placeholder {
    const char *name, *value;
};

/* Freed with free(). */
static char *fill_in(const char *command, const struct placeholder *placeholders)
{
    struct buffer filled = {0};
    while (*command != '\0') {
        const struct placeholder *found = placeholders;
        while (found->name != NULL && strncmp(command, found->name, strlen(found->name)) != 0)
            found++;
        char one[2] = {*command};
        if (found->name != NULL)
            append_word(&filled, found->value);
        else
            buffer_append_text(&filled, one);
        command += found->name != NULL ? strlen(found->name) : 1;
    }
    struct bytes bytes = buffer_bytes(&filled);
    char *text = text_format("%.*s", (int)bytes.size, (const char *)bytes.data);
    buffer_clear(&filled);
    return text;
}

/* ---- starting it ---- */

static void make_record(const struct identity *identity, uint16_t port, char *text)
{
    struct enr_draft draft = {0};
    struct enr record = {0};
    const struct multiaddr address = {.kind = MULTIADDR_IP4, .host = "127.0.0.1", .port = port};
    enr_draft_set_place(&draft, &address, NULL);
    enr_draft_sign(&draft, identity, &record, NULL);
    enr_draft_clear(&draft);
    enr_text(&record, text);
}

/* Makes its key; from then on it is known who it is. */
static bool name_it(struct devnet_node *node, const char *key, uint16_t port, struct error *error)
{
    struct identity *identity = identity_load_or_create(key, error);
    if (identity == NULL)
        return false;
    node->peer_id = memory_new(PEER_ID_TEXT_SIZE);
    peer_id_text(identity_peer_id(identity), node->peer_id);
    node->listen = memory_new(2 * sizeof(*node->listen));
    node->listen[0] =
        text_format("/ip4/127.0.0.1/udp/%u/quic-v1/p2p/%s", (unsigned)port, node->peer_id);
    node->listen_count = 1;
    node->enr = memory_new(ENR_TEXT_SIZE);
    make_record(identity, port, node->enr);
    identity_free(identity);
    return true;
}

static bool spawn(const struct devnet *devnet, struct devnet_node *node, bool again,
                  struct error *error)
{
    char *output = devnet_path(devnet, node->name, "events.jsonl");
    char *log = devnet_path(devnet, node->name, "log");
    const struct process_files files = {
        .output = output, .log = log, .keep = again, .place = node->place};
    struct process process = {0};
    process_make_mark(&process);
    bool started = process_start(node->arguments, &files, &process, error);
    node->stopped &= !started;
    if (started) { /* otherwise it is what became of it before */
        node->process = process;
        devnet_write_pid(devnet, node);
    }
    free(log);
    free(output);
    return started && devnet_save(devnet, error);
}

static void note_command(struct devnet_node *node, char *filled)
{
    char *arguments[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, filled, NULL};
    node->arguments = words_copy(arguments);
    node->place = getcwd(NULL, 0);
}

/* That runs: new ones are told of it. There is one. */
static const struct devnet_node *first_of_ours(const struct devnet *devnet)
{
    size_t i = 0;
    while (devnet->nodes[i].api == NULL || !process_is_running(&devnet->nodes[i].process))
        i++;
    return &devnet->nodes[i];
}

/* ---- whom it is told of ---- */

/* The others as it is to find them. */
struct others {
    char *bootnode, *enr; /* of the first; the record may be NULL */
    char *nodes;          /* the path of a nodes.yaml */
};

static void others_clear(struct others *others)
{
    free(others->bootnode);
    free(others->enr);
    free(others->nodes);
}

/* Writes those that there are before NODE, the last, as it finds them. */
static bool write_routes(const struct devnet *devnet, const struct devnet_node *node,
                         const char *path, struct error *error)
{
    size_t count = devnet->count - 1;
    struct route *routes = memory_new(count * sizeof(*routes) + 1);
    char **records = memory_new(count * sizeof(*records) + 1);
    for (size_t i = 0; i < count; i++)
        routes[i] = (struct route){.from = node, .to = &devnet->nodes[i]};
    bool written = devnet_find_routes(devnet, routes, count, error);
    for (size_t i = 0; i < count && written; i++) {
        records[i] = route_record(devnet, &routes[i], error);
        written = error->text[0] == '\0';
    }
    written =
        written && nodes_yaml_write(path, (const char *const *)(uintptr_t)records, count, error);
    for (size_t i = 0; i < count; i++)
        free(records[i]);
    routes_clear(routes, count);
    free(records);
    free(routes);
    return written;
}

/* Its own nodes.yaml, where it does not find them as anybody else does and is told of them, or
 * where that of the folder is not the devnet's. */
static bool write_others(const struct devnet *devnet, const struct devnet_node *node,
                         const char *command, struct others *others, struct error *error)
{
    bool routes = devnet_find_relay(devnet) != NULL && strstr(command, "{nodes}") != NULL;
    bool own = routes || own_files_has_genesis(devnet->folder);
    others->nodes = own ? devnet_path(devnet, node->name, "nodes.yaml")
                        : devnet_path(devnet, "nodes.yaml", NULL);
    return routes ? write_routes(devnet, node, others->nodes, error)
                  : devnet_write_nodes_to(devnet, others->nodes, error);
}

static bool find_others(const struct devnet *devnet, const struct devnet_node *node,
                        const char *command, struct others *others, struct error *error)
{
    struct route route = {.from = node, .to = first_of_ours(devnet)};
    if (!devnet_find_routes(devnet, &route, 1, error))
        return false;
    others->bootnode = route.address;
    others->enr = route_record(devnet, &route, error);
    return error->text[0] == '\0' && write_others(devnet, node, command, others, error);
}

static char *fill_in_all(const struct devnet *devnet, const struct devnet_node *node,
                         const char *command, uint16_t port, const struct others *others)
{
    char digits[8];
    snprintf(digits, sizeof(digits), "%u", port);
    char *key = devnet_path(devnet, node->name, "key");
    char *qlog = devnet_path(devnet, node->name, "qlog");
    const struct placeholder placeholders[] = {{"{port}", digits},
                                               {"{key}", key},
                                               {"{bootnode}", others->bootnode},
                                               {"{enr}", others->enr != NULL ? others->enr : ""},
                                               {"{nodes}", others->nodes},
                                               {"{qlog}", qlog},
                                               {0}};
    char *filled = fill_in(command, placeholders);
    free(qlog);
    free(key);
    return filled;
}

static bool make_folders(const struct devnet *devnet, const struct devnet_node *node,
                         const char *command, struct error *error)
{
    char *folder = devnet_path(devnet, node->name, NULL);
    char *qlog = devnet_path(devnet, node->name, "qlog");
    bool logs = strstr(command, "{qlog}") != NULL;
    file_empty_folder(qlog); /* of what an earlier run left, of another command, too */
    bool made = file_make_folder(folder, error) && (!logs || file_make_folder(qlog, error));
    free(qlog);
    free(folder);
    return made;
}

static bool start(struct devnet *devnet, struct devnet_node *node, const char *command,
                  struct error *error)
{
    uint16_t port = port_find_free(SOCK_DGRAM);
    char *key = devnet_path(devnet, node->name, "key");
    struct others others = {0};
    bool started = make_folders(devnet, node, command, error) &&
                   find_others(devnet, node, command, &others, error) &&
                   name_it(node, key, port, error) && devnet_tap_node(devnet, node, error);
    if (started) {
        char *filled = fill_in_all(devnet, node, command, port, &others);
        note_command(node, filled);
        free(filled);
        started = spawn(devnet, node, false, error);
    }
    others_clear(&others);
    free(key);
    return started;
}

/* ---- waiting until it is connected ---- */

struct waiter {
    struct loop loop;
    const struct devnet *devnet;
    const struct devnet_node *first, *node;
    char *place; /* where it is for the first: a multiaddr without /p2p */
    bool dial;   /* the first node is to dial it */
    uint64_t deadline_ms;
    struct event *again;
    struct api_call *call; /* not answered yet; or NULL */
    char *shown;           /* the peer id that it has shown, once it is connected */
    bool failed;
    struct error *error;
};

static void look_again(struct waiter *waiter)
{
    event_arm(waiter->again, &(struct timeval){.tv_usec = LOOK_AGAIN_MS * 1000L});
}

static bool is_known(const struct devnet *devnet, const char *id)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].peer_id != NULL && strcmp(devnet->nodes[i].peer_id, id) == 0)
            return true;
    return false;
}

static bool is_connected_from(const json_t *peer, const char *place)
{
    size_t index;
    const json_t *connection;
    json_array_foreach(json_object_get(peer, "connections"), index, connection)
    {
        const char *remote = json_string_value(json_object_get(connection, "remote"));
        if (remote != NULL && strcmp(remote, place) == 0)
            return true;
    }
    return false;
}

/*
 * Which of the first node's peers it is: whoever has its key, else a stranger at its port, else, as
 * not every stack dials from where it listens, any stranger that came of itself. NULL: none yet.
 */
static const char *find_it(const struct waiter *waiter, const json_t *peers)
{
    const char *at_its_port = NULL, *stranger = NULL;
    size_t index;
    const json_t *peer;
    json_array_foreach(peers, index, peer)
    {
        const char *id = json_string_value(json_object_get(peer, "peer_id"));
        if (id != NULL && strcmp(id, waiter->node->peer_id) == 0)
            return id;
        if (id == NULL || is_known(waiter->devnet, id))
            continue;
        if (is_connected_from(peer, waiter->place))
            at_its_port = id;
        else if (!waiter->dial)
            stranger = id;
    }
    return at_its_port != NULL ? at_its_port : stranger;
}

static void peers_came(void *context, int status, const json_t *answer, const char *problem)
{
    struct waiter *waiter = context;
    waiter->call = NULL;
    (void)status;
    (void)problem; /* it is asked again */
    const char *id = find_it(waiter, json_object_get(answer, "peers"));
    if (id == NULL) {
        look_again(waiter);
        return;
    }
    waiter->shown = text_copy(id);
    event_base_loopbreak(waiter->loop.base);
}

static void ask_peers(struct waiter *waiter)
{
    static const struct api_call_handlers handlers = {.done = peers_came};
    waiter->call = api_call_new(waiter->loop.base, waiter->first->api, "GET", "/peers", NULL,
                                CALL_TIMEOUT_MS, &handlers, waiter, NULL);
}

static void step_came(void *context, const json_t *line)
{
    (void)context;
    (void)line;
}

static void dial_done(void *context, int status, const json_t *answer, const char *problem)
{
    (void)status;
    (void)answer;
    (void)problem; /* whether it worked is seen among the peers */
    ask_peers(context);
}

static void look(evutil_socket_t fd, short events, void *argument)
{
    static const struct api_call_handlers handlers = {.line = step_came, .done = dial_done};
    (void)fd;
    (void)events;
    struct waiter *waiter = argument;
    if (!family_lives(&waiter->node->process))
        waiter->failed = !error_set(waiter->error, "%s ended before it was connected to %s",
                                    waiter->node->name, waiter->first->name);
    else if (clock_now_ms() >= waiter->deadline_ms)
        waiter->failed =
            !error_set(waiter->error, "%s was not connected to %s (%s) in time", waiter->node->name,
                       waiter->first->name, waiter->dial ? "which dialled it" : "as its bootnode");
    if (waiter->failed)
        event_base_loopbreak(waiter->loop.base);
    else if (waiter->dial)
        waiter->call = api_call_new(waiter->loop.base, waiter->first->api, "POST", "/connect",
                                    json_pack("{s:s,s:s,s:s}", "addr", waiter->place, "until",
                                              "handshake", "timeout", "1s"),
                                    CALL_TIMEOUT_MS, &handlers, waiter, NULL);
    else
        ask_peers(waiter);
}

static bool wait_for_it(struct waiter *waiter)
{
    loop_init(&waiter->loop);
    waiter->again = evtimer_new(waiter->loop.base, look, waiter);
    look_again(waiter);
    if (!loop_run(&waiter->loop))
        waiter->failed = !error_set(waiter->error, "interrupted");
    if (waiter->call != NULL)
        api_call_cancel(waiter->call);
    waiter->call = NULL;
    event_free(waiter->again);
    loop_clear(&waiter->loop);
    return waiter->shown != NULL && !waiter->failed;
}

/* Whether it is told of a node to dial. */
static bool knows_of_us(const char *command)
{
    return strstr(command, "{bootnode}") != NULL || strstr(command, "{enr}") != NULL ||
           strstr(command, "{nodes}") != NULL;
}

char *foreign_place(const char *address)
{
    const char *id = strstr(address, "/p2p/");
    return text_format("%.*s", (int)(id != NULL ? (size_t)(id - address) : strlen(address)),
                       address);
}

void foreign_know_by(struct devnet_node *node, const char *shown)
{
    char *place = foreign_place(node->listen[0]);
    free(node->peer_id);
    free(node->listen[0]);
    free(node->enr);
    node->peer_id = text_copy(shown);
    node->listen[0] = text_format("%s/p2p/%s", place, shown);
    node->enr = NULL;
    free(place);
}

static bool wait_until_met(struct waiter *waiter)
{
    while (wait_for_it(waiter)) {
        if (devnet_tap_carries(waiter->devnet, waiter->node))
            return true;
        free(waiter->shown);
        waiter->shown = NULL;
    }
    return false;
}

static bool meet(struct waiter *waiter, struct devnet *devnet, struct devnet_node *node,
                 struct foreign_outcome *outcome)
{
    if (!wait_until_met(waiter))
        return false;
    if (strcmp(waiter->shown, node->peer_id) == 0)
        return true;
    outcome->key_peer_id = text_copy(node->peer_id);
    foreign_know_by(node, waiter->shown);
    return devnet_save(devnet, waiter->error);
}

static bool has_one_of_ours(const struct devnet *devnet)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].api != NULL && process_is_running(&devnet->nodes[i].process))
            return true;
    return false;
}

bool devnet_start_foreign_again(const struct devnet *devnet, struct devnet_node *node,
                                struct error *error)
{
    return spawn(devnet, node, true, error) || error_prefix(error, "%s", node->name);
}

/* Where the first of ours finds it. */
static char *find_place(const struct waiter *waiter)
{
    char *address =
        waiter->dial ? devnet_find_route(waiter->devnet, waiter->first, waiter->node, waiter->error)
                     : text_copy(devnet_node_address(waiter->node));
    char *place = address != NULL ? foreign_place(address) : NULL;
    free(address);
    return place;
}

bool devnet_start_foreign(struct devnet *devnet, const char *name, const char *command,
                          uint64_t timeout_ms, struct foreign_outcome *outcome, struct error *error)
{
    *outcome = (struct foreign_outcome){.told_key = strstr(command, "{key}") != NULL};
    if (devnet_find(devnet, name) != NULL)
        return error_set(error, "%s: there is a node of that name already", name);
    if (!has_one_of_ours(devnet))
        return error_set(error, "%s: no node of ours is up, which it is connected to", name);
    struct devnet_node *node = devnet_add(devnet, name);
    if (!start(devnet, node, command, error))
        return error_prefix(error, "%s", name);
    struct waiter waiter = {.devnet = devnet,
                            .first = first_of_ours(devnet),
                            .node = node,
                            .dial = !knows_of_us(command),
                            .deadline_ms = clock_now_ms() + timeout_ms,
                            .error = error};
    outcome->node = node;
    waiter.place = find_place(&waiter);
    bool met = waiter.place != NULL && meet(&waiter, devnet, node, outcome);
    if (met && waiter.dial)
        devnet_node_dials(devnet_find(devnet, waiter.first->name), name);
    else if (met)
        devnet_node_dials(node, waiter.first->name);
    met = met && devnet_save(devnet, error);
    free(waiter.place);
    free(waiter.shown);
    return met;
}
