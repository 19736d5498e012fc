/* devnet enr show, devnet enr make: node records (EIP-778), field by field. */
#include "cmd/devnet/devnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "devnet/genesis.h"
#include "net/address/enr_make.h"
#include "net/address/node_address.h"

/* ---- what a record says ---- */

static json_t *ip_json(int family, const void *bytes)
{
    char text[INET6_ADDRSTRLEN];
    return json_string(inet_ntop(family, bytes, text, sizeof(text)));
}

/* As `devnet enr make` takes it again; bytes of no known meaning in hexadecimal. */
static json_t *value_json(const struct enr *record, const char *key, struct bytes value)
{
    uint16_t port;
    struct bytes ip;
    if (enr_key_is_port(key) && enr_port(record, key, &port))
        return json_integer(port);
    if (strcmp(key, "ip") == 0 && enr_ip4(record, &ip))
        return ip_json(AF_INET, ip.data);
    if (strcmp(key, "ip6") == 0 && enr_ip6(record, &ip))
        return ip_json(AF_INET6, ip.data);
    if (strcmp(key, "id") == 0 && bytes_equal(value, bytes_of_text("v4")))
        return json_string("v4");
    if (strcmp(key, "is_aggregator") == 0 && value.size == 1 && value.data[0] <= 1)
        return json_boolean(value.data[0]);
    char *digits = hex_text(value), *text = text_format("0x%s", digits);
    json_t *json = json_string(text);
    free(text);
    free(digits);
    return json;
}

static json_t *fields_json(const struct enr *record)
{
    json_t *fields = json_object();
    struct bytes rest = enr_pairs(record), key, value;
    while (enr_next_pair(&rest, &key, &value)) {
        char *name = utf8_safe_text(key);
        json_object_set_new(fields, name, value_json(record, name, value));
        free(name);
    }
    return fields;
}

static void add_place(json_t *result, const struct enr *record)
{
    struct node_address address;
    json_t *addresses = json_array();
    uint8_t id[ENR_NODE_ID_SIZE];
    char text[MULTIADDR_TEXT_SIZE], digits[2 * ENR_NODE_ID_SIZE + 1];
    if (enr_node_id(record, id)) {
        hex_write(bytes_of(id, sizeof(id)), digits);
        json_object_set_new(result, "node_id", json_string(digits));
    }
    if (enr_peer_id(record, &address.at[0].peer_id)) {
        peer_id_text(&address.at[0].peer_id, text);
        json_object_set_new(result, "peer_id", json_string(text));
    }
    bool placed = node_address_of_enr(record, &address, NULL);
    for (size_t i = 0; placed && i < address.count; i++) {
        multiaddr_text(&address.at[i], text);
        json_array_append_new(addresses, json_string(text));
    }
    json_object_set_new(result, "multiaddrs", addresses);
}

/* JSON's numbers here have 63 bits: a larger one is a text. */
static json_t *number_json(uint64_t number)
{
    char digits[24];
    if (number <= INT64_MAX)
        return json_integer((json_int_t)number);
    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    return json_string(digits);
}

static json_t *record_json(const struct enr *record, const char *problem)
{
    char text[ENR_TEXT_SIZE];
    enr_text(record, text);
    json_t *result = json_pack("{s:s, s:o, s:b, s:s?, s:n, s:n, s:o}", "enr", text, "seq",
                               number_json(record->sequence), "verified", problem == NULL, "error",
                               problem, "node_id", "peer_id", "fields", fields_json(record));
    add_place(result, record);
    return result;
}

static void print_member(const json_t *result, const char *member, const char *title)
{
    const char *text = json_string_value(json_object_get(result, member));
    printf("%-11s %s\n", title, text != NULL ? text : "-");
}

/* A text as it is. */
static void print_value(const char *title, const json_t *value)
{
    char *text = json_is_string(value) ? text_copy(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY);
    printf("%s%s\n", title, text);
    free(text);
}

static void print_record(const json_t *result)
{
    size_t index;
    const char *key;
    json_t *value;
    print_value("sequence    ", json_object_get(result, "seq"));
    printf("signature   %s\n",
           json_is_true(json_object_get(result, "verified")) ? "right" : "not right");
    print_member(result, "node_id", "node id");
    print_member(result, "peer_id", "peer id");
    json_array_foreach(json_object_get(result, "multiaddrs"), index, value)
    {
        printf("multiaddr   %s\n", json_string_value(value));
    }
    json_object_foreach(json_object_get(result, "fields"), key, value)
    {
        printf("  %-9s ", key);
        print_value("", value);
    }
}

