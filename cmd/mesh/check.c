#include "cmd/mesh/mesh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/mesh/check.h"

enum { LOOK_AGAIN_MS = 100, NOT_ASKED_LISTED = 8 };

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void print_finding(const json_t *finding)
{
    const char *severity = text_of(finding, "severity");
    const char *topic = text_of(finding, "topic"), *node = text_of(finding, "node"),
               *peer = text_of(finding, "peer");
    enum output_colour colour = strcmp(severity, "error") == 0     ? COLOUR_RED
                                : strcmp(severity, "warning") == 0 ? COLOUR_YELLOW
                                                                   : COLOUR_DIM;
    printf("%s%s%s ", output_colour(stdout, colour), severity, output_colour_end(stdout));
    mesh_print_line("%s%s%s%s%s%s%s: %s", text_of(finding, "invariant"), topic ? " " : "",
                    topic ? topic : "", node ? ": " : "", node ? node : "", peer ? " -> " : "",
                    peer ? peer : "", text_of(finding, "message"));
}

static void print_explanation(const json_t *result, const char *invariant)
{
    json_int_t count =
        json_integer_value(json_object_get(json_object_get(result, "counts"), invariant));
    const char *explanation = text_of(json_object_get(result, "explanations"), invariant);
    if (count == 1)
        mesh_print_line("  (%s)", explanation);
    else
        mesh_print_line("  (%" JSON_INTEGER_FORMAT " of %s: %s)", count, invariant, explanation);
}

static void print_not_asked(const json_t *peers)
{
    size_t count = json_array_size(peers);
    char *names = text_copy("");
    for (size_t i = 0; i < count && i < NOT_ASKED_LISTED; i++) {
        char *longer = text_format("%s%s%s", names, i > 0 ? ", " : "",
                                   json_string_value(json_array_get(peers, i)));
        free(names);
        names = longer;
    }
    if (count > NOT_ASKED_LISTED)
        mesh_print_line("not asked, and known by what others tell alone: %s and %zu more", names,
                        count - NOT_ASKED_LISTED);
    else if (count > 0)
        mesh_print_line("not asked, and known by what others tell alone: %s", names);
    free(names);
}

/* The findings, and behind those of each kind why they matter. */
static void print_findings(const json_t *result)
{
    const json_t *findings = json_object_get(result, "findings");
    size_t index;
    const json_t *finding;
    json_array_foreach(findings, index, finding)
    {
        const char *invariant = text_of(finding, "invariant");
        const char *next = text_of(json_array_get(findings, index + 1), "invariant");
        print_finding(finding);
        if (next == NULL || strcmp(next, invariant) != 0)
            print_explanation(result, invariant);
    }
    print_not_asked(json_object_get(result, "not_asked"));
    json_int_t nodes = json_integer_value(json_object_get(result, "nodes"));
    json_int_t topics = json_integer_value(json_object_get(result, "topics"));
    json_int_t foreign = json_integer_value(json_object_get(result, "foreign"));
    json_int_t tapped = json_integer_value(json_object_get(result, "tapped"));
    printf("%s: %" JSON_INTEGER_FORMAT " node%s",
           json_is_true(json_object_get(result, "sound")) ? "sound" : "unsound", nodes,
           nodes == 1 ? "" : "s");
    if (tapped > 0)
        printf(" (%" JSON_INTEGER_FORMAT " known from a tap)", tapped);
    printf(", ");
    if (foreign > 0)
        printf("%" JSON_INTEGER_FORMAT " foreign, ", foreign);
    printf("%" JSON_INTEGER_FORMAT " topic%s\n", topics, topics == 1 ? "" : "s");
}

/* Of nobody nothing can be told: not that all is well, either. */
static bool has_nothing_to_check(const json_t *snapshot, const char *const *inputs, size_t count,
                                 struct error *error)
{
    size_t stopped = json_array_size(json_object_get(snapshot, "stopped"));
    if (!mesh_has_nothing_to_check(snapshot))
        return false;
    if (stopped > 0)
        error_set(error, "nothing to check: no node is up, and %zu %s stopped", stopped,
                  stopped == 1 ? "is" : "are");
    else
        error_set(error, "nothing to check: no node is in it");
    if (count == 1)
        error_prefix(error, "%s", inputs[0]);
    return true;
}

static json_t *look(const struct mesh_options *options, const char *const *inputs, size_t count,
                    struct error *error)
{
    json_t *snapshot = mesh_read(options, inputs, count, error);
    json_t *result = NULL;
    if (snapshot != NULL && !has_nothing_to_check(snapshot, inputs, count, error))
        result = mesh_check(snapshot);
    if (json_object_get(snapshot, "names") != NULL)
        json_object_set(result, "names", json_object_get(snapshot, "names"));
    json_decref(snapshot);
    return result;
}

int mesh_check_command(const struct mesh_options *options, const char *const *inputs, size_t count)
{
    uint64_t deadline = clock_now_ms() + options->wait;
    struct error error;
    json_t *result;
    for (;;) {
        result = look(options, inputs, count, &error);
        if (json_is_true(json_object_get(result, "sound")) || clock_now_ms() >= deadline)
            break;
        json_decref(result);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_AGAIN_MS * 1000000L}, NULL);
    }
    if (result == NULL) {
        log_error("%s", error.text);
        return MESH_TROUBLE;
    }
    if (options->json)
        output_json(result);
    else
        print_findings(result);
    int status = json_is_true(json_object_get(result, "sound")) ? MESH_SOUND : MESH_UNSOUND;
    json_decref(result);
    if (output_end(&error))
        return status;
    log_error("%s", error.text);
    return MESH_TROUBLE;
}
