#include "cmd/mesh/mesh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/embed.h"
#include "common/log.h"
#include "common/output.h"
#include "common/page.h"
#include "common/utf8.h"
#include "net/mesh/dot.h"
#include "net/mesh/drawing.h"

EMBED(page_template, "cmd/mesh/graph.html")

/* NULL with the error set; *UNREACHABLE becomes how many nodes did not answer. */
static json_t *read_drawing(const struct mesh_options *options, const char *const *inputs,
                            size_t count, size_t *unreachable, struct error *error)
{
    json_t *before = NULL, *drawing = NULL;
    json_t *now = mesh_read(options, inputs, count, error);
    if (now != NULL && options->before != NULL)
        before = mesh_read(options, &options->before, 1, error);
    if (now != NULL && before == NULL && options->before != NULL)
        options_blame(error, "--before", options->before);
    if (now != NULL && (before != NULL || options->before == NULL))
        drawing = mesh_drawing(now, before, mesh_nobody_answered(now) ? NULL : options->topic,
                               error); /* nobody knows that topic, or another */
    if (drawing != NULL)
        *unreachable = mesh_warn_unreachable(now);
    json_decref(now);
    json_decref(before);
    return drawing;
}

static void print_dot(const json_t *drawing, bool connections)
{
    char *dot = mesh_dot(drawing, connections);
    fputs(dot, stdout);
    free(dot);
}

static bool write_page(const json_t *drawing, const char *path)
{
    struct error error;
    bool written = page_write(path, page_template(), "Gossip mesh", drawing, &error);
    if (!written)
        mesh_tell_unwritten("--html", path, errno, &error);
    return written;
}

int mesh_graph_command(const struct mesh_options *options, const char *const *inputs, size_t count)
{
    struct error error;
    size_t unreachable = 0;
    json_t *drawing = read_drawing(options, inputs, count, &unreachable, &error);
    if (drawing == NULL) {
        char *safe = utf8_safe_text(bytes_of_text(error.text)); /* topics are what nodes say */
        log_error("%s", safe);
        free(safe);
        return MESH_TROUBLE;
    }
    bool drawn = options->html == NULL || write_page(drawing, options->html);
    if (drawn && options->json)
        output_json(drawing);
    else if (drawn && (options->dot || options->html == NULL))
        print_dot(drawing, options->connections);
    json_decref(drawing);
    if (!output_end(&error)) {
        log_error("%s", error.text);
        drawn = false;
    }
    return !drawn ? MESH_TROUBLE : unreachable > 0 ? MESH_UNREACHABLE : 0;
}
