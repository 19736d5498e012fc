#include "cmd/devnet/experiment_file.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/experiment_check.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/own_files.h"

/* ---- reading ---- */

static size_t index_of(const struct experiment *experiment, const char *name)
{
    const struct experiment_node *node = experiment_find(experiment, name);
    size_t before = 0;
    for (const struct experiment_node *other = experiment->nodes; other < node; other++)
        before += (other->with == NULL) == (node->with == NULL);
    return node->with == NULL ? before : experiment->own + before;
}

/* Those among ours where TO_OURS, or else the others. */
static void add_pairs(struct experiment_file *file, bool to_ours)
{
    const struct experiment *experiment = &file->experiment;
    for (size_t i = 0; i < experiment->pair_count; i++) {
        const struct experiment_pair *pair = &experiment->pairs[i];
        const struct wiring_pair ends = {index_of(experiment, pair->dialler),
                                         index_of(experiment, pair->listener)};
        if ((ends.listener < experiment->own) == to_ours)
            file->pairs[file->pair_count++] = ends;
    }
}

bool experiment_file_load(const char *path, struct experiment_file *file, struct error *error)
{
    *file = (struct experiment_file){0};
    bool sound = file_read(path, EXPERIMENT_SIZE_MAX, &file->text, error) &&
                 experiment_parse(path, buffer_bytes(&file->text), &file->experiment, error) &&
                 experiment_check_commands(&file->experiment, error);
    if (!sound) {
        experiment_file_clear(file);
        return false;
    }
    file->pairs = memory_new(file->experiment.pair_count * sizeof(*file->pairs) + 1);
    add_pairs(file, true);
    file->own_pairs = file->pair_count;
    add_pairs(file, false);
    return true;
}

void experiment_file_clear(struct experiment_file *file)
{
    experiment_clear(&file->experiment);
    buffer_clear(&file->text);
    free(file->pairs);
}

/* ---- what `up` makes of it ---- */

struct devnet_options experiment_file_options(const struct experiment_file *file,
                                              const struct devnet_options *options)
{
    const struct experiment *experiment = &file->experiment;
    struct devnet_options told = *options;
    told.from = file;
    told.nodes = experiment->own;
    told.connect = experiment->listed            ? "listed"
                   : experiment->connect != NULL ? experiment->connect
                                                 : options->connect;
    told.seed = experiment->seed;
    if (experiment->timeout_ms > 0 && !options->timeout_said)
        told.timeout = experiment->timeout_ms;
    told.partitionable = experiment->partitionable;
    told.tap = experiment->tap;
    told.paths.items = (const char **)(uintptr_t)experiment->paths;
    told.paths.count = words_count(experiment->paths);
    told.with.items = memory_new((experiment->count + 1) * sizeof(*told.with.items));
    told.with.count = 0;
    for (size_t i = 0; i < experiment->count; i++)
        if (experiment->nodes[i].with != NULL)
            told.with.items[told.with.count++] = experiment->nodes[i].with;
    return told;
}

static char **join_arguments(char *const *first, char *const *second, size_t *count)
{
    char *const *parts[] = {first, second};
    char **all = NULL;
    *count = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; parts[i] != NULL && parts[i][k] != NULL; k++) {
            all = memory_resize(all, (*count + 1) * sizeof(*all));
            all[(*count)++] = parts[i][k];
        }
    return all;
}

struct start_node *experiment_file_nodes(const struct experiment_file *file,
                                         const struct devnet *devnet)
{
    const struct experiment *experiment = &file->experiment;
    struct start_node *nodes = memory_new((experiment->own + 1) * sizeof(*nodes));
    size_t count = 0;
    for (size_t i = 0; i < experiment->count; i++) {
        const struct experiment_node *node = &experiment->nodes[i];
        if (node->with != NULL)
            continue;
        struct start_node *told = &nodes[count++];
        *told =
            (struct start_node){.name = node->name, .key = devnet_path(devnet, node->name, "key")};
        told->arguments = join_arguments((char *const *)(uintptr_t)start_anywhere, node->options,
                                         &told->argument_count);
    }
    return nodes;
}

void experiment_file_free_nodes(const struct experiment_file *file, struct start_node *nodes)
{
    for (size_t i = 0; nodes != NULL && i < file->experiment.own; i++) {
        free(nodes[i].key);
        free(nodes[i].arguments);
    }
    free(nodes);
}

bool experiment_file_keep(const struct experiment_file *file, const struct devnet *devnet,
                          struct error *error)
{
    char *path = devnet_path(devnet, DEVNET_EXPERIMENT_FILE, NULL);
    own_files_note_experiment(devnet);
    bool kept = file_write(path, buffer_bytes(&file->text), 0666, error);
    free(path);
    return kept;
}

bool devnet_check_folder(const struct devnet_options *options, const char *experiment,
                         struct error *error)
{
    struct devnet devnet;
    devnet_init(&devnet, options->folder);
    bool free_of_others = own_files_check(&devnet, experiment, error);
    devnet_clear(&devnet);
    return free_of_others;
}
