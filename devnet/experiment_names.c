#include "devnet/experiment_names.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/between.h"
#include "devnet/foreign.h"
#include "net/relay/links.h"
#include "net/relay/path_rule.h"

/* One look at a step. */
struct look {
    struct experiment_names *names;
    struct error *error;
};

void experiment_names_init(struct experiment_names *names, const struct experiment *experiment)
{
    *names = (struct experiment_names){
        .experiment = experiment,
        .known = json_object(),
        .relay = experiment->partitionable || experiment->paths != NULL,
        .tap = experiment->tap,
    };
    for (size_t i = 0; i < experiment->count; i++)
        json_object_set_new(names->known, experiment->nodes[i].name, json_true());
}

void experiment_names_clear(struct experiment_names *names)
{
    json_decref(names->known);
}

static bool know(const struct look *look, const char *name)
{
    if (json_object_get(look->names->known, name) != NULL)
        return true;
    struct buffer all = {0};
    const char *known;
    json_t *unused;
    json_object_foreach(look->names->known, known, unused)
    {
        buffer_append_text(&all, all.size > 0 ? ", " : "");
        buffer_append_text(&all, known);
    }
    buffer_append(&all, "", 1);
    error_set(look->error, "%.64s: no such node by then; there are %s", name,
              (const char *)all.data);
    buffer_clear(&all);
    return false;
}

static bool add_name(const struct look *look, const char *name)
{
    if (!foreign_name_check(name, look->error))
        return false;
    if (json_object_get(look->names->known, name) != NULL)
        return error_set(look->error, "%s: there is a node of that name already", name);
    json_object_set_new(look->names->known, name, json_true());
    return true;
}

static bool add_program(const struct look *look, const char *with)
{
    struct error why;
    char *name, *command;
    if (!foreign_parse(with, &name, &command, &why))
        return error_set(look->error, "--with %s", why.text);
    bool added = add_name(look, name);
    free(name);
    free(command);
    return added;
}

/* What STEP says first for an option, before a "--"; NULL where it does not. */
static const char *find_option(const struct experiment_step *step, const char *name,
                               const char *letter)
{
    for (size_t i = 1; step->words[i] != NULL && strcmp(step->words[i], "--") != 0; i++) {
        const char *value = words_option(step->words[i], step->words[i + 1], name, letter);
        if (value != NULL)
            return value;
    }
    return NULL;
}

/* Of `add`: what --with and --to say, which are no operands. */
static bool check_added_options(const struct look *look, const struct experiment_step *step)
{
    for (size_t i = 1; step->words[i] != NULL && strcmp(step->words[i], "--") != 0; i++) {
        const char *word = step->words[i], *next = step->words[i + 1];
        const char *program = words_option(word, next, "--with", "-w");
        if (program != NULL && !add_program(look, program))
            return false;
        const char *to = words_option(word, next, "--to", NULL);
        if (to != NULL && !know(look, to))
            return false;
    }
    return true;
}

static bool looks_like_address(const char *word)
{
    return strpbrk(word, "/:") != NULL;
}

/* What the operands of a command are. */
static const struct rule {
    const char *command;
    size_t minimum, maximum; /* how many */
    enum {
        NO_NAMES,
        FIRST_NAMED,
        ALL_NAMED,
        NAMED_OR_ADDRESSES,
        NAMED_OR_FILES,
        LOGGED, /* what stands between nodes is called so, too */
        NEW_NAMES,
        OLD_NAMES,
        RULES,
        GROUPS
    } names;
} rules[] = {{"stop", 1, SIZE_MAX, ALL_NAMED},
             {"start", 1, SIZE_MAX, ALL_NAMED},
             {"restart", 1, SIZE_MAX, ALL_NAMED},
             {"kill", 1, SIZE_MAX, ALL_NAMED},
             {"pause", 1, SIZE_MAX, ALL_NAMED},
             {"resume", 1, SIZE_MAX, ALL_NAMED},
             {"add", 0, SIZE_MAX, NEW_NAMES},
             {"remove", 1, SIZE_MAX, OLD_NAMES},
             {"publish", 2, 3, FIRST_NAMED},
             {"connect", 1, 2, NAMED_OR_ADDRESSES},
             {"path", 0, SIZE_MAX, RULES},
             {"partition", 1, SIZE_MAX, GROUPS},
             {"heal", 0, 0, NO_NAMES},
             {"status", 0, 0, NO_NAMES},
             {"logs", 0, SIZE_MAX, LOGGED},
             {"report", 1, 1, NO_NAMES},
             {"orphans", 0, SIZE_MAX, NAMED_OR_FILES},
             {"mesh", 0, SIZE_MAX, NAMED_OR_FILES},
             {"", 0, SIZE_MAX, NO_NAMES}};

static const struct rule *find_rule(const char *command)
{
    const struct rule *rule = rules;
    while (*rule->command != '\0' && strcmp(rule->command, command) != 0)
        rule++;
    return rule;
}

static bool check_count(const struct look *look, const struct experiment_step *step, size_t count)
{
    const struct rule *rule = find_rule(step->words[0]);
    const char *wrong = count < rule->minimum ? "few" : "many";
    return (count >= rule->minimum && count <= rule->maximum) ||
           error_set(look->error, "%s: too %s operands", step->words[0], wrong);
}

