#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "devnet/state_watch.h"
#include "net/address/names.h"

enum { LINE_MAX_SHOWN = 1024 * 1024 }; /* longer ones are shown in parts */

/* A file that is shown as it grows. */
struct tail {
    char *name; /* before each of its lines */
    char *node;
    const char *stream;
    char *path;
    int fd;
    struct buffer line; /* what has come of a line that is not whole yet */
};

/* How it is shown. */
struct manner {
    bool named, events; /* each line after its node's name; lines are events */
    bool json;          /* each line is an object */
    struct names names; /* of the devnet's nodes */
};

/* An event with the name of the peer that it is about, where it has one; NULL where it is none. */
static json_t *read_event(const char *line, const struct names *names)
{
    json_t *event = json_loads(line, 0, NULL);
    if (json_is_string(json_object_get(event, "event"))) {
        names_add_peer(names, event);
        return event;
    }
    json_decref(event);
    return NULL;
}

static char *name_peer(const char *line, const struct names *names)
{
    json_t *event = read_event(line, names);
    char *text = json_object_get(event, "peer_name") != NULL
                     ? json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS)
                     : NULL;
    json_decref(event);
    return text;
}

static void show_text(const struct tail *tail, const struct manner *manner, const char *line,
                      const char *end)
{
    char *told =
        manner->events ? name_peer(line, &manner->names) : names_put_into(&manner->names, line);
    if (manner->named)
        printf("%s%s |%s ", output_colour(stdout, COLOUR_DIM), tail->name,
               output_colour_end(stdout));
    printf("%s%s", told != NULL ? told : line, end);
    free(told);
}

/* As it stands there, but for bytes that no text has. */
static json_t *line_json(struct bytes line)
{
    json_t *text = memchr(line.data, '\0', line.size) == NULL
                       ? json_stringn((const char *)line.data, line.size)
                       : NULL;
    if (text != NULL)
        return text;
    char *safe = utf8_safe_text(line);
    text = json_string(safe);
    free(safe);
    return text;
}

