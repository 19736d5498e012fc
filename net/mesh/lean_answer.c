#include "net/mesh/lean_answer.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/number.h"
#include "common/shape.h"
#include "common/utf8.h"
#include "net/address/peer_id.h"
#include "net/api/status_json.h"
#include "net/mesh/members.h"

enum { ROOT_DIGITS = 64 };

static const struct {
    const char *name, *path;
} routes[LEAN_ROUTES] = {
    [LEAN_HEALTH] = {"health", "/lean/v0/health"},
    [LEAN_IDENTITY] = {"identity", "/lean/v0/node/identity"},
    [LEAN_PEERS] = {"peers", "/lean/v0/node/peers"},
    [LEAN_FORK_CHOICE] = {"fork_choice", "/lean/v0/fork_choice"},
};

const char *lean_route_name(enum lean_route route)
{
    return routes[route].name;
}

const char *lean_route_path(enum lean_route route)
{
    return routes[route].path;
}

static json_t *refuse(struct error *error, const char *what)
{
    error_set(error, "%s", what);
    return NULL;
}

/* ---- values ---- */

/* JSON's texts are UTF-8 already, so that none is cut within a character: longer ones are refused.
 */
static bool is_short(const json_t *text)
{
    return json_string_length(text) <= LEAN_ANSWER_TEXT_MAX;
}

/* A number, or the digits of one; a new reference, NULL where it is none. Reals are what integers
 * become where one of them is beyond JSON's here (parse). */
static json_t *slot_of(const json_t *value)
{
    double real = json_real_value(value);
    uint64_t number;
    if (json_is_integer(value))
        return json_integer_value(value) >= 0 ? json_integer(json_integer_value(value)) : NULL;
    if (json_is_real(value) && real >= 0 && shape_is_whole(value))
        return real <= NUMBER_EXACT_MAX ? json_integer((json_int_t)real) : json_real(real);
    if (!json_is_string(value) || !number_read(json_string_value(value), &number))
        return NULL;
    return slot_json(number);
}

/* Puts the root, in lower case after 0x, into TEXT. */
static bool read_root(const json_t *value, char text[2 + ROOT_DIGITS + 1])
{
    const char *digits = json_string_value(value);
    if (digits == NULL)
        return false;
    if (strncasecmp(digits, "0x", 2) == 0)
        digits += 2;
    if (strlen(digits) != ROOT_DIGITS || strspn(digits, "0123456789abcdefABCDEF") != ROOT_DIGITS)
        return false;
    memcpy(text, "0x", 3);
    for (size_t i = 0; i <= ROOT_DIGITS; i++)
        text[2 + i] = (char)tolower((unsigned char)digits[i]);
    return true;
}

static json_t *checkpoint_of(const json_t *object)
{
    char root[2 + ROOT_DIGITS + 1];
    json_t *slot = slot_of(member(object, "slot"));
    if (slot != NULL && read_root(member(object, "root"), root))
        return json_pack("{s:s, s:o}", "root", root, "slot", slot);
    json_decref(slot);
    return NULL;
}

/* ---- routes ---- */

static json_t *read_health(const json_t *answer, struct error *error)
{
    json_t *status = member(answer, "status");
    if (!json_is_string(status) || !is_short(status))
        return refuse(error, "\"status\": a short text is expected");
    return json_incref(status);
}

static json_t *read_identity(const json_t *answer, struct error *error)
{
    const json_t *version = member(answer, "version"), *id = member(answer, "peer_id");
    struct peer_id peer_id;
    char text[PEER_ID_TEXT_SIZE];
    if (!json_is_object(answer) || (version == NULL && id == NULL))
        return refuse(error, "\"version\" or \"peer_id\" is expected");
    if (!is_short(version))
        return refuse(error, "\"version\": a short text is expected");
    if (json_is_string(id) && !peer_id_parse(json_string_value(id), &peer_id, error)) {
        error_prefix(error, "\"peer_id\"");
        return NULL;
    }
    if (json_is_string(id))
        peer_id_text(&peer_id, text);
    return json_pack("{s:s?, s:s?}", "version", json_string_value(version), "peer_id",
                     json_is_string(id) ? text : NULL);
}

/* The block that is the head: by its root among the nodes, where only that is told. */
static json_t *head_of(const json_t *answer, struct error *error)
{
    const json_t *head = member(answer, "head"), *node;
    char root[2 + ROOT_DIGITS + 1], other[2 + ROOT_DIGITS + 1];
    json_t *found = checkpoint_of(head);
    size_t index;
    if (found != NULL)
        return found;
    if (!read_root(head, root))
        return refuse(error, "\"head\": a root of 32 bytes is expected");
    json_array_foreach(member(answer, "nodes"), index, node)
    {
        if (!read_root(member(node, "root"), other) || strcmp(root, other) != 0)
            continue;
        found = checkpoint_of(node);
        return found != NULL ? found : refuse(error, "\"nodes\": the head's has no slot");
    }
    return refuse(error, "\"head\" is none of \"nodes\"");
}

static json_t *read_fork_choice(const json_t *answer, struct error *error)
{
    json_t *head = head_of(answer, error);
    json_t *justified = checkpoint_of(member(answer, "justified"));
    json_t *finalized = checkpoint_of(member(answer, "finalized"));
    json_t *choice = NULL;
    if (head != NULL && (justified == NULL || finalized == NULL))
        error_set(error, "\"%s\": a root of 32 bytes and a slot are expected",
                  justified == NULL ? "justified" : "finalized");
    else if (head != NULL)
        choice = json_pack("{s:O, s:O, s:O}", "head", head, "justified", justified, "finalized",
                           finalized);
    json_decref(head);
    json_decref(justified);
    json_decref(finalized);
    return choice;
}

