#include "devnet/genesis_validators.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/number.h"

enum { KEY_DIGITS = 104 }; /* of a public key: 52 bytes */

/* ---- config.yaml ---- */

static bool check_key(const struct yaml_tree *yaml, yaml_item item, const char *name,
                      struct error *error)
{
    const char *text = yaml_text(yaml, item);
    const char *digits = text != NULL && strncmp(text, "0x", 2) == 0 ? text + 2 : text;
    if (digits != NULL && strlen(digits) == KEY_DIGITS &&
        strspn(digits, "0123456789abcdefABCDEF") == KEY_DIGITS)
        return true;
    return yaml_fault(yaml, item, error,
                      "GENESIS_VALIDATORS: %s: %d hexadecimal digits are expected", name,
                      KEY_DIGITS);
}

/* By either name that clients use for it. */
static bool check_named(const struct yaml_tree *yaml, yaml_item entry, const char *name,
                        const char *other, struct error *error)
{
    yaml_item item = yaml_find(yaml, entry, name);
    if (item == 0)
        item = yaml_find(yaml, entry, other);
    return check_key(yaml, item != 0 ? item : entry, name, error);
}

/* Two keys or, as earlier files have it, one without a name. */
static bool check_entry(const struct yaml_tree *yaml, yaml_item entry, struct error *error)
{
    if (yaml_kind(yaml, entry) != YAML_MAP)
        return check_key(yaml, entry, "a validator's key", error);
    return check_named(yaml, entry, "attestation_pubkey", "attestation_public_key", error) &&
           check_named(yaml, entry, "proposal_pubkey", "proposal_public_key", error);
}

bool genesis_read_keys(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item list,
                       struct error *error)
{
    if (list == 0)
        return true;
    if (yaml_kind(yaml, list) != YAML_LIST)
        return yaml_fault(yaml, list, error, "GENESIS_VALIDATORS: a list is expected");
    for (size_t i = 0; i < yaml_count(yaml, list); i++)
        if (!check_entry(yaml, yaml_at(yaml, list, i), error))
            return false;
    genesis->validators = yaml_count(yaml, list);
    return true;
}

/* ---- annotated_validators.yaml ---- */

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Each index once. */
static void tidy(struct genesis_node *node)
{
    size_t kept = 0;
    if (node->validator_count > 0)
        qsort(node->validators, node->validator_count, sizeof(*node->validators), compare);
    for (size_t i = 0; i < node->validator_count; i++)
        if (kept == 0 || node->validators[kept - 1] != node->validators[i])
            node->validators[kept++] = node->validators[i];
    node->validator_count = kept;
}

static bool read_indices(struct genesis_node *node, const struct yaml_tree *yaml, yaml_item list,
                         struct error *error)
{
    size_t count = yaml_count(yaml, list);
    node->validators = memory_resize(node->validators, (count + 1) * sizeof(*node->validators));
    node->validator_count = 0;
    for (size_t i = 0; i < count; i++) {
        yaml_item entry = yaml_at(yaml, list, i), item = yaml_find(yaml, entry, "index");
        const char *text = yaml_text(yaml, item);
        uint64_t index;
        if (text == NULL || !number_read(text, &index) || index > INT64_MAX)
            return yaml_fault(yaml, item != 0 ? item : entry, error,
                              "%s: index: a validator's number is expected", node->name);
        node->validators[node->validator_count++] = index;
    }
    tidy(node);
    return true;
}

static void warn_of_unknown(const struct genesis *genesis, const struct genesis_node *node,
                            const struct yaml_tree *yaml, yaml_item list)
{
    size_t count = node->validator_count;
    uint64_t last = count > 0 ? node->validators[count - 1] : 0;
    if (genesis->validators > 0 && last >= genesis->validators)
        log_warn(
            "%s/annotated_validators.yaml:%zu: %s has validator %llu, and config.yaml the keys "
            "of %zu",
            genesis->folder, yaml_line(yaml, list), node->name, (unsigned long long)last,
            genesis->validators);
}

bool genesis_read_annotated(struct genesis *genesis, const struct yaml_tree *yaml,
                            struct error *error)
{
    yaml_item root = yaml_root(yaml);
    if (root != 0 && yaml_kind(yaml, root) != YAML_MAP)
        return yaml_fault(yaml, root, error, "the names of nodes are expected");
    for (size_t i = 0; i < yaml_count(yaml, root); i++) {
        const char *name = yaml_key_at(yaml, root, i);
        yaml_item list = yaml_at(yaml, root, i);
        struct genesis_node *node = genesis_find(genesis, name);
        if (yaml_kind(yaml, list) != YAML_LIST)
            return yaml_fault(yaml, list, error, "%.80s: a list of validators is expected", name);
        if (node == NULL) {
            log_warn("%s/annotated_validators.yaml:%zu: %.80s is none of the nodes",
                     genesis->folder, yaml_line(yaml, list), name);
            continue;
        }
        if (!read_indices(node, yaml, list, error))
            return false;
        warn_of_unknown(genesis, node, yaml, list);
    }
    return true;
}
