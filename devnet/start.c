#include "devnet/start.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/event.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/shape.h"
#include "common/words.h"
#include "devnet/loop.h"

enum { LOG_TAIL_MAX = 16384 };

const char *const start_anywhere[START_ANYWHERE + 1] = {"--listen", "/ip4/127.0.0.1/udp/0/quic-v1",
                                                        "--api", "127.0.0.1:0", NULL};

static const struct shape ready_shape[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                           {"listen", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                           {"api", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                           {"enr", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                           {0}};

/* A node that is being waited for. */
struct newcomer {
    struct starter *starter;
    struct devnet_node *node;
    const struct start_node *told; /* NULL: nothing of its own */
    bool again;                    /* it has been up before: what it wrote is kept */
    char *output;                  /* the path of events.jsonl */
    off_t written;                 /* bytes that were there before */
    int watch;                     /* on it */
    struct event *ended;
    int ended_fd;
    bool ready;
};

struct starter {
    struct loop loop;
    struct devnet *devnet;
    const struct start_options *options;
    struct newcomer *newcomers;
    size_t count, ready;
    int inotify;
    const struct devnet_node *culprit;
    bool failed;
    struct error *error;
};

static void fail(struct starter *starter, const struct devnet_node *culprit)
{
    starter->failed = true;
    starter->culprit = culprit;
    event_base_loopbreak(starter->loop.base);
}

/* What it said when it was up before. */
static void forget_ready(struct devnet_node *node)
{
    free(node->peer_id);
    free(node->api);
    free(node->enr);
    for (size_t i = 0; i < node->listen_count; i++)
        free(node->listen[i]);
    free(node->listen);
}

/* The argument that OPTION takes its value from at *ARGUMENT: itself or the next; NULL: none.
 * PREFIX becomes what stands before the value. */
static char **find_value(char **argument, const char *option, const char *letter, size_t *prefix)
{
    size_t length = strlen(option);
    bool next = strcmp(*argument, option) == 0 || strcmp(*argument, letter) == 0;
    bool same = strncmp(*argument, option, length) == 0 && (*argument)[length] == '=';
    *prefix = same ? length + 1 : 0;
    return same ? argument : next && argument[1] != NULL ? argument + 1 : NULL;
}

static void pin(char **argument, size_t prefix, const char *value, size_t size)
{
    char *pinned = text_format("%.*s%.*s", (int)prefix, *argument, (int)size, value);
    free(*argument);
    *argument = pinned;
}

/* Ports that were any free ones are its own from now on: it is found where it was. */
static void pin_arguments(struct devnet_node *node)
{
    size_t prefix, listening = 0;
    for (char **at = node->arguments; at != NULL && *at != NULL; at++) {
        char **listen = find_value(at, "--listen", "-l", &prefix);
        if (listen != NULL && listening < node->listen_count) {
            const char *place = node->listen[listening++], *id = strstr(place, "/p2p/");
            if (strstr(*listen, "/udp/0/") != NULL && id != NULL)
                pin(listen, prefix, place, (size_t)(id - place));
        }
        char **api = find_value(at, "--api", "-a", &prefix);
        size_t length = api != NULL ? strlen(*api) : 0;
        if (length > 2 && strcmp(*api + length - 2, ":0") == 0 &&
            strncmp(node->api, "http://", 7) == 0)
            pin(api, prefix, node->api + 7, strlen(node->api + 7));
    }
}

static bool take_ready(struct newcomer *newcomer, const json_t *event, struct error *error)
{
    if (!shape_check(event, ready_shape, error))
        return error_prefix(error, "%s: its ready line", newcomer->node->name);
    struct devnet_node *node = newcomer->node;
    const json_t *listen = json_object_get(event, "listen"), *enr = json_object_get(event, "enr");
    if (json_array_size(listen) == 0)
        return error_set(error, "%s listens nowhere", node->name);
    forget_ready(node);
    node->peer_id = text_copy(json_string_value(json_object_get(event, "peer_id")));
    node->api = text_copy(json_string_value(json_object_get(event, "api")));
    node->enr = json_is_string(enr) ? text_copy(json_string_value(enr)) : NULL;
    node->listen_count = json_array_size(listen);
    node->listen = memory_new((node->listen_count + 1) * sizeof(*node->listen));
    for (size_t i = 0; i < node->listen_count; i++)
        node->listen[i] = text_copy(json_string_value(json_array_get(listen, i)));
    pin_arguments(node);
    return true;
}

/* Looks for the ready line among what the node has printed so far. */
static void look(struct newcomer *newcomer)
{
    struct starter *starter = newcomer->starter;
    char *text = memory_new(READY_LINE_MAX + 1);
    int fd = open(newcomer->output, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? pread(fd, text, READY_LINE_MAX, newcomer->written) : -1;
    if (fd >= 0)
        close(fd);
    char *rest = size > 0 ? text : NULL, *end;
    for (; !newcomer->ready && rest && (end = strchr(rest, '\n')) != NULL; rest = end + 1) {
        json_t *event = json_loadb(rest, (size_t)(end - rest), 0, NULL);
        const char *name = json_string_value(json_object_get(event, "event"));
        if (name != NULL && strcmp(name, "ready") == 0) {
            newcomer->ready = true;
            starter->ready++;
            if (!take_ready(newcomer, event, starter->error))
                fail(starter, newcomer->node);
        }
        json_decref(event);
    }
    free(text);
    if (starter->ready == starter->count)
        event_base_loopbreak(starter->loop.base);
}

static void output_changed(evutil_socket_t fd, short events, void *argument)
{
    (void)events;
    struct starter *starter = argument;
    union {
        char bytes[4096];
        struct inotify_event event;
    } buffer;
    ssize_t size = read(fd, buffer.bytes, sizeof(buffer.bytes));
    for (ssize_t at = 0; at < size && !starter->failed;) {
        const struct inotify_event *event = (const struct inotify_event *)(buffer.bytes + at);
        for (size_t i = 0; i < starter->count; i++)
            if (starter->newcomers[i].watch == event->wd && !starter->newcomers[i].ready)
                look(&starter->newcomers[i]);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}

static void node_ended(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct newcomer *newcomer = argument;
    int status = 0;
    /* Its id stays the node's: that says that it has run, and the time of its start that it does
     * not any more. */
    waitpid(newcomer->node->process.pid, &status, 0);
    const char *when = newcomer->ready ? "while others were starting" : "before it was ready";
    if (WIFSIGNALED(status))
        error_set(newcomer->starter->error, "%s was killed by signal %d %s", newcomer->node->name,
                  WTERMSIG(status), when);
    else
        error_set(newcomer->starter->error, "%s ended with exit status %d %s", newcomer->node->name,
                  WEXITSTATUS(status), when);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2 && !newcomer->ready)
        *newcomer->starter->options->refused = true;
    event_del(newcomer->ended);
    fail(newcomer->starter, newcomer->node);
}

static void too_late(evutil_socket_t fd, short events, void *argument)
{
    (void)fd;
    (void)events;
    struct starter *starter = argument;
    for (size_t i = 0; i < starter->count; i++) {
        if (!starter->newcomers[i].ready) {
            error_set(starter->error, "%s was not ready within %g s",
                      starter->newcomers[i].node->name,
                      (double)starter->options->timeout_ms / 1000);
            fail(starter, starter->newcomers[i].node);
            return;
        }
    }
}

static bool make_files(struct newcomer *newcomer, const char *qlog, struct error *error)
{
    if (!file_make_folder(qlog, error))
        return false;
    if (!newcomer->again)
        file_empty_folder(qlog); /* of what an earlier devnet left */
    int fd = open(newcomer->output,
                  O_WRONLY | O_CREAT | O_CLOEXEC | (newcomer->again ? 0 : O_TRUNC), 0666);
    if (fd < 0)
        return error_set_kind(error, ERROR_SYSTEM, "%s: %s", newcomer->output, strerror(errno));
    newcomer->written = lseek(fd, 0, SEEK_END);
    close(fd);
    newcomer->watch = inotify_add_watch(newcomer->starter->inotify, newcomer->output, IN_MODIFY);
    return newcomer->watch >= 0 || error_set_kind(error, ERROR_SYSTEM, "%s: cannot watch it: %s",
                                                  newcomer->output, strerror(errno));
}

const char *start_qlog_limit(char *const *arguments)
{
    const char *limit = START_QLOG_LIMIT;
    for (; arguments != NULL && *arguments != NULL; arguments++) {
        const char *said = words_option(arguments[0], arguments[1], "--qlog-limit", NULL);
        limit = said != NULL ? said : limit;
    }
    return limit;
}

static bool check_option(const char *word, const char *next, struct error *error)
{
    static const struct {
        const char *name, *letter;
    } keys[] = {{"--key", "-k"}, {"--key-hex", NULL}, {"--node-key", NULL}};
    const char *api = words_option(word, next, "--api", "-a");
    if (api != NULL && strcmp(api, "off") == 0)
        return error_set(error, "--api off: a node of a devnet is asked by its API");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (words_option(word, next, keys[i].name, keys[i].letter) != NULL)
            return error_set(error,
                             "%s: a node of a devnet has a key of its own, DIR/NAME/key, which may "
                             "be there before",
                             keys[i].name);
    return true;
}

bool start_options_check(char *const *arguments, size_t count, struct error *error)
{
    if (count > 0 && arguments[0][0] != '-')
        return error_set(error, "%s: options for the nodes begin with --", arguments[0]);
    for (size_t i = 0; i < count; i++)
        if (!check_option(arguments[i], i + 1 < count ? arguments[i + 1] : NULL, error))
            return false;
    return true;
}

/* What starts it, from here. */
static void note_arguments(const struct newcomer *newcomer, const char *qlog)
{
    const struct starter *starter = newcomer->starter;
    const struct start_options *options = starter->options;
    struct devnet_node *node = newcomer->node;
    char *key = devnet_path(starter->devnet, node->name, "key");
    const struct start_node *told = newcomer->told;
    const char *own[] = {options->program, "--key", told != NULL ? told->key : key,
                         "--qlog",         qlog,    "--qlog-limit",
                         START_QLOG_LIMIT};
    size_t count = sizeof(own) / sizeof(*own),
           told_count = told != NULL ? told->argument_count : START_ANYWHERE;
    const char **arguments =
        memory_new((count + told_count + options->argument_count + 1) * sizeof(char *));
    memcpy(arguments, own, sizeof(own));
    memcpy(arguments + count, told != NULL ? (const void *)told->arguments : start_anywhere,
           told_count * sizeof(char *));
    for (size_t i = 0; i < options->argument_count; i++)
        arguments[count + told_count + i] = options->arguments[i];
    node->arguments = words_copy((char *const *)(uintptr_t)arguments);
    node->place = getcwd(NULL, 0);
    free(arguments);
    free(key);
}

static bool spawn(struct newcomer *newcomer)
{
    const struct starter *starter = newcomer->starter;
    struct devnet_node *node = newcomer->node;
    char *log = devnet_path(starter->devnet, node->name, "log");
    const struct process_files files = {
        .output = newcomer->output, .log = log, .keep = newcomer->again, .place = node->place};
    struct process process = {0};
    bool started = process_start(node->arguments, &files, &process, starter->error);
    node->stopped &= !started;
    if (started) { /* otherwise it is what became of it before */
        node->process = process;
        devnet_write_pid(starter->devnet, node);
    }
    free(log);
    return started;
}

static bool start_one(struct newcomer *newcomer)
{
    struct starter *starter = newcomer->starter;
    newcomer->output = devnet_path(starter->devnet, newcomer->node->name, "events.jsonl");
    char *qlog = devnet_path(starter->devnet, newcomer->node->name, "qlog");
    if (!newcomer->again)
        note_arguments(newcomer, qlog);
    bool started = make_files(newcomer, qlog, starter->error) && spawn(newcomer);
    free(qlog);
    if (!started || !devnet_save(starter->devnet, starter->error))
        return false;
    /* Our child, so it can be opened even when it has ended. */
    newcomer->ended_fd = pidfd_open(newcomer->node->process.pid, 0);
    newcomer->ended =
        event_new(starter->loop.base, newcomer->ended_fd, EV_READ, node_ended, newcomer);
    event_arm(newcomer->ended, NULL);
    return true;
}

/* NODES run that are there already; NULL: new ones are added. */
static bool start_all(struct starter *starter, struct devnet_node *const *nodes)
{
    starter->newcomers = memory_new(starter->count * sizeof(*starter->newcomers) + 1);
    const struct start_node *told = nodes == NULL ? starter->options->nodes : NULL;
    size_t first = starter->devnet->count;
    for (size_t i = 0; nodes == NULL && i < starter->count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node%zu", i + 1);
        devnet_add(starter->devnet, told != NULL ? told[i].name : name);
    }
    for (size_t i = 0; i < starter->count; i++) {
        struct newcomer *newcomer = &starter->newcomers[i];
        newcomer->starter = starter;
        newcomer->told = told != NULL ? &told[i] : NULL;
        newcomer->again = nodes != NULL;
        newcomer->node = nodes != NULL ? nodes[i] : &starter->devnet->nodes[first + i];
        newcomer->ended_fd = -1;
        if (!start_one(newcomer))
            return false;
    }
    return true;
}

static void wait_for_all(struct starter *starter)
{
    struct event *output = event_new(starter->loop.base, starter->inotify, EV_READ | EV_PERSIST,
                                     output_changed, starter);
    struct event *deadline = evtimer_new(starter->loop.base, too_late, starter);
    event_arm(output, NULL);
    event_arm(deadline, &(struct timeval){.tv_sec = (time_t)(starter->options->timeout_ms / 1000),
                                          .tv_usec = (starter->options->timeout_ms % 1000) * 1000});
    if (!loop_run(&starter->loop)) {
        starter->failed = true;
        error_set(starter->error, "interrupted");
    }
    event_free(output);
    event_free(deadline);
}

static void starter_clear(struct starter *starter)
{
    for (size_t i = 0; i < starter->count; i++) {
        struct newcomer *newcomer = &starter->newcomers[i];
        free(newcomer->output);
        if (newcomer->ended != NULL)
            event_free(newcomer->ended);
        if (newcomer->ended_fd > 0)
            close(newcomer->ended_fd);
    }
    free(starter->newcomers);
    close(starter->inotify);
    loop_clear(&starter->loop);
}

static bool start(struct devnet *devnet, struct devnet_node *const *nodes, size_t count,
                  const struct start_options *options, const struct devnet_node **culprit,
                  struct error *error)
{
    struct starter starter = {.devnet = devnet,
                              .options = options,
                              .count = count,
                              .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
                              .error = error};
    loop_init(&starter.loop);
    starter.failed = !start_all(&starter, nodes);
    if (!starter.failed)
        wait_for_all(&starter);
    starter_clear(&starter);
    *culprit = starter.culprit;
    return !starter.failed && devnet_save(devnet, error);
}

bool devnet_start(struct devnet *devnet, size_t count, const struct start_options *options,
                  const struct devnet_node **culprit, struct error *error)
{
    return start(devnet, NULL, count, options, culprit, error);
}

bool devnet_start_again(struct devnet *devnet, struct devnet_node *const *nodes, size_t count,
                        const struct start_options *options, const struct devnet_node **culprit,
                        struct error *error)
{
    return start(devnet, nodes, count, options, culprit, error);
}

/* Of the file NAME/FILE. */
static char *last_lines(const struct devnet *devnet, const char *name, const char *file,
                        size_t count)
{
    char *path = devnet_path(devnet, name, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    struct stat status;
    char *text = memory_new(LOG_TAIL_MAX + 1);
    if (fd < 0 || fstat(fd, &status) != 0)
        status.st_size = 0;
    off_t start = status.st_size > LOG_TAIL_MAX ? status.st_size - LOG_TAIL_MAX : 0;
    ssize_t size = fd >= 0 ? pread(fd, text, LOG_TAIL_MAX, start) : 0;
    if (fd >= 0)
        close(fd);
    size_t length = size > 0 ? (size_t)size : 0;
    while (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    char *line = text + length;
    for (size_t newlines = 0; line > text && newlines < count; line--)
        newlines += line[-1] == '\n';
    char *lines = text_copy(*line == '\n' ? line + 1 : line);
    free(text);
    return lines;
}

char *devnet_last_lines(const struct devnet *devnet, const char *name, size_t count)
{
    return last_lines(devnet, name, "log", count);
}

char *devnet_last_printed(const struct devnet *devnet, const char *name, size_t count)
{
    return last_lines(devnet, name, "events.jsonl", count);
}
