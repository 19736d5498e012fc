#include "devnet/experiment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/number.h"
#include "common/options.h"
#include "common/words.h"
#include "common/yaml.h"
#include "devnet/foreign.h"
#include "devnet/state.h"
#include "devnet/wiring.h"
#include "net/relay/path_rule.h"

enum {
    WORDS_SIZE_MAX = 2 * EXPERIMENT_SIZE_MAX, /* aliases may repeat what is in the file */
    STATUS_MAX = 255,
    TIMEOUT_MAX_MS = 600 * 1000, /* what the API of a node takes */
    TIME_MAX_MS = 24 * 3600 * 1000,
};

struct reader {
    const struct yaml_tree *yaml;
    struct experiment *experiment;
    size_t words_size, counted; /* nodes that are called by their number */
    const char *wait;           /* of the check of the mesh */
    struct error *error;
};

/* ---- values ---- */

/* NULL with the error set where it is no text, or an empty one. */
static const char *read_text(struct reader *reader, yaml_item item, const char *what)
{
    const char *text = yaml_text(reader->yaml, item);
    if (text != NULL && *text != '\0' && !yaml_is_null(reader->yaml, item))
        return text;
    yaml_fault(reader->yaml, item, reader->error, "%s: expected a text%s", what,
               yaml_kind(reader->yaml, item) == YAML_MAP
                   ? ", not a mapping; one that holds \": \" is to be quoted"
                   : "");
    return NULL;
}

static bool read_number(struct reader *reader, yaml_item item, const char *what, uint64_t minimum,
                        uint64_t maximum, uint64_t *number)
{
    const char *text = yaml_text(reader->yaml, item);
    if (text != NULL && number_read(text, number) && *number >= minimum && *number <= maximum)
        return true;
    return yaml_fault(reader->yaml, item, reader->error,
                      "%s: expected a number from %" PRIu64 " to %" PRIu64, what, minimum, maximum);
}

static bool read_duration(struct reader *reader, yaml_item item, const char *what, uint64_t maximum,
                          uint64_t *milliseconds)
{
    struct error why;
    const char *text = read_text(reader, item, what);
    if (text == NULL)
        return false;
    if (!duration_parse(text, milliseconds, &why))
        return yaml_fault(reader->yaml, item, reader->error, "%s: %s", what, why.text);
    return *milliseconds <= maximum ||
           yaml_fault(reader->yaml, item, reader->error,
                      "%s: '%s' is over the maximum of %" PRIu64 "s", what, text, maximum / 1000);
}

static bool read_truth(struct reader *reader, yaml_item item, const char *what, bool *truth)
{
    const char *text = yaml_text(reader->yaml, item);
    *truth = text != NULL && strcmp(text, "true") == 0;
    return *truth || (text != NULL && strcmp(text, "false") == 0) ||
           yaml_fault(reader->yaml, item, reader->error, "%s: expected true or false", what);
}

static bool count_words(struct reader *reader, yaml_item item, const char *what, char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        reader->words_size += strlen(words[i]) + 1;
    return reader->words_size <= WORDS_SIZE_MAX ||
           yaml_fault(reader->yaml, item, reader->error, "%s: aliases make it larger than %d bytes",
                      what, WORDS_SIZE_MAX);
}

/* A list of texts; NULL with the error set. */
static char **copy_words(struct reader *reader, yaml_item list, const char *what)
{
    size_t count = yaml_count(reader->yaml, list);
    char **words = memory_new((count + 1) * sizeof(*words));
    for (size_t i = 0; i < count; i++) {
        const char *word = yaml_text(reader->yaml, yaml_at(reader->yaml, list, i));
        if (word == NULL)
            yaml_fault(reader->yaml, yaml_at(reader->yaml, list, i), reader->error,
                       "%s: each word is a text", what);
        else if (count_words(reader, list, what, (char *const[]){(char *)(uintptr_t)word, NULL})) {
            words[i] = text_copy(word);
            continue;
        }
        words_free(words);
        return NULL;
    }
    return words;
}

