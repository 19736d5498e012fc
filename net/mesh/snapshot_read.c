/* What a snapshot must look like to be read. */
#include <string.h>

#include "common/file.h"
#include "common/utf8.h"
#include "net/mesh/snapshot_parts.h"

const char snapshot_format[] = "devnet-mesh-snapshot";

static const struct shape checkpoint[] = {
    {"root", SHAPE_STRING, SHAPE_REQUIRED, NULL}, {"slot", SHAPE_WHOLE, SHAPE_REQUIRED, NULL}, {0}};
static const struct shape status[] = {{"finalized", SHAPE_OBJECT, SHAPE_REQUIRED, checkpoint},
                                      {"head", SHAPE_OBJECT, SHAPE_REQUIRED, checkpoint},
                                      {0}};
static const struct shape backoff[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL}, {0}};
static const struct shape topic[] = {{"subscribed", SHAPE_BOOLEAN, SHAPE_REQUIRED, NULL},
                                     {"mesh", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                     {"subscribers", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                     {"fanout", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
                                     {"backoff", SHAPE_OBJECTS, SHAPE_OPTIONAL, backoff},
                                     {0}};
static const struct shape connection[] = {{"id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"direction", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"remote", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {0}};
static const struct shape outbound_stream[] = {{"state", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                               {"connection", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                               {"stream_id", SHAPE_INTEGER, SHAPE_OPTIONAL, NULL},
                                               {0}};
static const struct shape inbound_stream[] = {{"connection", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                              {"stream_id", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                              {0}};
static const struct shape peer[] = {
    {"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
    {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
    {"key_type", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
    {"protocols", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
    {"subscriptions", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
    {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, status},
    {"connections", SHAPE_OBJECTS, SHAPE_REQUIRED, connection},
    {"outbound_stream", SHAPE_OBJECT, SHAPE_OPTIONAL, outbound_stream},
    {"inbound_streams", SHAPE_OBJECTS, SHAPE_REQUIRED, inbound_stream},
    {0}};
static const struct shape gossipsub[] = {{"d_low", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                         {"d_high", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                         {"d_lazy", SHAPE_INTEGER, SHAPE_OPTIONAL, NULL},
                                         {0}};
const struct shape snapshot_node_shape[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                            {"name", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                            {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                            {"network", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                            {"gossipsub", SHAPE_OBJECT, SHAPE_OPTIONAL, gossipsub},
                                            {"listen", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                            {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, status},
                                            {"topics", SHAPE_MAP, SHAPE_REQUIRED, topic},
                                            {"peers", SHAPE_OBJECTS, SHAPE_REQUIRED, peer},
                                            {"sources", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                            {"volatile", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                            {0}};
static const struct shape foreign_topic[] = {{"subscribed", SHAPE_BOOLEAN, SHAPE_REQUIRED, NULL},
                                             {"has_visitor", SHAPE_BOOLEAN, SHAPE_REQUIRED, NULL},
                                             {0}};
static const struct shape visit_streams[] = {{"ours", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                             {"theirs", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                             {0}};
static const struct shape visit[] = {{"ended", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                     {"status", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                     {"streams", SHAPE_OBJECT, SHAPE_REQUIRED, visit_streams},
                                     {0}};
static const struct shape node_info[] = {{"name", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                         {"version", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                         {0}};
static const struct shape lean_identity[] = {{"version", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                             {"peer_id", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                             {0}};
static const struct shape lean_peer[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                         {"state", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                         {0}};
static const struct shape fork_choice[] = {{"head", SHAPE_OBJECT, SHAPE_REQUIRED, checkpoint},
                                           {"justified", SHAPE_OBJECT, SHAPE_REQUIRED, checkpoint},
                                           {"finalized", SHAPE_OBJECT, SHAPE_REQUIRED, checkpoint},
                                           {0}};
static const struct shape lean[] = {{"url", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                    {"health", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                    {"identity", SHAPE_OBJECT, SHAPE_OPTIONAL, lean_identity},
                                    {"peers", SHAPE_OBJECTS, SHAPE_OPTIONAL, lean_peer},
                                    {"fork_choice", SHAPE_OBJECT, SHAPE_OPTIONAL, fork_choice},
                                    {0}};
static const struct shape foreign[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                       {"key_type", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                       {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                       {"protocols", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                       {"listen", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                       {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, status},
                                       {"topics", SHAPE_MAP, SHAPE_REQUIRED, foreign_topic},
                                       {"visit", SHAPE_OBJECT, SHAPE_REQUIRED, visit},
                                       {"node_info", SHAPE_OBJECT, SHAPE_OPTIONAL, node_info},
                                       {"lean", SHAPE_OBJECT, SHAPE_OPTIONAL, lean},
                                       {"sources", SHAPE_OBJECT, SHAPE_REQUIRED, NULL},
                                       {"volatile", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                       {0}};
static const struct shape endpoint[] = {{"url", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                        {"node_info", SHAPE_OBJECT, SHAPE_OPTIONAL, node_info},
                                        {"lean", SHAPE_OBJECT, SHAPE_OPTIONAL, lean},
                                        {"sources", SHAPE_OBJECT, SHAPE_REQUIRED, NULL},
                                        {"volatile", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                        {0}};
static const struct shape unreachable[] = {{"api", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                           {"error", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                           {0}};
static const struct shape whole[] = {{"nodes", SHAPE_OBJECTS, SHAPE_REQUIRED, snapshot_node_shape},
                                     {"foreign", SHAPE_OBJECTS, SHAPE_OPTIONAL, foreign},
                                     {"endpoints", SHAPE_OBJECTS, SHAPE_OPTIONAL, endpoint},
                                     {"unreachable", SHAPE_OBJECTS, SHAPE_REQUIRED, unreachable},
                                     {"names", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                     {"paths", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
                                     {"stopped", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
                                     {0}};

static bool check_format(const json_t *snapshot, struct error *error)
{
    const char *format = json_string_value(json_object_get(snapshot, "format"));
    if (format == NULL || strcmp(format, snapshot_format) != 0)
        return error_set(error, "not a mesh snapshot: \"format\" is not \"%s\"", snapshot_format);
    const json_t *version = json_object_get(snapshot, "version");
    if (version == NULL)
        return error_set(error, "not a mesh snapshot: \"version\" is missing");
    if (!json_is_integer(version))
        return error_set(error, "not a mesh snapshot: \"version\": a whole number is expected");
    if (json_integer_value(version) != SNAPSHOT_VERSION)
        return error_set(error,
                         "version %" JSON_INTEGER_FORMAT
                         " of the snapshot format; this program reads version %d",
                         json_integer_value(version), SNAPSHOT_VERSION);
    return true;
}

static bool check_list(const json_t *snapshot, const char *name, const char *what,
                       struct error *error)
{
    const json_t *list = json_object_get(snapshot, name);
    if (json_array_size(list) > SNAPSHOT_NODES_MAX)
        return error_set(error, "more than %d %ss", SNAPSHOT_NODES_MAX, what);
    for (size_t i = 1; i < json_array_size(list); i++)
        if (snapshot_item_compare(json_array_get(list, i - 1), json_array_get(list, i)) == 0)
            return error_set(error, "%s %s is in it twice", what,
                             snapshot_item_name(json_array_get(list, i)));
    return true;
}

static bool check_lists(const json_t *snapshot, struct error *error)
{
    return check_list(snapshot, "nodes", "node", error) &&
           check_list(snapshot, "foreign", "foreign node", error) &&
           check_list(snapshot, "stopped", "stopped node", error) &&
           check_list(snapshot, "endpoints", "endpoint", error);
}

static json_t *load(struct bytes text, struct error *error)
{
    json_error_t problem;
    json_t *json = NULL;
    if (text.size > 0) /* of nothing jansson says that the arguments are wrong */
        json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &problem);
    if (json == NULL && text.size > 0)
        error_set(error, "not JSON: line %d, column %d: %s", problem.line, problem.column,
                  problem.text);
    else if (json == NULL)
        error_set(error, "not JSON: it is empty");
    return json;
}

json_t *snapshot_parse(struct bytes text, struct error *error)
{
    size_t mark = utf8_mark_size(text);
    json_t *snapshot = load(mark > 0 ? bytes_after(text, mark) : text, error);
    if (snapshot == NULL)
        return NULL;
    bool sound = check_format(snapshot, error) && shape_check(snapshot, whole, error);
    if (sound) {
        snapshot_sort_lists(snapshot);
        sound = check_lists(snapshot, error);
    }
    if (!sound) {
        json_decref(snapshot);
        snapshot = NULL;
    }
    return snapshot;
}

json_t *snapshot_read(const char *path, struct error *error)
{
    struct buffer text = {0};
    json_t *snapshot = NULL;
    if (file_read(path, SNAPSHOT_FILE_MAX, &text, error)) {
        snapshot = snapshot_parse(buffer_bytes(&text), error);
        if (snapshot == NULL)
            error_prefix(error, "%s", path);
    }
    buffer_clear(&text);
    return snapshot;
}