/* The record of a node that is up, where RECORD is its name. */
static char *find_record(const struct devnet_options *options, const char *record,
                         struct error *error)
{
    if (node_address_looks_like(record) && record[0] != '/')
        return text_copy(record);
    struct devnet devnet;
    devnet_init(&devnet, options->folder);
    char *found = NULL;
    if (genesis_load_devnet(options->genesis, &devnet, error)) {
        const struct devnet_node *node = devnet_find(&devnet, record);
        if (node != NULL && node->enr != NULL)
            found = text_copy(node->enr);
        else if (node != NULL)
            error_set(error, "%s: has no node record", record);
        else
            error_set(error, "%.64s: neither a node record (enr:...) nor a node in %s%s%s", record,
                      devnet.folder, options->genesis != NULL ? " or " : "",
                      options->genesis != NULL ? options->genesis : "");
    }
    devnet_clear(&devnet);
    return found;
}

static int show(const struct devnet_options *options, const char *operand)
{
    struct enr record;
    struct error error, problem;
    char *text = find_record(options, operand, &error);
    bool found = text != NULL && enr_parse(text, &record, &error);
    free(text);
    if (!found) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    bool verified = enr_verify(&record, &problem);
    json_t *result = record_json(&record, verified ? NULL : problem.text);
    if (options->json)
        output_json(result);
    else
        print_record(result);
    if (!verified)
        log_error("%s", problem.text);
    json_decref(result);
    return verified ? DEVNET_OK : DEVNET_FAILED;
}

/* ---- making one ---- */

static bool set_port(struct enr_draft *draft, const char *key, uint64_t port, struct error *error)
{
    return port == 0 || enr_draft_set_port(draft, key, port, error);
}

static bool set_places(struct enr_draft *draft, const struct devnet_options *options,
                       struct error *error)
{
    bool ip4 = options->ips.count == 0, ip6 = false;
    for (size_t i = 0; i < options->ips.count; i++) {
        bool colon = strchr(options->ips.items[i], ':') != NULL;
        if (!enr_draft_set_text(draft, colon ? "ip6" : "ip", options->ips.items[i], error))
            return error_prefix(error, "--ip");
        ip4 |= !colon;
        ip6 |= colon;
    }
    return ((!ip4 || set_port(draft, "quic", options->port, error)) &&
            (!ip6 || set_port(draft, "quic6", options->port, error)));
}

static bool set_pair(struct enr_draft *draft, const char *pair, struct error *error)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL)
        return error_set(error, "%s: expected KEY=VALUE", pair);
    char *key = text_format("%.*s", (int)(equals - pair), pair);
    bool set = enr_draft_set_text(draft, key, equals + 1, error);
    free(key);
    return set;
}

static bool make_record(const struct devnet_options *options, const struct identity *identity,
                        char **pairs, size_t count, struct enr *record, struct error *error)
{
    struct enr_draft draft = {.sequence = options->sequence};
    bool made = set_places(&draft, options, error);
    for (size_t i = 0; made && i < count; i++)
        made = set_pair(&draft, pairs[i], error);
    made = made && enr_draft_sign(&draft, identity, record, error);
    enr_draft_clear(&draft);
    return made;
}

static int make(const struct devnet_options *options, char **pairs, size_t count)
{
    struct error error;
    if (options->key == NULL) {
        log_error("enr make: --key FILE is missing: whose record it is");
        return DEVNET_USAGE;
    }
    struct identity *identity = devnet_load_key(options, options->key, &error);
    if (identity == NULL) {
        int code = errno;
        log_error("--key %s", error.text);
        return file_path_is_to_blame(code) ? DEVNET_USAGE : DEVNET_FAILED;
    }
    struct enr record;
    bool made = make_record(options, identity, pairs, count, &record, &error);
    identity_free(identity);
    if (!made) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    json_t *result = record_json(&record, NULL);
    if (options->json)
        output_json(result);
    else
        puts(json_string_value(json_object_get(result, "enr")));
    json_decref(result);
    return DEVNET_OK;
}

int devnet_enr_command(const struct devnet_options *options, const char *verb, char **operands,
                       size_t count)
{
    if (strcmp(verb, "make") == 0)
        return make(options, operands, count);
    if (count == 1)
        return show(options, operands[0]);
    log_error("enr show: one record is expected");
    return DEVNET_USAGE;
}
