#include <stdlib.h>
#include <string.h>

#include "net/mesh/lean_answer.h"
#include "net/mesh/links.h"
#include "net/mesh/snapshot.h"
#include "tests/fuzz/fuzz.h"

/* The first byte says of which route the rest is an answer. What is told of it fits a snapshot,
 * which is read again, and links nodes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    if (size == 0)
        return 0;
    enum lean_route route = data[0] % LEAN_ROUTES;
    json_t *told = lean_answer_parse(route, bytes_of(data + 1, size - 1), &error);
    if (told == NULL) {
        require(error.text[0] != '\0');
        return 0;
    }
    require(route != LEAN_PEERS || json_array_size(told) <= LEAN_ANSWER_PEERS_MAX);
    json_t *snapshot = snapshot_new(), *lean = json_object();
    json_object_set_new(lean, lean_route_name(route), told);
    snapshot_add_lean_endpoint(snapshot, "http://127.0.0.1:1", lean, NULL, NULL);
    char *text = snapshot_text(snapshot);
    json_t *again = snapshot_parse(bytes_of_text(text), &error);
    require(again != NULL && json_equal(snapshot, again));
    struct mesh_links links;
    mesh_links_init(&links, snapshot, again);
    mesh_links_clear(&links);
    free(text);
    json_decref(again);
    json_decref(lean);
    json_decref(snapshot);
    return 0;
}