static void show_json(const struct tail *tail, const struct manner *manner, struct bytes line,
                      bool whole)
{
    json_t *object = manner->events ? read_event((const char *)line.data, &manner->names) : NULL;
    if (object == NULL)
        object = json_pack("{s:s, s:o}", "stream", tail->stream, "line", line_json(line));
    if (!whole)
        json_object_set_new(object, "part", json_true());
    json_object_set_new(object, "node_name", json_string(tail->node));
    json_dumpf(object, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(object);
}

/* Shows the line and begins another. Of a log, nodes are called by their names. Not WHOLE: it goes
 * on, or its end has not been written. */
static void show_line(struct tail *tail, const struct manner *manner, bool whole)
{
    buffer_append(&tail->line, "", 1);
    struct bytes line = {.data = tail->line.data, .size = tail->line.size - 1};
    if (manner->json)
        show_json(tail, manner, line, whole);
    else
        show_text(tail, manner, (const char *)line.data, whole ? "\n" : "");
    tail->line.size = 0;
}

/* Shows what has come since the last time. */
static void show_more(struct tail *tail, const struct manner *manner)
{
    char block[16384];
    ssize_t size;
    struct stat status;
    if (fstat(tail->fd, &status) == 0 && status.st_size < lseek(tail->fd, 0, SEEK_CUR))
        lseek(tail->fd, 0, SEEK_SET); /* begun anew */
    while ((size = read(tail->fd, block, sizeof(block))) > 0) {
        for (char *rest = block, *end = block + size; rest < end;) {
            char *newline = memchr(rest, '\n', (size_t)(end - rest));
            char *stop = newline != NULL ? newline : end;
            buffer_append(&tail->line, rest, (size_t)(stop - rest));
            if (newline != NULL)
                show_line(tail, manner, true);
            else if (tail->line.size > LINE_MAX_SHOWN)
                show_line(tail, manner, false);
            rest = newline != NULL ? stop + 1 : end;
        }
    }
    output_flush();
}

/* What there is of a last line. */
static void close_tail(struct tail *tail, const struct manner *manner)
{
    if (tail->line.size > 0)
        show_line(tail, manner, false);
    buffer_clear(&tail->line);
    close(tail->fd);
    free(tail->path);
    free(tail->name);
    free(tail->node);
}

struct tails {
    struct tail *items;
    size_t count;
    int inotify;        /* -1: they are not followed */
    const char *folder; /* the devnet's */
    bool all;           /* none was named: those that come meanwhile are among them */
};

/* What NODE wrote to STREAM is in PATH; its lines are called NAME, which it takes over. */
static bool open_tail(struct tails *tails, const char *path, const struct devnet_node *node,
                      const char *stream, char *name)
{
    struct tail tail = {.name = name,
                        .node = text_copy(node->name),
                        .stream = stream,
                        .path = text_copy(path),
                        .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (tail.fd < 0) {
        log_error("%s: %s", path, strerror(errno));
        free(tail.path);
        free(tail.node);
        free(name);
        return false;
    }
    if (tails->inotify >= 0)
        inotify_add_watch(tails->inotify, path, IN_MODIFY);
    tails->items[tails->count++] = tail;
    return true;
}

/* What it logged, or its events. Another program may say what it has to on either output. */
static bool open_tails(struct tails *tails, const struct devnet *devnet,
                       const struct devnet_node *node, bool events)
{
    bool both = !events && devnet_node_is_foreign(node) && !between_is_kind(node->name);
    char *log = devnet_path(devnet, node->name, "log");
    char *output = devnet_path(devnet, node->name, "events.jsonl");
    bool opened =
        open_tail(tails, events ? output : log, node, events ? "stdout" : "stderr",
                  text_copy(node->name)) &&
        (!both || open_tail(tails, output, node, "stdout", text_format("%s stdout", node->name)));
    free(output);
    free(log);
    return opened;
}

/* Shows what there is of NODE's; false where it cannot be. */
static bool show_node(struct tails *tails, const struct devnet *devnet,
                      const struct devnet_node *node, const struct manner *manner)
{
    size_t first = tails->count;
    tails->items = memory_resize(tails->items, (tails->count + 2) * sizeof(*tails->items));
    bool opened = open_tails(tails, devnet, node, manner->events);
    for (size_t k = first; k < tails->count; k++)
        show_more(&tails->items[k], manner);
    return opened;
}

/* ---- as they grow ---- */

static bool is_shown(const struct tails *tails, const char *node)
{
    for (size_t i = 0; i < tails->count; i++)
        if (strcmp(tails->items[i].node, node) == 0)
            return true;
    return false;
}

/* Whether another file is in the place of what is shown. */
static bool is_replaced(const struct tail *tail)
{
    struct stat shown, there;
    return fstat(tail->fd, &shown) == 0 && stat(tail->path, &there) == 0 &&
           (shown.st_dev != there.st_dev || shown.st_ino != there.st_ino);
}

/* Goes on to files that are there anew: of a node that was added again once its folder was deleted.
 */
static void reopen_replaced(struct tails *tails, const struct manner *manner)
{
    for (size_t i = 0; i < tails->count; i++) {
        struct tail *tail = &tails->items[i];
        int fd = is_replaced(tail) ? open(tail->path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        show_more(tail, manner);
        if (tail->line.size > 0) /* what comes next begins a line */
            show_line(tail, manner, !manner->json);
        close(tail->fd);
        tail->fd = fd;
        inotify_add_watch(tails->inotify, tail->path, IN_MODIFY);
        show_more(tail, manner);
    }
}

/* Shows nodes that have come, and calls all by their names. */
static void look_again(struct tails *tails, struct manner *manner)
{
    struct devnet now;
    devnet_init(&now, tails->folder);
    bool loaded = devnet_load(&now, NULL);
    for (size_t i = 0; loaded && i < now.count; i++) {
        devnet_name_node(&now.nodes[i], &manner->names);
        if (!tails->all || is_shown(tails, now.nodes[i].name))
            continue;
        manner->named |= tails->count > 0;
        show_node(tails, &now, &now.nodes[i], manner);
    }
    reopen_replaced(tails, manner);
    devnet_clear(&now);
}

/* Until we are interrupted, or nobody reads what we print: that is seen at once. */
static void follow(struct tails *tails, struct manner *manner, struct state_watch *state)
{
    char events[4096];
    struct pollfd waits[] = {{.fd = tails->inotify, .events = POLLIN},
                             {.fd = STDOUT_FILENO},
                             {.fd = state_watch_descriptor(state), .events = POLLIN}};
    while (output_flush() && output_is_read() && poll(waits, 3, -1) > 0) {
        if (waits[2].revents != 0 && state_watch_read(state))
            look_again(tails, manner);
        if (waits[0].revents == 0 || read(tails->inotify, events, sizeof(events)) <= 0)
            continue;
        for (size_t i = 0; i < tails->count; i++)
            show_more(&tails->items[i], manner);
    }
}

/* STATE is NULL where they are not followed. */
static bool show(struct tails *tails, const struct devnet *devnet, struct manner *manner,
                 struct state_watch *state)
{
    bool all = true;
    for (size_t i = 0; all && i < devnet->count; i++)
        all = show_node(tails, devnet, &devnet->nodes[i], manner);
    if (all && tails->inotify >= 0)
        follow(tails, manner, state);
    for (size_t i = 0; i < tails->count; i++)
        close_tail(&tails->items[i], manner);
    free(tails->items);
    return all;
}

static bool show_or_follow(const struct devnet *devnet, struct manner *manner, bool on, bool all)
{
    struct error error;
    struct tails tails = {.inotify = -1, .folder = devnet->folder, .all = all};
    /* Before they are looked at, so that none is missed. */
    struct state_watch *state = on ? state_watch_new(devnet->folder, &error) : NULL;
    if (state != NULL)
        tails.inotify = inotify_init1(IN_CLOEXEC);
    if (on && tails.inotify < 0)
        log_error("%s", state == NULL ? error.text : "inotify: the system has no more of them");
    bool shown = (!on || tails.inotify >= 0) && show(&tails, devnet, manner, state);
    if (tails.inotify >= 0)
        close(tails.inotify);
    state_watch_free(state);
    return shown;
}

/* The nodes that are named, and what stands between nodes, once each, or all nodes where none is.
 * False where there is none of a name, which is said. */
static bool choose(const struct devnet *devnet, char **wanted, size_t count, struct devnet *chosen)
{
    chosen->nodes = memory_new((count + devnet->count) * sizeof(*chosen->nodes));
    chosen->count = 0;
    for (size_t i = 0; count == 0 && i < devnet->count; i++)
        chosen->nodes[chosen->count++] = devnet->nodes[i];
    for (size_t i = 0; i < count; i++) {
        const struct devnet_between *between = devnet_find_between(devnet, wanted[i]);
        const struct devnet_node other = {.name = between != NULL ? between->kind : NULL};
        const struct devnet_node *node = between != NULL ? &other : devnet_find(devnet, wanted[i]);
        if (node == NULL) {
            char *names = devnet_names(devnet);
            log_error("%s: no such node in %s; there are %s", wanted[i], devnet->folder, names);
            free(names);
            return false;
        }
        if (devnet_find(chosen, wanted[i]) == NULL)
            chosen->nodes[chosen->count++] = *node;
    }
    return true;
}

static int show_chosen(const struct devnet *devnet, const struct devnet_options *options,
                       char **wanted, size_t count)
{
    struct devnet chosen = *devnet;
    int status = DEVNET_USAGE;
    if (devnet->count == 0) {
        log_error("no devnet has been up in %s", devnet->folder);
        return DEVNET_FAILED;
    }
    if (choose(devnet, wanted, count, &chosen)) {
        struct manner manner = {
            .named = chosen.count > 1, .events = options->events, .json = options->json};
        devnet_name_all(devnet, &manner.names);
        status = show_or_follow(&chosen, &manner, options->follow, count == 0) ? DEVNET_OK
                                                                               : DEVNET_FAILED;
        names_clear(&manner.names);
    }
    free(chosen.nodes);
    return status;
}

int devnet_logs_command(const struct devnet_options *options, char **wanted, size_t count)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    int status = DEVNET_FAILED;
    if (devnet_load(&devnet, &error) && (devnet.count > 0 || devnet_load_left(&devnet, &error))) {
        status = show_chosen(&devnet, options, wanted, count);
    } else {
        log_error("%s", error.text);
        status = devnet_load_status(&error);
    }
    devnet_clear(&devnet);
    return status;
}
