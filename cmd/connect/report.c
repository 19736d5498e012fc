#include "cmd/connect/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/output.h"
#include "net/address/names.h"
#include "net/api/status_json.h"

static struct names peer_names;

bool report_take_names(struct error *error)
{
    return names_add_environment(&peer_names, error);
}

void report_clear(void)
{
    names_clear(&peer_names);
}

void report_name_peer(json_t *object)
{
    names_add_peer(&peer_names, object);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "?";
}

/* "NAME (ID, NOTE)", as far as there are a name and a NOTE, which may be NULL. */
static void show_peer(const json_t *object, const char *note)
{
    const char *name = json_string_value(json_object_get(object, "peer_name"));
    if (name != NULL)
        printf("%s (", name);
    fputs(text_of(object, "peer_id"), stdout);
    if (note != NULL)
        printf("%s%s", name != NULL ? ", " : " (", note);
    if (name != NULL || note != NULL)
        putchar(')');
}

static void show_handshake(const json_t *step)
{
    show_peer(step, text_of(step, "key_type"));
    printf(", TLS %s %s %s, %s, round trip %.2f ms", text_of(step, "tls_version"),
           text_of(step, "cipher"), text_of(step, "group"), text_of(step, "direction"),
           json_number_value(json_object_get(step, "rtt_ms")));
    if (json_is_true(json_object_get(step, "already_connected")))
        fputs("; was connected already, and answers", stdout);
}

/* A number that a peer may say beyond what others are; TEXT, which has it. */
static const char *slot_of(const json_t *object, const char *key, char text[SLOT_TEXT_SIZE])
{
    slot_text(json_object_get(object, key), text);
    return text;
}

static void show_checkpoint(const char *name, const json_t *status)
{
    const json_t *checkpoint = json_object_get(status, name);
    char slot[SLOT_TEXT_SIZE];
    printf("%s %.10s slot %s", name, text_of(checkpoint, "root"),
           slot_of(checkpoint, "slot", slot));
}

static void show_status(const json_t *step)
{
    const json_t *received = json_object_get(step, "received");
    printf("we %s; theirs: ", text_of(step, "role"));
    show_checkpoint("finalized", received);
    printf(", ");
    show_checkpoint("head", received);
    const json_t *contradiction = json_object_get(step, "contradiction");
    if (contradiction != NULL)
        printf("; %s (ours: %s)", json_string_value(contradiction),
               text_of(json_object_get(json_object_get(step, "sent"), "finalized"), "root"));
}

static void show_identify(const json_t *step)
{
    printf("%s, %zu protocols", text_of(step, "agent"),
           json_array_size(json_object_get(step, "protocols")));
}

static void show_streams(const json_t *step)
{
    const json_t *outbound = json_object_get(step, "outbound");
    const json_t *inbound = json_object_get(step, "inbound");
    printf("ours %lld (%s), theirs %lld (%s)",
           (long long)json_integer_value(json_object_get(outbound, "stream_id")),
           text_of(outbound, "protocol"),
           (long long)json_integer_value(json_object_get(inbound, "stream_id")),
           text_of(inbound, "protocol"));
}

static void show_mesh(const json_t *step)
{
    const char *by = text_of(step, "grafted_by");
    printf("%s, grafted %s", text_of(step, "topic"),
           strcmp(by, "peer") == 0 ? "by the peer"
           : strcmp(by, "us") == 0 ? "by us"
                                   : "earlier");
}

static const struct {
    const char *name;
    void (*show)(const json_t *step);
} details[] = {
    {"handshake", show_handshake}, {"status", show_status}, {"identify", show_identify},
    {"streams", show_streams},     {"mesh", show_mesh},
};

static void show_details(const char *name, const json_t *step)
{
    const char *note = json_string_value(json_object_get(step, "note"));
    const char *error = json_string_value(json_object_get(step, "error"));
    if (note != NULL || error != NULL) {
        char *named = names_put_into(&peer_names, note != NULL ? note : error);
        fputs(named, stdout);
        free(named);
        return;
    }
    for (size_t i = 0; i < sizeof(details) / sizeof(*details); i++) {
        if (strcmp(details[i].name, name) == 0)
            details[i].show(step);
    }
}

