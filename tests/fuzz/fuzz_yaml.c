/*
 * The files of a genesis folder and an experiment: the first byte, 0 to 5, says which one the rest
 * is. What is accepted names nodes that can be dialled, or started; what is refused is told with
 * the file, and mostly with the line.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/yaml.h"
#include "devnet/experiment.h"
#include "devnet/genesis.h"
#include "tests/fuzz/fuzz.h"

static const char *const files[] = {"validator-config.yaml", "nodes.yaml", "config.yaml",
                                    "annotated_validators.yaml", "validators.yaml"};
enum { FILES = sizeof(files) / sizeof(*files) };

/* Whose validators the last two of them tell. */
static const char one_node[] =
    "validators: [{name: a, privkey: 1234567890123456789012345678901234567890"
    "123456789012345678901234, enrFields: {ip: 127.0.0.1, quic: 1}}]";

/* All that is in it can be looked at, to a depth. */
static size_t walk(const struct yaml_tree *yaml, yaml_item item, unsigned depth)
{
    size_t seen = 1;
    enum yaml_kind kind = yaml_kind(yaml, item);
    require(yaml_line(yaml, item) > 0);
    require(kind != YAML_TEXT || yaml_count(yaml, item) == 0);
    for (size_t i = 0; depth > 0 && i < yaml_count(yaml, item) && i < 16; i++) {
        if (kind == YAML_MAP && yaml_key_at(yaml, item, i)[0] != '\0')
            require(yaml_find(yaml, item, yaml_key_at(yaml, item, i)) == yaml_at(yaml, item, i));
        seen += walk(yaml, yaml_at(yaml, item, i), depth - 1);
    }
    return seen;
}

static void try_tree(struct bytes text)
{
    struct error error = {.text = ""};
    struct yaml_tree *yaml = yaml_tree_parse("text", text, &error);
    require(yaml != NULL || strncmp(error.text, "text:", 5) == 0);
    if (yaml != NULL)
        walk(yaml, yaml_root(yaml), 3);
    yaml_tree_free(yaml);
}

static void try_file(const char *file, struct bytes text)
{
    struct error error = {.text = ""};
    struct genesis genesis = {.folder = text_copy("/nowhere"), .committees = 1};
    struct devnet devnet;
    if (strcmp(file, files[3]) == 0 || strcmp(file, files[4]) == 0)
        require(genesis_take(&genesis, files[0], files[0], bytes_of_text(one_node), &error));
    bool accepted = genesis_take(&genesis, file, file, text, &error);
    require(accepted || strncmp(error.text, file, strlen(file)) == 0);
    devnet_init(&devnet, "/nowhere");
    if (accepted)
        genesis_add_to(&genesis, &devnet);
    for (size_t i = 0; i < devnet.count; i++)
        require(devnet.nodes[i].listen_count > 0 && devnet.nodes[i].of_genesis &&
                devnet_find(&devnet, devnet.nodes[i].name) == &devnet.nodes[i]);
    require(!accepted || (genesis.committees >= 1 && genesis.committees <= GENESIS_COMMITTEES_MAX));
    for (size_t i = 0; accepted && i < genesis.count; i++)
        for (size_t j = 1; j < genesis.nodes[i].validator_count; j++)
            require(genesis.nodes[i].validators[j - 1] < genesis.nodes[i].validators[j]);
    genesis_clear(&genesis);
    devnet_clear(&devnet);
}

static void check_steps(const struct experiment_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        require(steps->items[i].words[0] != NULL &&
                (i == 0 || steps->items[i].at_ms >= steps->items[i - 1].at_ms));
}

static void try_experiment(struct bytes text)
{
    struct error error = {.text = ""};
    struct experiment experiment;
    if (!experiment_parse("text", text, &experiment, &error)) {
        require(strncmp(error.text, "text:", 5) == 0);
        return;
    }
    require(experiment.own >= 1 && experiment.own <= experiment.count);
    for (size_t i = 0; i < experiment.count; i++)
        require(experiment_find(&experiment, experiment.nodes[i].name) == &experiment.nodes[i]);
    for (size_t i = 0; i < experiment.pair_count; i++)
        require(experiment_find(&experiment, experiment.pairs[i].dialler)->with == NULL &&
                experiment_find(&experiment, experiment.pairs[i].listener) != NULL);
    check_steps(&experiment.timeline);
    check_steps(&experiment.checks);
    experiment_clear(&experiment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    log_init("fuzz", LOG_ERROR, false);
    struct bytes text = bytes_of(data + 1, size - 1);
    try_tree(text);
    uint8_t file = (uint8_t)(data[0] - '0') % (FILES + 1);
    if (file == FILES)
        try_experiment(text);
    else
        try_file(files[file], text);
    return 0;
}