/* One text, split as a shell does, or a list of them, one a word. NULL with the error set. */
static char **read_words(struct reader *reader, yaml_item item, const char *what)
{
    struct error why;
    if (yaml_kind(reader->yaml, item) == YAML_LIST)
        return copy_words(reader, item, what);
    const char *text = read_text(reader, item, what);
    char **words = text != NULL ? words_split(text, &why) : NULL;
    if (text != NULL && words == NULL)
        yaml_fault(reader->yaml, item, reader->error, "%s: %s", what, why.text);
    if (words == NULL || count_words(reader, item, what, words))
        return words;
    words_free(words);
    return NULL;
}

/* Sets the fault of a word that is none of WORDS. */
static bool blame_word(struct reader *reader, yaml_item item, const char *word, const char *what,
                       const char *const *words)
{
    const char *nearest = words_nearest(word, words);
    return nearest != NULL ? yaml_fault(reader->yaml, item, reader->error,
                                        "%.64s: %s; is %s meant?", word, what, nearest)
                           : yaml_fault(reader->yaml, item, reader->error, "%.64s: %s", word, what);
}

static bool check_keys(struct reader *reader, yaml_item map, const char *const *keys)
{
    for (size_t i = 0; i < yaml_count(reader->yaml, map); i++) {
        const char *key = yaml_key_at(reader->yaml, map, i);
        size_t k = 0;
        while (keys[k] != NULL && strcmp(keys[k], key) != 0)
            k++;
        if (keys[k] == NULL)
            return blame_word(reader, yaml_key_item_at(reader->yaml, map, i),
                              *key != '\0' ? key : "a key that is no text", "no such key here",
                              keys);
    }
    return true;
}

static bool check_list(struct reader *reader, yaml_item item, const char *what, size_t maximum)
{
    if (yaml_kind(reader->yaml, item) != YAML_LIST)
        return yaml_fault(reader->yaml, item, reader->error, "%s: expected a list", what);
    return yaml_count(reader->yaml, item) <= maximum ||
           yaml_fault(reader->yaml, item, reader->error, "%s: more than %zu", what, maximum);
}

/* ---- nodes ---- */

const struct experiment_node *experiment_find(const struct experiment *experiment, const char *name)
{
    for (size_t i = 0; i < experiment->count; i++)
        if (strcmp(experiment->nodes[i].name, name) == 0)
            return &experiment->nodes[i];
    return NULL;
}

/* NULL with the error set where there cannot be one of that name. */
static struct experiment_node *add_node(struct reader *reader, yaml_item item, const char *name)
{
    struct experiment *experiment = reader->experiment;
    struct error why;
    const struct experiment_node *same = experiment_find(experiment, name);
    if (!foreign_name_check(name, &why))
        yaml_fault(reader->yaml, item, reader->error, "%s", why.text);
    else if (same != NULL)
        yaml_fault(reader->yaml, item, reader->error, "%s: is there already, on line %zu", name,
                   same->line);
    else if (experiment->count == DEVNET_NODES_MAX)
        yaml_fault(reader->yaml, item, reader->error, "a devnet has at most %d nodes",
                   DEVNET_NODES_MAX);
    else {
        experiment->nodes =
            memory_resize(experiment->nodes, (experiment->count + 1) * sizeof(*experiment->nodes));
        struct experiment_node *node = &experiment->nodes[experiment->count++];
        *node = (struct experiment_node){.name = text_copy(name),
                                         .line = yaml_line(reader->yaml, item)};
        return node;
    }
    return NULL;
}

/* COUNT more, called by their number. OPTIONS may be 0. */
static bool add_counted(struct reader *reader, yaml_item item, uint64_t count, yaml_item options)
{
    for (uint64_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node%zu", ++reader->counted);
        reader->experiment->own++;
        struct experiment_node *node = add_node(reader, item, name);
        if (node == NULL)
            return false;
        if (options != 0 && (node->options = read_words(reader, options, "options")) == NULL)
            return false;
    }
    return true;
}