/* ---- peers ---- */

static bool add_peer(json_t *peers, const char *id, const json_t *state, struct error *error)
{
    struct peer_id peer_id;
    char text[PEER_ID_TEXT_SIZE];
    size_t index = json_array_size(peers);
    if (id == NULL)
        return error_set(error, "peer %zu: a peer id is expected", index + 1);
    if (index >= LEAN_ANSWER_PEERS_MAX)
        return error_set(error, "more than %d peers", LEAN_ANSWER_PEERS_MAX);
    if (!peer_id_parse(id, &peer_id, error))
        return error_prefix(error, "peer %zu", index + 1);
    if (!is_short(state))
        return error_set(error, "peer %zu: its state is no short text", index + 1);
    peer_id_text(&peer_id, text);
    json_array_append_new(
        peers, json_pack("{s:s, s:s?}", "peer_id", text, "state", json_string_value(state)));
    return true;
}

/* The first of a peer's members that is there. */
static const json_t *id_of(const json_t *peer)
{
    const json_t *id = member(peer, "peer_id");
    return json_is_string(peer) ? peer : id != NULL ? id : member(peer, "id");
}

static bool add_listed(json_t *peers, const json_t *list, struct error *error)
{
    json_t *seen = json_object();
    bool sound = true;
    size_t index;
    const json_t *peer;
    json_array_foreach(list, index, peer)
    {
        const char *id = json_string_value(id_of(peer));
        if (id != NULL && json_object_get(seen, id) != NULL)
            sound = error_set(error, "peer %zu: it is listed twice", index + 1);
        else
            sound = add_peer(peers, id, member(peer, "state"), error);
        if (!sound)
            break;
        json_object_set_new(seen, id, json_true());
    }
    json_decref(seen);
    return sound;
}

static bool add_named(json_t *peers, const json_t *object, struct error *error)
{
    const char *id;
    json_t *peer;
    json_object_foreach((json_t *)object, id, peer)
    {
        const json_t *state = json_is_object(peer) ? member(peer, "state") : peer;
        if (!add_peer(peers, id, state, error))
            return false;
    }
    return true;
}

static json_t *read_peers(const json_t *answer, struct error *error)
{
    const json_t *data = member(answer, "data"), *inner = member(answer, "peers");
    const json_t *told = data != NULL ? data : inner != NULL ? inner : answer;
    json_t *peers = json_array();
    if (json_is_array(told) ? add_listed(peers, told, error)
        : json_is_object(told)
            ? add_named(peers, told, error)
            : error_set(error, "a list of peers, or an object by peer id, is expected"))
        return peers;
    json_decref(peers);
    return NULL;
}

bool lean_peer_is_connected(const json_t *peer)
{
    const char *state = text_member(peer, "state");
    return state == NULL || strcasecmp(state, "connected") == 0;
}

/* ---- all of them ---- */

/* Earlier versions of ream say so without JSON. */
static bool is_plain_health(enum lean_route route, struct bytes body)
{
    static const char healthy[] = "healthy";
    while (body.size > 0 && isspace(body.data[body.size - 1]))
        body.size--;
    return route == LEAN_HEALTH && body.size == strlen(healthy) &&
           memcmp(body.data, healthy, body.size) == 0;
}

/* A number of 64 bits may be larger than an integer of JSON's here, as a weight or an index that
 * nobody asks for: then all are reals. */
static json_t *parse(struct bytes body, struct error *error)
{
    json_error_t problem;
    size_t flags = JSON_REJECT_DUPLICATES;
    if (body.size == 0) { /* of nothing jansson says that the arguments are wrong */
        error_set(error, "not JSON: it is empty");
        return NULL;
    }
    json_t *answer = json_loadb((const char *)body.data, body.size, flags, &problem);
    if (answer == NULL && json_error_code(&problem) == json_error_numeric_overflow)
        answer = json_loadb((const char *)body.data, body.size, flags | JSON_DECODE_INT_AS_REAL,
                            &problem);
    if (answer != NULL)
        return answer;
    char *safe = utf8_safe_text(bytes_of_text(problem.text));
    error_set(error, "not JSON: line %d, column %d: %s", problem.line, problem.column, safe);
    free(safe);
    return NULL;
}

json_t *lean_answer_parse(enum lean_route route, struct bytes body, struct error *error)
{
    static json_t *(*const readers[LEAN_ROUTES])(const json_t *, struct error *) = {
        [LEAN_HEALTH] = read_health,
        [LEAN_IDENTITY] = read_identity,
        [LEAN_PEERS] = read_peers,
        [LEAN_FORK_CHOICE] = read_fork_choice,
    };
    if (body.size > LEAN_ANSWER_MAX) {
        error_set(error, "larger than %d MiB", LEAN_ANSWER_MAX / 1024 / 1024);
        return NULL;
    }
    if (is_plain_health(route, body))
        return json_string("healthy");
    json_t *answer = parse(body, error);
    if (answer == NULL)
        return NULL;
    json_t *told = readers[route](answer, error);
    json_decref(answer);
    return told;
}
