/*
 * The texts that people type: the first byte says which kind the rest is. What is accepted means
 * the same once it is written out; what is refused says why.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/memory.h"
#include "common/options.h"
#include "devnet/foreign.h"
#include "net/api/address.h"
#include "net/api/client.h"
#include "net/gossipsub/lean_topic.h"
#include "net/mesh/diff.h"
#include "net/mesh/ignore.h"
#include "net/mesh/target.h"
#include "net/protocols/status.h"
#include "net/relay/endpoint.h"
#include "net/relay/impairment.h"
#include "tests/fuzz/fuzz.h"

static void check_told(bool accepted, const struct error *error)
{
    require(accepted || error->text[0] != '\0');
}

/* --- Durations --- */

/* Milliseconds, as the digits before the unit say. */
static long double duration_of(const char *text)
{
    char *unit;
    long double number = strtold(text, &unit);
    return number * (strcmp(unit, "ms") == 0 ? 1 : strcmp(unit, "s") == 0 ? 1000 : 60000);
}

static void try_duration(const char *text)
{
    struct error error = {.text = ""};
    uint64_t milliseconds, again;
    if (!duration_parse(text, &milliseconds, &error)) {
        check_told(false, &error);
        return;
    }
    long double expected = duration_of(text), difference = expected - (long double)milliseconds;
    require(difference < 1e-3L + expected * 1e-15L && difference > -1e-3L - expected * 1e-15L);
    char *written = text_format("%" PRIu64 "ms", milliseconds);
    require(duration_parse(written, &again, &error) && again == milliseconds);
    free(written);
}

/* --- Addresses --- */

static void try_api_address(const char *text)
{
    struct api_address address, again;
    struct error error = {.text = ""};
    bool accepted = api_address_parse(text, &address);
    bool allowed = api_address_check(text, &again, &error);
    check_told(allowed, &error);
    require(!allowed || accepted);
    if (!accepted)
        return;
    require(allowed == api_address_is_loopback(&address));
    char *written = text_format("%s:%u", address.host, address.port);
    require(api_address_parse(written, &again));
    require(again.size == address.size && again.port == address.port &&
            memcmp(&again.socket, &address.socket, address.size) == 0);
    char *url = text_format("http://%s/", written);
    require(api_url_check(url, &error) == (address.port != 0));
    free(url);
    free(written);
}

static void try_api_url(const char *text)
{
    struct error error = {.text = ""};
    check_told(api_url_check(text, &error), &error);
}

/* Names would be looked up. */
static bool has_name(const char *text)
{
    return strstr(text, "dns") != NULL ||
           (*text != '/' && text[strspn(text, "0123456789abcdefABCDEF.:[]")] != '\0');
}

static void try_endpoint(const char *text)
{
    struct relay_endpoint endpoint, again;
    struct error error = {.text = ""};
    char written[RELAY_ENDPOINT_TEXT_SIZE];
    if (has_name(text))
        return;
    bool accepted = relay_endpoint_parse(text, &endpoint, &error);
    check_told(accepted, &error);
    if (!accepted)
        return;
    relay_endpoint_text(&endpoint, written);
    require(relay_endpoint_parse(written, &again, &error) && again.size == endpoint.size &&
            memcmp(&again.address, &endpoint.address, again.size) == 0);
}

static void try_target(const char *text)
{
    struct mesh_target target, again;
    struct error error = {.text = ""};
    bool accepted = mesh_target_parse(text, &target, &error);
    check_told(accepted, &error);
    if (accepted) {
        require((target.api != NULL) + (target.has_address || target.page != NULL) == 1);
        require(!target.has_address || node_address_looks_like(text));
        require(target.api == NULL || api_url_check(target.api, &error));
    }
    if (accepted && target.page != NULL) {
        require(mesh_target_parse(target.page, &again, &error) && again.api == NULL);
        require(target.page[mesh_target_page_path(target.page)] == '/');
        mesh_target_clear(&again);
    }
    mesh_target_clear(&target);
}

/* --- Rules --- */

static json_t *some_changes(void)
{
    static json_t *changes;
    if (changes == NULL)
        changes = json_loads(
            "[{\"change\":\"changed\",\"kind\":\"peer\",\"node\":\"A\",\"field\":\"agent\"},"
            "{\"change\":\"added\",\"kind\":\"mesh\",\"topic\":\"/a/b_1\",\"node\":\"A\"},"
            "{\"change\":\"removed\",\"kind\":\"mesh\",\"topic\":\"/a/b\",\"peer\":\"D\"}]",
            0, NULL);
    return changes;
}