static bool add_program(struct reader *reader, yaml_item item, const char *name, yaml_item command)
{
    struct error why;
    char *own_name, *own_command;
    const char *text = read_text(reader, command, "command");
    struct experiment_node *node = text != NULL ? add_node(reader, item, name) : NULL;
    if (node == NULL)
        return false;
    node->with = text_format("%s=%s", name, text);
    if (!foreign_parse(node->with, &own_name, &own_command, &why))
        return yaml_fault(reader->yaml, item, reader->error, "%s", why.text);
    free(own_name);
    free(own_command);
    return true;
}

static bool read_node_map(struct reader *reader, yaml_item item)
{
    static const char *const keys[] = {"name", "count", "options", "command", NULL};
    const struct yaml_tree *yaml = reader->yaml;
    yaml_item name = yaml_find(yaml, item, "name"), count = yaml_find(yaml, item, "count");
    yaml_item options = yaml_find_told(yaml, item, "options");
    yaml_item command = yaml_find(yaml, item, "command");
    uint64_t number = 1;
    if (!check_keys(reader, item, keys))
        return false;
    if ((name != 0) == (count != 0))
        return yaml_fault(yaml, item, reader->error, "a node has a name, or some a count");
    if (command != 0 && (count != 0 || options != 0))
        return yaml_fault(yaml, item, reader->error,
                          "a program with a command has a name, and no options beside");
    if (count != 0)
        return read_number(reader, count, "count", 1, DEVNET_NODES_MAX, &number) &&
               add_counted(reader, item, number, options);
    const char *text = read_text(reader, name, "name");
    if (text == NULL || command != 0)
        return text != NULL && add_program(reader, item, text, command);
    struct experiment_node *node = add_node(reader, item, text);
    reader->experiment->own += node != NULL;
    return node != NULL &&
           (options == 0 || (node->options = read_words(reader, options, "options")) != NULL);
}

static bool read_nodes(struct reader *reader, yaml_item item)
{
    const struct yaml_tree *yaml = reader->yaml;
    uint64_t count = 0;
    if (item == 0)
        return yaml_fault(yaml, yaml_root(yaml), reader->error,
                          "nodes: is missing: a number, or a list");
    if (yaml_kind(yaml, item) == YAML_TEXT)
        return read_number(reader, item, "nodes", 1, DEVNET_NODES_MAX, &count) &&
               add_counted(reader, item, count, 0);
    if (!check_list(reader, item, "nodes", DEVNET_NODES_MAX))
        return false;
    for (size_t i = 0; i < yaml_count(yaml, item); i++) {
        yaml_item entry = yaml_at(yaml, item, i);
        const char *name;
        if (yaml_kind(yaml, entry) == YAML_MAP) {
            if (!read_node_map(reader, entry))
                return false;
        } else if ((name = read_text(reader, entry, "node")) == NULL ||
                   add_node(reader, entry, name) == NULL) {
            return false;
        } else {
            reader->experiment->own++;
        }
    }
    return reader->experiment->own > 0 ||
           yaml_fault(yaml, item, reader->error, "nodes: at least one is to be of ours");
}

static bool read_options(struct reader *reader, yaml_item item)
{
    reader->experiment->options_line = yaml_line(reader->yaml, item);
    reader->experiment->options = read_words(reader, item, "options");
    return reader->experiment->options != NULL;
}

/* ---- connections ---- */

static bool is_joined(const struct experiment *experiment, const char *one, const char *other)
{
    for (size_t i = 0; i < experiment->pair_count; i++) {
        const struct experiment_pair *pair = &experiment->pairs[i];
        if ((strcmp(pair->dialler, one) == 0 && strcmp(pair->listener, other) == 0) ||
            (strcmp(pair->dialler, other) == 0 && strcmp(pair->listener, one) == 0))
            return true;
    }
    return false;
}

