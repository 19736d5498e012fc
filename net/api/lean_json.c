#include "net/api/lean_json.h"

#include "net/api/status_json.h"

static const char no_root[] = "0x0000000000000000000000000000000000000000000000000000000000000000";

json_t *lean_health_json(void)
{
    return json_pack("{s:s, s:s}", "status", "healthy", "service", "lean-rpc-api");
}

/* Whose parent is not known. */
static json_t *block_json(const json_t *checkpoint)
{
    return json_pack("{s:O, s:O, s:s, s:i, s:i}", "root", json_object_get(checkpoint, "root"),
                     "slot", json_object_get(checkpoint, "slot"), "parent_root", no_root,
                     "proposer_index", 0, "weight", 0);
}

json_t *lean_fork_choice_json(const struct status *status, uint64_t validators)
{
    json_t *told = status_json(status), *nodes = json_array();
    const json_t *finalized = json_object_get(told, "finalized");
    const json_t *head = json_object_get(told, "head"), *root = json_object_get(head, "root");
    json_array_append_new(nodes, block_json(finalized));
    if (!json_equal(finalized, head))
        json_array_append_new(nodes, block_json(head));
    json_t *answer = json_pack("{s:o, s:O, s:O, s:O, s:O, s:I}", "nodes", nodes, "head", root,
                               "justified", finalized, "finalized", finalized, "safe_target", root,
                               "validator_count", (json_int_t)validators);
    json_decref(told);
    return answer;
}

json_t *lean_justified_json(const struct status *status)
{
    json_t *told = status_json(status);
    json_t *finalized = json_incref(json_object_get(told, "finalized"));
    json_decref(told);
    return finalized;
}
