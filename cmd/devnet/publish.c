#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/embed.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/page.h"
#include "devnet/ask.h"
#include "devnet/ended.h"
#include "devnet/loop.h"
#include "devnet/publish.h"
#include "net/mesh/snapshot.h"

enum {
    PAYLOAD_MAX = 10 * 1024 * 1024,
    HURRY_MS = 1000,   /* for answers, once we are to end */
    BY_A_SIGNAL = 128, /* and its number: an exit status */
};

EMBED(page_template, "cmd/devnet/publish.html")

/* The bytes of the file TEXT, where there is one of that name, else TEXT itself. */
static bool read_payload(const struct devnet_options *options, const char *text,
                         struct buffer *payload)
{
    struct error error;
    struct stat about;
    if (text == NULL || stat(text, &about) != 0) {
        buffer_append_text(payload, text != NULL ? text : "");
        return true;
    }
    if (options->count > 1) {
        log_error("%s: a file is one message, and peers take it once: with --count give --size or "
                  "a text",
                  text);
        return false;
    }
    bool is_read = file_read(text, PAYLOAD_MAX, payload, &error);
    if (!is_read)
        log_error("%s", error.text);
    return is_read;
}

static bool check_payload(const struct devnet_options *options, const char *text)
{
    if ((text != NULL) == (options->size > 0)) {
        log_error("publish: give a FILE or TEXT, or --size, and not both");
        return false;
    }
    if (text != NULL && *text == '\0') {
        log_error("publish: the text is empty");
        return false;
    }
    return true;
}

static json_int_t duplicates_of(const json_t *snapshot, const char *peer_id)
{
    const json_t *answer = snapshot_find_item(json_object_get(snapshot, "nodes"), peer_id);
    const json_t *statistics = json_object_get(json_object_get(answer, "volatile"), "statistics");
    return json_integer_value(json_object_get(statistics, "duplicates"));
}

/* What nodes counted meanwhile, of other messages too. */
static void add_duplicates(json_t *report, const struct devnet *devnet, const json_t *before,
                           const json_t *after)
{
    size_t index;
    json_t *entry;
    json_int_t all = 0;
    json_array_foreach(json_object_get(report, "nodes"), index, entry)
    {
        const struct devnet_node *node =
            devnet_find(devnet, json_string_value(json_object_get(entry, "name")));
        json_int_t more =
            duplicates_of(after, node->peer_id) - duplicates_of(before, node->peer_id);
        json_object_set_new(entry, "duplicates", json_integer(more > 0 ? more : 0));
        all += more > 0 ? more : 0;
    }
    json_object_set_new(report, "duplicates", json_integer(all));
}

static json_int_t number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static void print_times(const json_t *object, json_int_t messages)
{
    const json_t *last = json_object_get(object, "last_ms"),
                 *hops = json_object_get(object, "hops");
    if (!json_is_real(last))
        return;
    if (messages > 1)
        printf(", first after %.2f ms, median %.2f ms",
               json_real_value(json_object_get(object, "first_ms")),
               json_real_value(json_object_get(object, "median_ms")));
    printf(", %s %.2f ms", messages > 1 ? "last" : "after", json_real_value(last));
    if (json_is_integer(hops))
        printf(", %" JSON_INTEGER_FORMAT " hop%s", json_integer_value(hops),
               json_integer_value(hops) == 1 ? "" : "s");
    printf(", %" JSON_INTEGER_FORMAT " duplicates", number_of(object, "duplicates"));
}

static void print_from(const json_t *from)
{
    const char *name, *separator = ", from ";
    const json_t *count;
    json_object_foreach((json_t *)from, name, count)
    {
        printf("%s%s", separator, name);
        separator = ", ";
    }
}

static void print_not_seen(const json_t *nodes)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(nodes, index, entry)
    {
        printf("%-8s not seen: it %s\n", json_string_value(json_object_get(entry, "name")),
               json_string_value(json_object_get(entry, "why")));
    }
}

static void print_report(const json_t *report)
{
    json_int_t messages = number_of(report, "messages");
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(report, "nodes"), index, entry)
    {
        bool all = number_of(entry, "got") == messages;
        printf("%-8s %s%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "%s",
               json_string_value(json_object_get(entry, "name")),
               output_colour(stdout, all ? COLOUR_GREEN : COLOUR_RED), number_of(entry, "got"),
               messages, output_colour_end(stdout));
        print_times(entry, messages);
        print_from(json_object_get(entry, "from"));
        printf("\n");
    }
    print_not_seen(json_object_get(report, "not_seen"));
    printf("%" JSON_INTEGER_FORMAT " message%s of %s on %s: %" JSON_INTEGER_FORMAT
           " of %" JSON_INTEGER_FORMAT " arrived",
           messages, messages == 1 ? "" : "s", json_string_value(json_object_get(report, "from")),
           json_string_value(json_object_get(report, "topic")), number_of(report, "arrived"),
           number_of(report, "expected"));
    print_times(report, number_of(report, "arrived"));
    printf("\n");
}