static bool check_pair(struct reader *reader, yaml_item item, char *const *words)
{
    const struct experiment *experiment = reader->experiment;
    if (words[0] == NULL || words[1] == NULL || words[2] != NULL)
        return yaml_fault(reader->yaml, item, reader->error,
                          "connect: expected two nodes, the first of which dials the second");
    for (size_t i = 0; i < 2; i++)
        if (experiment_find(experiment, words[i]) == NULL)
            return yaml_fault(reader->yaml, item, reader->error, "connect: %s: no such node",
                              words[i]);
    if (experiment_find(experiment, words[0])->with != NULL)
        return yaml_fault(reader->yaml, item, reader->error,
                          "connect: %s: a program of its own is not told to dial; name it second",
                          words[0]);
    if (strcmp(words[0], words[1]) == 0)
        return yaml_fault(reader->yaml, item, reader->error, "connect: %s: to itself", words[0]);
    return !is_joined(experiment, words[0], words[1]) ||
           yaml_fault(reader->yaml, item, reader->error, "connect: %s and %s are joined already",
                      words[0], words[1]);
}

static bool read_pair(struct reader *reader, yaml_item item)
{
    struct experiment *experiment = reader->experiment;
    char **words = read_words(reader, item, "connect");
    bool sound = words != NULL && check_pair(reader, item, words);
    if (sound) {
        experiment->pairs = memory_resize(experiment->pairs, (experiment->pair_count + 1) *
                                                                 sizeof(*experiment->pairs));
        experiment->pairs[experiment->pair_count++] =
            (struct experiment_pair){.dialler = text_copy(words[0]),
                                     .listener = text_copy(words[1]),
                                     .line = yaml_line(reader->yaml, item)};
    }
    words_free(words);
    return sound;
}

static bool read_connect(struct reader *reader, yaml_item item)
{
    struct experiment *experiment = reader->experiment;
    struct wiring wiring;
    struct error why;
    if (yaml_kind(reader->yaml, item) == YAML_LIST) {
        bool sound = check_list(reader, item, "connect", EXPERIMENT_PAIRS_MAX);
        experiment->listed = true;
        for (size_t i = 0; sound && i < yaml_count(reader->yaml, item); i++)
            sound = read_pair(reader, yaml_at(reader->yaml, item, i));
        return sound;
    }
    const char *text = read_text(reader, item, "connect");
    if (text == NULL)
        return false;
    experiment->connect = text_copy(text);
    return wiring_parse(text, &wiring, &why) ||
           yaml_fault(reader->yaml, item, reader->error, "connect: %s, or a list of pairs",
                      why.text);
}

static bool has_node(const void *experiment, const char *name)
{
    return experiment_find(experiment, name) != NULL;
}

static bool check_path(struct reader *reader, yaml_item item, const char *text)
{
    struct error why;
    return path_rule_check(text, has_node, reader->experiment, &why) ||
           yaml_fault(reader->yaml, item, reader->error, "paths: %s", why.text);
}

static bool read_paths(struct reader *reader, yaml_item list)
{
    if (!check_list(reader, list, "paths", EXPERIMENT_PAIRS_MAX))
        return false;
    reader->experiment->paths = copy_words(reader, list, "paths");
    for (size_t i = 0; reader->experiment->paths != NULL && i < yaml_count(reader->yaml, list); i++)
        if (!check_path(reader, yaml_at(reader->yaml, list, i), reader->experiment->paths[i]))
            return false;
    return reader->experiment->paths != NULL;
}

static bool read_partitionable(struct reader *reader, yaml_item item)
{
    return read_truth(reader, item, "partitionable", &reader->experiment->partitionable);
}