/* What a command wants beside, in its own words. */
static bool check_whole(const struct look *look, const struct experiment_step *step,
                        char *const *operands, size_t count)
{
    const char *command = step->words[0];
    if (strcmp(command, "add") == 0 && count == 0 && find_option(step, "--with", "-w") == NULL)
        return error_set(look->error, "add: name the nodes, or a program by --with");
    if (strcmp(command, "publish") != 0)
        return true;
    if ((count > 2) == (find_option(step, "--size", "-s") != NULL))
        return error_set(look->error, "publish: give a FILE or TEXT, or --size, and not both");
    return count <= 2 || operands[2][0] != '\0' ||
           error_set(look->error, "publish: the text is empty");
}

static bool is_known(const void *names, const char *name)
{
    return json_object_get(names, name) != NULL;
}

static bool check_group(const struct look *look, const char *group)
{
    char *names = text_copy(group), *rest = names, *name;
    bool known = true;
    while (known && (name = strsep(&rest, ",")) != NULL)
        known = know(look, name);
    free(names);
    return known;
}

static bool is_between(const struct experiment_names *names, const char *name)
{
    return (names->tap && strcmp(name, "tap") == 0) || (names->relay && strcmp(name, "relay") == 0);
}

/* What commands write to. */
static const struct {
    const char *command, *option, *letter;
} outputs[] = {{"mesh", "--output", "-o"},   {"mesh", "--html", NULL},
               {"orphans", "--html", NULL},  {"publish", "--html", NULL},
               {"connect", "--qlog", NULL},  {"connect", "--save", NULL},
               {"connect", "--record", NULL}};

static bool writes(const struct experiment_step *step, const char *name)
{
    for (char *const *word = step->words + 1; *word != NULL; word++) {
        if (strcmp(step->words[0], "report") == 0 && strcmp(*word, name) == 0)
            return true;
        for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++) {
            const char *output =
                strcmp(step->words[0], outputs[i].command) == 0
                    ? words_option(*word, word[1], outputs[i].option, outputs[i].letter)
                    : NULL;
            if (output != NULL && strcmp(output, name) == 0)
                return true;
        }
    }
    return false;
}

/* Whether a step before writes a file or a folder called NAME. */
static bool is_written_before(const struct experiment *experiment,
                              const struct experiment_step *step, const char *name)
{
    const struct experiment_steps *lists[] = {&experiment->timeline, &experiment->checks};
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            if (&lists[i]->items[k] == step)
                return false;
            if (writes(&lists[i]->items[k], name))
                return true;
        }
    return false;
}

/* A node, the tap, or a file that is there, or may be by then. */
static bool know_or_find(const struct look *look, const struct experiment_step *step,
                         const char *name)
{
    bool like_name = foreign_name_check(name, NULL) || between_is_kind(name);
    return !like_name || (look->names->tap && strcmp(name, "tap") == 0) ||
           access(name, F_OK) == 0 || is_written_before(look->names->experiment, step, name) ||
           know(look, name);
}

static bool check_name(const struct look *look, const struct experiment_step *step,
                       const char *name, bool first)
{
    switch (find_rule(step->words[0])->names) {
    case FIRST_NAMED:
        return !first || know(look, name);
    case NAMED_OR_ADDRESSES:
        return looks_like_address(name) || know(look, name);
    case NAMED_OR_FILES:
        return know_or_find(look, step, name);
    case LOGGED:
        return is_between(look->names, name) || know(look, name);
    case NEW_NAMES:
        return add_name(look, name);
    case OLD_NAMES:
        return know(look, name) && json_object_del(look->names->known, name) == 0;
    case ALL_NAMED:
        return know(look, name);
    case RULES:
        return path_rule_check(name, is_known, look->names->known, look->error);
    case GROUPS:
        return check_group(look, name);
    case NO_NAMES:
        break;
    }
    return true;
}

/* Values of options that are names, as operands are. */
static bool check_options(const struct look *look, const struct experiment_step *step)
{
    bool connect = strcmp(step->words[0], "connect") == 0,
         mesh = strcmp(step->words[0], "mesh") == 0;
    const char *from = connect ? find_option(step, "--from", "-f") : NULL;
    const char *before = mesh ? find_option(step, "--before", "-b") : NULL;
    return (from == NULL || looks_like_address(from) || know(look, from)) &&
           (before == NULL || know_or_find(look, step, before));
}

/* Whether the groups can be a partition. */
static bool check_parting(const struct look *look, const struct experiment_step *step,
                          char *const *operands, size_t count)
{
    return strcmp(step->words[0], "partition") != 0 ||
           relay_groups_check((const char *const *)(uintptr_t)operands, count, look->error);
}

bool experiment_names_step(struct experiment_names *names, const struct experiment_step *step,
                           char *const *operands, struct error *error)
{
    const struct look look = {names, error};
    bool adds = strcmp(step->words[0], "add") == 0;
    size_t count = 0;
    /* After names of new nodes come their options. */
    while (operands[count] != NULL && !(adds && operands[count][0] == '-')) {
        if (!check_name(&look, step, operands[count], count == 0))
            return false;
        count++;
    }
    return check_count(&look, step, count) && check_parting(&look, step, operands, count) &&
           check_options(&look, step) && (!adds || check_added_options(&look, step)) &&
           check_whole(&look, step, operands, count);
}