static void tell_incomplete(const struct devnet_options *options, const json_t *report)
{
    if (json_is_true(json_object_get(report, "interrupted")))
        log_error("interrupted: %" JSON_INTEGER_FORMAT " of %llu were published",
                  number_of(report, "messages"), (unsigned long long)options->count);
    else if (number_of(report, "expected") == 0)
        log_error("%s: no other node%s is subscribed to it",
                  json_string_value(json_object_get(report, "topic")),
                  json_array_size(json_object_get(report, "not_seen")) > 0 ? " that can be asked"
                                                                           : "");
}

static int tell(const struct devnet_options *options, const json_t *report)
{
    struct error error;
    json_int_t expected = number_of(report, "expected");
    if (options->json)
        output_json(report);
    else
        print_report(report);
    tell_incomplete(options, report);
    if (options->html != NULL &&
        !page_write(options->html, page_template(), "Propagation", report, &error)) {
        log_error("--html %s", error.text);
        return file_path_is_to_blame(errno) ? DEVNET_USAGE : DEVNET_FAILED;
    }
    bool everywhere = expected > 0 && number_of(report, "arrived") >= expected;
    return everywhere ? DEVNET_OK : DEVNET_FAILED;
}

/* A signal that comes by now waits until all is told. */
static int tell_whole(const struct devnet_options *options, const struct devnet *devnet,
                      json_t *report, const json_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
    bool hurry = loop_was_interrupted() && options->timeout > HURRY_MS;
    json_t *after = devnet_ask(devnet, hurry ? HURRY_MS : options->timeout);
    add_duplicates(report, devnet, before, after);
    int status = tell(options, report);
    json_decref(after);
    sigprocmask(SIG_UNBLOCK, &held, NULL);
    return loop_was_interrupted() ? BY_A_SIGNAL + loop_signal() : status;
}

static int publish(const struct devnet_options *options, const struct devnet *devnet,
                   struct publish_order *order, const char *topic)
{
    struct error error;
    json_t *before = devnet_ask(devnet, order->timeout_ms), *report = NULL;
    char *name = publish_topic(before, topic, &error);
    if (name == NULL) {
        log_error("%s", error.text);
        json_decref(before);
        return DEVNET_USAGE;
    }
    order->topic = name;
    loop_catch_signals();
    report = devnet_publish(devnet, before, order, &error);
    int status = DEVNET_FAILED;
    if (report != NULL) {
        status = tell_whole(options, devnet, report, before);
        json_decref(report);
    } else {
        log_error("%s: %s", order->origin->name, error.text);
    }
    json_decref(before);
    free(name);
    return status;
}

/* Whether NODE, called NAME, can be asked; otherwise it is said why not. */
static bool check_origin(const struct devnet *devnet, const struct devnet_node *node,
                         const char *name)
{
    char *names = devnet_names(devnet);
    bool good = false;
    if (devnet->count == 0)
        log_error("%s: no devnet is up in %s: `devnet up` starts one", name, devnet->folder);
    else if (node == NULL)
        log_error("%s: there is no such node: there are %s", name, names);
    else if (node->api == NULL)
        log_error("%s: it has no API of ours, and cannot be asked to publish", name);
    else if (node->stopped)
        log_error("%s is stopped: `devnet start %s`", name, name);
    else if (devnet_node_has_ended(node))
        log_error("%s ended by itself: `devnet start %s`", name, name);
    else if (node->paused)
        log_error("%s is paused: `devnet resume %s`", name, name);
    else
        good = true;
    free(names);
    return good;
}

/* Of the devnet that is up, the node of that name that has an API; NULL with a word on stderr. */
static const struct devnet_node *find_origin(struct devnet *devnet, const char *name)
{
    struct error error;
    if (!devnet_load(devnet, &error)) {
        log_error("%s", error.text);
        return NULL;
    }
    const struct devnet_node *node = devnet_find(devnet, name);
    return check_origin(devnet, node, name) ? node : NULL;
}

int devnet_publish_command(const struct devnet_options *options, char **operands, size_t count)
{
    const char *text = count > 2 ? operands[2] : NULL;
    struct devnet devnet;
    struct buffer payload = {0};
    if (!check_payload(options, text) || !read_payload(options, text, &payload)) {
        buffer_clear(&payload);
        return DEVNET_USAGE;
    }
    devnet_init(&devnet, options->folder);
    int status = DEVNET_USAGE;
    struct publish_order order = {.origin = find_origin(&devnet, operands[0]),
                                  .count = options->count,
                                  .rate = options->rate,
                                  .timeout_ms = options->timeout,
                                  .payload = buffer_bytes(&payload),
                                  .random_size = options->size};
    if (order.origin != NULL)
        devnet_note_command(&devnet, false);
    if (order.origin != NULL)
        status = publish(options, &devnet, &order, operands[1]);
    devnet_clear(&devnet);
    buffer_clear(&payload);
    return status;
}