/* It speaks for each node with its key. */
static bool check_tapped(struct reader *reader, yaml_item item)
{
    const struct experiment *experiment = reader->experiment;
    if (experiment->paths != NULL || experiment->partitionable)
        return yaml_fault(reader->yaml, item, reader->error,
                          "tap: not with paths and partitionable: either a relay or a tap is "
                          "between the nodes");
    for (size_t i = 0; i < experiment->count; i++)
        if (experiment->nodes[i].with != NULL && strstr(experiment->nodes[i].with, "{key}") == NULL)
            return yaml_fault(reader->yaml, item, reader->error,
                              "tap: the command of %s has to take {key}",
                              experiment->nodes[i].name);
    return true;
}

static bool read_tap(struct reader *reader, yaml_item item)
{
    bool *tap = &reader->experiment->tap;
    return read_truth(reader, item, "tap", tap) && (!*tap || check_tapped(reader, item));
}

static bool read_seed(struct reader *reader, yaml_item item)
{
    return read_number(reader, item, "seed", 0, INT64_MAX, &reader->experiment->seed);
}

static bool read_timeout(struct reader *reader, yaml_item item)
{
    uint64_t *timeout_ms = &reader->experiment->timeout_ms;
    return read_duration(reader, item, "timeout", TIMEOUT_MAX_MS, timeout_ms) &&
           (*timeout_ms > 0 ||
            yaml_fault(reader->yaml, item, reader->error,
                       "timeout: '%s' is under the minimum of 1ms", yaml_text(reader->yaml, item)));
}

/* ---- steps ---- */

/* What may be done at a time, or be a check: what ends by itself, and leaves the devnet up. */
static const char *const step_commands[] = {"stop",   "start",     "restart", "kill",    "pause",
                                            "resume", "add",       "remove",  "connect", "publish",
                                            "path",   "partition", "heal",    "mesh",    "orphans",
                                            "status", "logs",      "report",  NULL};

static bool is_step(const char *word)
{
    for (size_t i = 0; step_commands[i] != NULL; i++)
        if (strcmp(step_commands[i], word) == 0)
            return true;
    return false;
}

/* Where nodes dial each other directly, nothing can come between. */
static bool check_relayed(struct reader *reader, yaml_item item, const char *command)
{
    static const char *const relayed[] = {"path", "partition", "heal"};
    const struct experiment *experiment = reader->experiment;
    for (size_t i = 0; i < sizeof(relayed) / sizeof(*relayed); i++)
        if (strcmp(command, relayed[i]) == 0 && experiment->paths == NULL &&
            !experiment->partitionable)
            return yaml_fault(reader->yaml, item, reader->error,
                              "%s: needs partitionable: true, or paths", command);
    return true;
}

/* What would go on for ever. */
static bool check_ending(struct reader *reader, yaml_item item, char *const *words)
{
    static const struct {
        const char *command, *option;
    } endless[] = {{"mesh", "watch"},    {"orphans", "--follow"}, {"orphans", "-f"},
                   {"logs", "--follow"}, {"logs", "-f"},          {"status", "--watch"},
                   {"status", "-w"}};
    for (size_t i = 0; i < sizeof(endless) / sizeof(*endless); i++)
        for (size_t k = 1; strcmp(words[0], endless[i].command) == 0 && words[k] != NULL; k++)
            if (strcmp(words[k], endless[i].option) == 0)
                return yaml_fault(reader->yaml, item, reader->error,
                                  "%s %s: does not end by itself", words[0], words[k]);
    return true;
}

static void shift(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    memmove(words, words + count, (words_count(words + count) + 1) * sizeof(*words));
}

/* Takes "expect STATUS" or "expect any" from the front. */
static bool take_expected(struct reader *reader, yaml_item item, struct experiment_step *step)
{
    uint64_t status = 0;
    if (step->words[0] == NULL || strcmp(step->words[0], "expect") != 0)
        return true;
    const char *text = step->words[1];
    bool any = text != NULL && strcmp(text, "any") == 0;
    if (!any && (text == NULL || !number_read(text, &status) || status > STATUS_MAX))
        return yaml_fault(reader->yaml, item, reader->error,
                          "expect: expected an exit status up to %d, or any", STATUS_MAX);
    step->expected = any ? EXPERIMENT_ANY_STATUS : (int)status;
    shift(step->words, 2);
    return true;
}

