#include "cmd/connect/report.h"

#include <stdio.h>
#include <string.h>

#include "common/output.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "?";
}

static void show_handshake(const json_t *step)
{
    printf("%s (%s), TLS %s %s %s, %s, round trip %.2f ms", text_of(step, "peer_id"),
           text_of(step, "key_type"), text_of(step, "tls_version"), text_of(step, "cipher"),
           text_of(step, "group"), text_of(step, "direction"),
           json_number_value(json_object_get(step, "rtt_ms")));
    if (json_is_true(json_object_get(step, "already_connected")))
        fputs("; was connected already, and answers", stdout);
}

static void show_checkpoint(const char *name, const json_t *status)
{
    const json_t *checkpoint = json_object_get(status, name);
    printf("%s %.10s slot %lld", name, text_of(checkpoint, "root"),
           (long long)json_integer_value(json_object_get(checkpoint, "slot")));
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
        fputs(note != NULL ? note : error, stdout);
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
    printf("%s%-6s%s %-10s slot %lld, proposer %lld, parent %.10s, root %s, %lld bytes%s%s\n",
           output_colour(stdout, COLOUR_GREEN), "ok", output_colour_end(stdout), "block",
           number_of(block, "slot"), number_of(block, "proposer"), text_of(block, "parent_root"),
           text_of(block, "root"), number_of(block, "size"), file != NULL ? ", " : "",
           file != NULL ? file : "");
    output_flush();
}

void report_result(const json_t *result)
{
    output_json(result);
}

void report_error(const char *target, const json_t *result)
{
    const char *error = json_string_value(json_object_get(result, "error"));
    if (error != NULL)
        fprintf(stderr, "devnet-connect: %s: %s\n", target, error);
}
