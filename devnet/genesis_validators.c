#include "devnet/genesis_validators.h"

#include <stdarg.h>
#include <stdio.h>
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

/* ---- validators.yaml, annotated_validators.yaml ---- */

/* Either of them, while it is read. */
struct assignment {
    struct genesis *genesis;
    const char *file;
    const struct yaml_tree *yaml;
    struct error *error;
    size_t strangers; /* names that are no node's */
    const char *stranger;
    yaml_item stranger_at; /* the first of them */
};

__attribute__((format(printf, 3, 4))) static void warn(const struct assignment *assignment,
                                                       yaml_item at, const char *format, ...)
{
    char what[256]; /* names are short, or cut */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    log_warn("%s/%s:%zu: %s", assignment->genesis->folder, assignment->file,
             yaml_line(assignment->yaml, at), what);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Each index once, in order. */
static size_t tidy(uint64_t *indices, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(indices, count, sizeof(*indices), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || indices[kept - 1] != indices[i])
            indices[kept++] = indices[i];
    return kept;
}

/* A number, or what has it for its `index`: ream's files have the latter under either name. */
static bool read_index(const struct assignment *assignment, const char *name, yaml_item entry,
                       uint64_t *index)
{
    yaml_item item = yaml_kind(assignment->yaml, entry) == YAML_MAP
                         ? yaml_find(assignment->yaml, entry, "index")
                         : entry;
    const char *text = yaml_text(assignment->yaml, item);
    return (text != NULL && number_read(text, index) && *index <= INT64_MAX) ||
           yaml_fault(assignment->yaml, item != 0 ? item : entry, assignment->error,
                      "%s: index: a validator's number is expected", name);
}

static bool read_indices(const struct assignment *assignment, const char *name, yaml_item list,
                         uint64_t *indices)
{
    for (size_t i = 0; i < yaml_count(assignment->yaml, list); i++)
        if (!read_index(assignment, name, yaml_at(assignment->yaml, list, i), &indices[i]))
            return false;
    return true;
}

static void warn_of_unknown(const struct assignment *assignment, const struct genesis_node *node,
                            yaml_item list)
{
    const struct genesis *genesis = assignment->genesis;
    size_t count = node->validator_count, keys = genesis->validators;
    uint64_t last = count > 0 ? node->validators[count - 1] : 0;
    if (count == 0)
        return;
    if (keys > 0 && last >= keys)
        warn(assignment, list, "%s has validator %llu, and config.yaml the keys of %zu", node->name,
             (unsigned long long)last, keys);
    else if (keys == 0 && genesis->has_total && last >= genesis->validator_total)
        warn(assignment, list, "%s has validator %llu, and config.yaml counts %llu", node->name,
             (unsigned long long)last, (unsigned long long)genesis->validator_total);
}

/* INDICES are taken over, and replace what the other file said. */
static void give(const struct assignment *assignment, struct genesis_node *node, yaml_item list,
                 uint64_t *indices, size_t count)
{
    bool differs = node->validators != NULL &&
                   (count != node->validator_count ||
                    memcmp(indices, node->validators, count * sizeof(*indices)) != 0);
    if (differs)
        warn(assignment, list, "%s has other validators here than in validators.yaml", node->name);
    free(node->validators);
    node->validators = indices;
    node->validator_count = count;
    warn_of_unknown(assignment, node, list);
}

static bool read_node(struct assignment *assignment, const char *name, yaml_item list)
{
    const struct yaml_tree *yaml = assignment->yaml;
    struct genesis_node *node = genesis_find(assignment->genesis, name);
    size_t count = yaml_count(yaml, list);
    if (yaml_kind(yaml, list) != YAML_LIST && !yaml_is_null(yaml, list))
        return yaml_fault(yaml, list, assignment->error, "%.80s: a list of validators is expected",
                          name);
    if (node == NULL) {
        if (assignment->strangers++ == 0)
            assignment->stranger = name, assignment->stranger_at = list;
        return true;
    }
    uint64_t *indices = memory_new((count + 1) * sizeof(*indices));
    if (!read_indices(assignment, node->name, list, indices)) {
        free(indices);
        return false;
    }
    give(assignment, node, list, indices, tidy(indices, count));
    return true;
}

static void warn_of_strangers(const struct assignment *assignment)
{
    if (assignment->strangers == 1)
        warn(assignment, assignment->stranger_at, "%.80s is none of the nodes",
             assignment->stranger);
    else if (assignment->strangers > 1)
        warn(assignment, assignment->stranger_at, "%.80s and %zu more are none of the nodes",
             assignment->stranger, assignment->strangers - 1);
}

/* Whether INNER, under `validators`, stands there for a map without nodes, and is not that of a
 * node of this name. */
static bool names_nobody(const struct assignment *assignment, yaml_item inner)
{
    bool empty =
        yaml_is_null(assignment->yaml, inner) || (yaml_kind(assignment->yaml, inner) == YAML_LIST &&
                                                  yaml_count(assignment->yaml, inner) == 0);
    return empty && genesis_find(assignment->genesis, "validators") == NULL;
}

bool genesis_read_assignment(struct genesis *genesis, const char *file,
                             const struct yaml_tree *yaml, struct error *error)
{
    struct assignment assignment = {.genesis = genesis, .file = file, .yaml = yaml, .error = error};
    yaml_item root = yaml_root(yaml), inner = yaml_find(yaml, root, "validators");
    yaml_item nodes = yaml_kind(yaml, inner) == YAML_MAP ? inner : root;
    if (names_nobody(&assignment, inner))
        return true;
    if (root != 0 && yaml_kind(yaml, nodes) != YAML_MAP)
        return yaml_fault(yaml, root, error, "the names of nodes are expected");
    for (size_t i = 0; i < yaml_count(yaml, nodes); i++)
        if (!read_node(&assignment, yaml_key_at(yaml, nodes, i), yaml_at(yaml, nodes, i)))
            return false;
    warn_of_strangers(&assignment);
    return true;
}

/* ---- all of it ---- */

struct owned {
    uint64_t index; /* first: what compare looks at */
    const struct genesis_node *node;
};

/* In the order of the indices. */
static struct owned *list_owned(const struct genesis *genesis, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < genesis->count; i++)
        *count += genesis->nodes[i].validator_count;
    struct owned *all = memory_new((*count + 1) * sizeof(*all)), *next = all;
    for (size_t i = 0; i < genesis->count; i++)
        for (size_t j = 0; j < genesis->nodes[i].validator_count; j++)
            *next++ = (struct owned){genesis->nodes[i].validators[j], &genesis->nodes[i]};
    if (*count > 0)
        qsort(all, *count, sizeof(*all), compare);
    return all;
}

void genesis_warn_of_shared_validators(const struct genesis *genesis)
{
    size_t count, shared = 0;
    struct owned *all = list_owned(genesis, &count);
    const struct owned *first = NULL;
    for (size_t i = 1; i < count; i++)
        if (all[i].index == all[i - 1].index && shared++ == 0)
            first = &all[i];
    if (first != NULL)
        log_warn("%s: %s and %s have validator %llu both%s", genesis->folder, first[-1].node->name,
                 first->node->name, (unsigned long long)first->index,
                 shared > 1 ? ", and it is not the only one" : "");
    free(all);
}