static bool take_time(struct reader *reader, yaml_item item, struct experiment_step *step,
                      uint64_t earliest)
{
    struct error why;
    const char *text = step->words[0] != NULL ? step->words[1] : NULL;
    if (text == NULL || strcmp(step->words[0], "at") != 0)
        return yaml_fault(reader->yaml, item, reader->error,
                          "timeline: a step is: at TIME COMMAND ARGUMENTS, such as at 10s kill "
                          "node2");
    if (!duration_parse(text, &step->at_ms, &why))
        return yaml_fault(reader->yaml, item, reader->error, "timeline: %s", why.text);
    if (step->at_ms > TIME_MAX_MS)
        return yaml_fault(reader->yaml, item, reader->error,
                          "timeline: %s: over the maximum of a day", text);
    if (step->at_ms < earliest)
        return yaml_fault(reader->yaml, item, reader->error,
                          "timeline: at %s: is before the step above; they are in order of time",
                          text);
    shift(step->words, 2);
    return true;
}

static bool check_command(struct reader *reader, yaml_item item, char *const *words)
{
    if (words[0] == NULL)
        return yaml_fault(reader->yaml, item, reader->error, "a command is missing");
    if (!is_step(words[0]))
        return blame_word(reader, item, words[0], "cannot be a step", step_commands);
    return check_relayed(reader, item, words[0]) && check_ending(reader, item, words);
}

/* The step is in the list whether it is sound or not, to be cleared with it. */
static struct experiment_step *add_step(struct experiment_steps *steps, char **words, size_t line)
{
    steps->items = memory_resize(steps->items, (steps->count + 1) * sizeof(*steps->items));
    steps->items[steps->count] = (struct experiment_step){.words = words, .line = line};
    return &steps->items[steps->count++];
}

static bool read_timeline(struct reader *reader, yaml_item list)
{
    struct experiment_steps *steps = &reader->experiment->timeline;
    uint64_t earliest = 0;
    if (!check_list(reader, list, "timeline", EXPERIMENT_STEPS_MAX))
        return false;
    for (size_t i = 0; i < yaml_count(reader->yaml, list); i++) {
        yaml_item item = yaml_at(reader->yaml, list, i);
        char **words = read_words(reader, item, "timeline");
        if (words == NULL)
            return false;
        struct experiment_step *step = add_step(steps, words, yaml_line(reader->yaml, item));
        if (!take_time(reader, item, step, earliest) || !take_expected(reader, item, step) ||
            !check_command(reader, item, step->words))
            return false;
        earliest = step->at_ms;
    }
    return true;
}

static bool read_wait(struct reader *reader, yaml_item item)
{
    uint64_t wait = 0;
    if (!read_duration(reader, item, "wait", TIMEOUT_MAX_MS, &wait))
        return false;
    reader->wait = yaml_text(reader->yaml, item);
    return true;
}

/* "mesh" alone is that it is to be sound in time. */
static void complete_check(const struct reader *reader, struct experiment_step *check)
{
    if (strcmp(check->words[0], "mesh") != 0 || check->words[1] != NULL)
        return;
    char *const whole[] = {(char[]){"mesh"}, (char[]){"check"}, (char[]){"--wait"},
                           (char *)(uintptr_t)reader->wait, NULL};
    words_free(check->words);
    check->words = words_copy(whole);
}

static void add_default_checks(const struct reader *reader)
{
    static const char *const defaults[] = {"mesh", "orphans"};
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        char *const words[] = {(char *)(uintptr_t)defaults[i], NULL};
        complete_check(reader, add_step(&reader->experiment->checks, words_copy(words), 0));
    }
}