void report_step(const json_t *step)
{
    const char *name = text_of(step, "step");
    bool ok = json_is_true(json_object_get(step, "ok"));
    bool passed_over = json_is_true(json_object_get(step, "not_spoken"));
    enum output_colour colour = !ok ? COLOUR_RED : passed_over ? COLOUR_YELLOW : COLOUR_GREEN;
    printf("%s%-6s%s %-10s %9.2f ms  ", output_colour(stdout, colour),
           !ok           ? "FAILED"
           : passed_over ? "passed"
                         : "ok",
           output_colour_end(stdout), name, json_number_value(json_object_get(step, "ms")));
    show_details(name, step);
    putchar('\n');
    output_flush();
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_number_value(json_object_get(object, key));
}

void report_block(const json_t *block)
{
    const char *file = json_string_value(json_object_get(block, "file"));
    char slot[SLOT_TEXT_SIZE], proposer[SLOT_TEXT_SIZE];
    printf("%s%-6s%s %-10s slot %s, proposer %s, parent %.10s, root %s, %lld bytes%s%s\n",
           output_colour(stdout, COLOUR_GREEN), "ok", output_colour_end(stdout), "block",
           slot_of(block, "slot", slot), slot_of(block, "proposer", proposer),
           text_of(block, "parent_root"), text_of(block, "root"), number_of(block, "size"),
           file != NULL ? ", " : "", file != NULL ? file : "");
    output_flush();
}

static void show_summary(const json_t *object)
{
    const json_t *slot = json_object_get(object, "slot");
    const json_t *block = json_object_get(object, "block");
    char text[SLOT_TEXT_SIZE];
    if (slot != NULL)
        printf(", slot %s", slot_of(object, "slot", text));
    if (block != NULL)
        printf(", proposer %s, parent %.10s", slot_of(block, "proposer", text),
               text_of(block, "parent_root"));
    if (slot != NULL)
        printf(", root %s", text_of(object, "root"));
}

static void show_beginning(const char *name, bool ok)
{
    printf("%s%-6s%s %-10s ", output_colour(stdout, ok ? COLOUR_GREEN : COLOUR_RED),
           ok ? "ok" : "FAILED", output_colour_end(stdout), name);
}

/* Its kind, or where it has none its topic. */
static const char *subject_of(const json_t *object)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    return kind != NULL && strcmp(kind, "other") != 0 ? kind : text_of(object, "topic");
}

void report_gossip(const json_t *event)
{
    const char *name = text_of(event, "event"), *reason = NULL;
    char slot[SLOT_TEXT_SIZE];
    if (strcmp(name, "message") == 0) {
        show_beginning("message", true);
        fputs(subject_of(event), stdout);
        show_summary(event);
        printf(", %lld bytes, sha256 %s", number_of(event, "size"), text_of(event, "sha256"));
    } else if (strcmp(name, "block_recorded") == 0) {
        show_beginning("recorded", true);
        printf("slot %s, %s", slot_of(event, "slot", slot), text_of(event, "file"));
    } else {
        bool refused = strcmp(name, "message_refused") == 0;
        reason = text_of(event, "reason");
        show_beginning(refused ? "message" : "recorded", false);
        printf("%s refused: %s", refused ? subject_of(event) : "message", reason);
    }
    fputs(", from ", stdout);
    show_peer(event, NULL);
    putchar('\n');
    output_flush();
}

void report_published(const json_t *published)
{
    bool acknowledged = json_is_true(json_object_get(published, "acknowledged"));
    long long receivers = number_of(published, "receivers");
    show_beginning("publish", acknowledged);
    fputs(subject_of(published), stdout);
    show_summary(published);
    printf(", %lld bytes, to %lld peer%s%s, id %s\n", number_of(published, "size"), receivers,
           receivers == 1 ? "" : "s", acknowledged ? ", acknowledged" : "",
           text_of(published, "id"));
    output_flush();
}

void report_line(const json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    puts(line);
    free(line);
    output_flush();
}

void report_result(const json_t *result)
{
    output_json(result);
}

/* By its address, or the peer id that this ends with; NULL where it has none. */
static const char *name_of_target(const char *target)
{
    static const char before_id[] = "/p2p/";
    const char *name = names_find(&peer_names, target), *id = strstr(target, before_id);
    return name == NULL && id != NULL ? names_find(&peer_names, id + strlen(before_id)) : name;
}

void report_error(const char *target, const json_t *result)
{
    const char *error = json_string_value(json_object_get(result, "error"));
    const char *name = name_of_target(target);
    if (error == NULL)
        return;
    char *named = names_put_into(&peer_names, error);
    fprintf(stderr, "devnet-connect: %s%s%s: %s\n", name != NULL ? name : "",
            name != NULL ? ", " : "", target, named);
    free(named);
}