/* What is left is some of what there was, in its order, and nothing more is ignored of that. */
static void try_rule(const char *text)
{
    struct error error = {.text = ""};
    bool accepted = mesh_ignore_check(text, &error);
    check_told(accepted, &error);
    if (!accepted)
        return;
    json_t *changes = some_changes(), *left = mesh_ignore(changes, &text, 1);
    json_t *twice = mesh_ignore(left, &text, 1);
    size_t next = 0, i;
    const json_t *change;
    json_array_foreach(changes, i, change)
    {
        next += json_array_get(left, next) == change;
    }
    require(next == json_array_size(left) && json_equal(left, twice));
    json_decref(left);
    json_decref(twice);
}

static void try_drop(const char *text)
{
    static const char *const names[] = {"client", "server"};
    struct impairment impairment = {0};
    struct error error = {.text = ""};
    bool accepted = impairment_add_drop(&impairment, text, &error);
    check_told(accepted, &error);
    require(impairment.drop_count == accepted);
    if (!accepted)
        return;
    const struct impairment_drop drop = impairment.drops[0];
    char *written = text_format("%s:%" PRIu64, names[drop.direction], drop.number);
    require(drop.number > 0 && impairment_add_drop(&impairment, written, &error));
    require(impairment.drops[1].direction == drop.direction &&
            impairment.drops[1].number == drop.number);
    require(impairment_decide(&impairment, drop.direction, drop.number).drop);
    free(written);
}

/* --- Names, topics, checkpoints, keys --- */

static void try_topic(const char *text)
{
    char topic[GOSSIPSUB_TOPIC_SIZE_MAX + 1], again[GOSSIPSUB_TOPIC_SIZE_MAX + 1];
    struct error error = {.text = ""};
    struct bytes network, name;
    bool accepted = lean_topic_write("devnet", text, topic, &error);
    check_told(accepted, &error);
    if (accepted) {
        require(strlen(topic) <= GOSSIPSUB_TOPIC_SIZE_MAX);
        require(lean_topic_read(topic, &network, &name));
        require(bytes_equal(network, bytes_of_text("devnet")));
        require(bytes_equal(name, bytes_of_text(text)));
    }
    if (!lean_topic_read(text, &network, &name) || strlen(text) > GOSSIPSUB_TOPIC_SIZE_MAX)
        return;
    char *first = text_format("%.*s", (int)network.size, (const char *)network.data);
    char *second = text_format("%.*s", (int)name.size, (const char *)name.data);
    require(lean_topic_write(first, second, again, &error) && strcmp(again, text) == 0);
    free(first);
    free(second);
}

static void try_checkpoint(const char *text)
{
    struct status_checkpoint checkpoint, again;
    struct error error = {.text = ""};
    char root[2 * STATUS_ROOT_SIZE + 1];
    bool accepted = status_checkpoint_parse(text, &checkpoint, &error);
    check_told(accepted, &error);
    if (!accepted)
        return;
    hex_write(bytes_of(checkpoint.root, STATUS_ROOT_SIZE), root);
    char *written = text_format("%s:%" PRIu64, root, checkpoint.slot);
    require(status_checkpoint_parse(written, &again, &error) && again.slot == checkpoint.slot &&
            memcmp(again.root, checkpoint.root, STATUS_ROOT_SIZE) == 0);
    free(written);
}

/* The name becomes a folder's. */
static void try_foreign(const char *text)
{
    struct error error = {.text = ""};
    char *name, *command;
    bool accepted = foreign_parse(text, &name, &command, &error);
    check_told(accepted, &error);
    if (!accepted)
        return;
    size_t length = strlen(name);
    require(length > 0 && length <= FOREIGN_NAME_MAX && strpbrk(name, "/.=") == NULL);
    require(*command != '\0' && strncmp(text, name, length) == 0 && text[length] == '=' &&
            strcmp(text + length + 1, command) == 0);
    free(name);
    free(command);
}

static void try_hex(const char *text)
{
    struct buffer bytes = {0}, again = {0};
    bool accepted = hex_read(text, &bytes);
    require(accepted || bytes.size == 0);
    char *written = hex_text(buffer_bytes(&bytes));
    require(hex_read(written, &again) && bytes_equal(buffer_bytes(&bytes), buffer_bytes(&again)));
    free(written);
    buffer_clear(&bytes);
    buffer_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(const char *text) = {
        try_duration, try_api_address, try_api_url,    try_endpoint, try_target, try_rule,
        try_drop,     try_topic,       try_checkpoint, try_foreign,  try_hex,
    };
    if (size == 0)
        return 0;
    char *text = text_format("%.*s", (int)(size - 1), (const char *)data + 1);
    kinds[data[0] % (sizeof(kinds) / sizeof(*kinds))](text);
    free(text);
    return 0;
}