static bool read_checks(struct reader *reader, yaml_item list)
{
    struct experiment_steps *checks = &reader->experiment->checks;
    if (list == 0) {
        add_default_checks(reader);
        return true;
    }
    if (!check_list(reader, list, "checks", EXPERIMENT_STEPS_MAX))
        return false;
    for (size_t i = 0; i < yaml_count(reader->yaml, list); i++) {
        yaml_item item = yaml_at(reader->yaml, list, i);
        char **words = read_words(reader, item, "checks");
        if (words == NULL)
            return false;
        struct experiment_step *check = add_step(checks, words, yaml_line(reader->yaml, item));
        if (!take_expected(reader, item, check) || !check_command(reader, item, check->words))
            return false;
        complete_check(reader, check);
    }
    return true;
}

static bool read_report(struct reader *reader, yaml_item item)
{
    const char *text = read_text(reader, item, "report");
    if (text != NULL)
        reader->experiment->report = text_copy(text);
    return text != NULL;
}

/* ---- the whole ---- */

static bool read_version(struct reader *reader, yaml_item item)
{
    const char *text = yaml_text(reader->yaml, item);
    return (text != NULL && strcmp(text, "1") == 0) ||
           yaml_fault(reader->yaml, item, reader->error, "version: only 1 is known");
}

/* In the order in which they need each other. */
static const struct {
    const char *key;
    bool (*read)(struct reader *reader, yaml_item item);
    bool always; /* is asked with item 0 where the file does not have it; others are passed over */
} parts[] = {{"version", read_version, false},   {"nodes", read_nodes, true},
             {"options", read_options, false},   {"connect", read_connect, false},
             {"paths", read_paths, false},       {"partitionable", read_partitionable, false},
             {"tap", read_tap, false},           {"seed", read_seed, false},
             {"timeout", read_timeout, false},   {"wait", read_wait, false},
             {"timeline", read_timeline, false}, {"checks", read_checks, true},
             {"report", read_report, false}};

static bool read_all(struct reader *reader)
{
    const char *keys[sizeof(parts) / sizeof(*parts) + 1] = {NULL};
    yaml_item root = yaml_root(reader->yaml);
    if (root != 0 && yaml_kind(reader->yaml, root) != YAML_MAP)
        return yaml_fault(reader->yaml, root, reader->error,
                          "expected a mapping: nodes, connect, timeline and so on");
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        keys[i] = parts[i].key;
    bool sound = check_keys(reader, root, keys);
    for (size_t i = 0; sound && i < sizeof(parts) / sizeof(*parts); i++) {
        yaml_item item = yaml_find_told(reader->yaml, root, parts[i].key);
        sound = (item == 0 && !parts[i].always) || parts[i].read(reader, item);
    }
    return sound;
}

bool experiment_parse(const char *file, struct bytes text, struct experiment *experiment,
                      struct error *error)
{
    *experiment = (struct experiment){.file = text_copy(file), .seed = UINT64_MAX};
    struct yaml_tree *yaml = yaml_tree_parse(file, text, error);
    struct reader reader = {.yaml = yaml, .experiment = experiment, .wait = "10s", .error = error};
    bool sound = yaml != NULL && read_all(&reader);
    yaml_tree_free(yaml);
    if (!sound)
        experiment_clear(experiment);
    return sound;
}

static void clear_steps(struct experiment_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        words_free(steps->items[i].words);
    free(steps->items);
}

void experiment_clear(struct experiment *experiment)
{
    for (size_t i = 0; i < experiment->count; i++) {
        free(experiment->nodes[i].name);
        free(experiment->nodes[i].with);
        words_free(experiment->nodes[i].options);
    }
    for (size_t i = 0; i < experiment->pair_count; i++) {
        free(experiment->pairs[i].dialler);
        free(experiment->pairs[i].listener);
    }
    clear_steps(&experiment->timeline);
    clear_steps(&experiment->checks);
    words_free(experiment->options);
    words_free(experiment->paths);
    free(experiment->nodes);
    free(experiment->pairs);
    free(experiment->connect);
    free(experiment->report);
    free(experiment->file);
    *experiment = (struct experiment){0};
}
