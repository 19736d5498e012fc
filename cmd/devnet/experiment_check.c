#include "cmd/devnet/experiment_check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/devnet.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/foreign.h"
#include "devnet/subprocess.h"
#include "net/relay/links.h"
#include "net/relay/path_rule.h"

enum { CHECK_LIMIT_MS = 60 * 1000 };

struct checker {
    const struct experiment *experiment;
    json_t *names; /* of the nodes that there are by now: {name: true} */
    struct error *error;
};

/* ---- arguments, by who takes them ---- */

/* What the program says of its arguments, in OUTPUT: the first line, without its name. */
static const char *first_line(struct buffer *output)
{
    buffer_append(output, "", 1);
    char *text = (char *)output->data;
    text[strcspn(text, "\n")] = '\0';
    const char *said = strstr(text, ": ");
    return said != NULL ? said + 2 : text;
}

/* Has PROGRAM check ARGUMENTS, and gives their operands, a list that is freed with words_free();
 * NULL with the error set. */
static char **check_arguments(const struct checker *checker, char *program, char *const *arguments)
{
    struct subprocess_outcome outcome;
    size_t count = words_count(arguments);
    char **all = memory_new((count + 3) * sizeof(*all)), **operands = NULL;
    all[0] = program;
    all[1] = (char[]){"--help=check"};
    memcpy(all + 2, arguments, count * sizeof(*all));
    if (subprocess_run(all, CHECK_LIMIT_MS, &outcome, checker->error)) {
        if (outcome.status != 0) {
            error_set(checker->error, "%s", first_line(&outcome.output));
        } else {
            buffer_append(&outcome.output, "", 1);
            operands = words_split((const char *)outcome.output.data, checker->error);
            if (operands == NULL)
                error_set(checker->error, "%s: too long", arguments[0]);
        }
    }
    subprocess_clear(&outcome);
    free(all);
    return operands;
}

/* ---- names ---- */

static bool know(const struct checker *checker, const char *name)
{
    if (json_object_get(checker->names, name) != NULL)
        return true;
    struct buffer all = {0};
    const char *known;
    json_t *unused;
    json_object_foreach(checker->names, known, unused)
    {
        buffer_append_text(&all, all.size > 0 ? ", " : "");
        buffer_append_text(&all, known);
    }
    buffer_append(&all, "", 1);
    error_set(checker->error, "%.64s: no such node by then; there are %s", name,
              (const char *)all.data);
    buffer_clear(&all);
    return false;
}

static bool add_name(const struct checker *checker, const char *name)
{
    if (!foreign_name_check(name, checker->error))
        return false;
    if (json_object_get(checker->names, name) != NULL)
        return error_set(checker->error, "%s: there is a node of that name already", name);
    json_object_set_new(checker->names, name, json_true());
    return true;
}

/* Of `add`: what --with and --to say, which are no operands. */
static bool check_added_options(const struct checker *checker, const struct experiment_step *step)
{
    for (size_t i = 1; step->words[i] != NULL && strcmp(step->words[i], "--") != 0; i++) {
        const char *word = step->words[i], *next = step->words[i + 1], *equals;
        const char *program = words_option(word, next, "--with", "-w");
        if (program != NULL && (equals = strchr(program, '=')) != NULL) {
            char *name = text_format("%.*s", (int)(equals - program), program);
            bool added = add_name(checker, name);
            free(name);
            if (!added)
                return false;
        }
        const char *to = words_option(word, next, "--to", NULL);
        if (to != NULL && !know(checker, to))
            return false;
    }
    return true;
}

static bool looks_like_address(const char *word)
{
    return strpbrk(word, "/:") != NULL;
}

/* What the operands of a command are. Of other programs' only names are known, where there are. */
static const struct rule {
    const char *command;
    size_t minimum, maximum; /* how many */
    enum {
        NO_NAMES,
        FIRST_NAMED,
        ALL_NAMED,
        NAMED_OR_ADDRESSES,
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
             {"", 0, SIZE_MAX, NO_NAMES}};

static const struct rule *find_rule(const char *command)
{
    const struct rule *rule = rules;
    while (*rule->command != '\0' && strcmp(rule->command, command) != 0)
        rule++;
    return rule;
}

static bool check_count(const struct checker *checker, const struct experiment_step *step,
                        size_t count)
{
    const struct rule *rule = find_rule(step->words[0]);
    const char *wrong = count < rule->minimum ? "few" : "many";
    return (count >= rule->minimum && count <= rule->maximum) ||
           error_set(checker->error, "%s: too %s operands", step->words[0], wrong);
}

static bool is_known(const void *names, const char *name)
{
    return json_object_get(names, name) != NULL;
}

static bool check_group(const struct checker *checker, const char *group)
{
    char *names = text_copy(group), *rest = names, *name;
    bool known = true;
    while (known && (name = strsep(&rest, ",")) != NULL)
        known = know(checker, name);
    free(names);
    return known;
}

static bool is_between(const struct experiment *experiment, const char *name)
{
    bool relayed = experiment->partitionable || experiment->paths != NULL;
    return (experiment->tap && strcmp(name, "tap") == 0) || (relayed && strcmp(name, "relay") == 0);
}

static bool check_name(const struct checker *checker, const struct experiment_step *step,
                       const char *name, bool first)
{
    switch (find_rule(step->words[0])->names) {
    case FIRST_NAMED:
        return !first || know(checker, name);
    case NAMED_OR_ADDRESSES:
        return looks_like_address(name) || know(checker, name);
    case LOGGED:
        return is_between(checker->experiment, name) || know(checker, name);
    case NEW_NAMES:
        return add_name(checker, name);
    case OLD_NAMES:
        return know(checker, name) && json_object_del(checker->names, name) == 0;
    case ALL_NAMED:
        return know(checker, name);
    case RULES:
        return path_rule_check(name, is_known, checker->names, checker->error);
    case GROUPS:
        return check_group(checker, name);
    case NO_NAMES:
        break;
    }
    return true;
}

/* Whether the groups can be a partition. */
static bool check_parting(const struct checker *checker, const struct experiment_step *step,
                          char *const *operands, size_t count)
{
    return strcmp(step->words[0], "partition") != 0 ||
           relay_groups_check((const char *const *)(uintptr_t)operands, count, checker->error);
}

static bool check_operands(const struct checker *checker, const struct experiment_step *step,
                           char *const *operands)
{
    bool adds = strcmp(step->words[0], "add") == 0;
    size_t count = 0;
    /* After names of new nodes come their options. */
    while (operands[count] != NULL && !(adds && operands[count][0] == '-')) {
        if (!check_name(checker, step, operands[count], count == 0))
            return false;
        count++;
    }
    return check_count(checker, step, count) && check_parting(checker, step, operands, count) &&
           (!adds || check_added_options(checker, step));
}

/* ---- all of them ---- */

/* Whether SOUND; otherwise the error is of what is on LINE. */
static bool is_sound(const struct checker *checker, bool sound, size_t line)
{
    return sound || error_prefix(checker->error, "%s:%zu", checker->experiment->file, line);
}

static bool check_step(const struct checker *checker, const struct experiment_step *step)
{
    bool guest = devnet_is_guest(step->words[0]);
    char *file = text_format("devnet-%s", step->words[0]);
    char *program = guest ? devnet_program(file) : subprocess_self();
    char **operands = check_arguments(checker, program, guest ? step->words + 1 : step->words);
    bool sound = operands != NULL && check_operands(checker, step, operands);
    words_free(operands);
    free(program);
    free(file);
    return is_sound(checker, sound, step->line);
}

static bool check_steps(const struct checker *checker, const struct experiment_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].line > 0 && !check_step(checker, &steps->items[i]))
            return false;
    return true;
}

static bool check_node_options(const struct checker *checker, char *program, char *const *options,
                               size_t line)
{
    if (options == NULL)
        return true;
    char **operands = check_arguments(checker, program, options);
    bool sound = operands != NULL;
    words_free(operands);
    return is_sound(checker, sound, line);
}

/* Nodes that were counted share their options. */
static bool check_nodes(const struct checker *checker)
{
    const struct experiment *experiment = checker->experiment;
    char *program = devnet_program("devnet-node");
    size_t before = 0;
    bool sound =
        check_node_options(checker, program, experiment->options, experiment->options_line);
    for (size_t i = 0; i < experiment->count && sound; i++) {
        const struct experiment_node *node = &experiment->nodes[i];
        json_object_set_new(checker->names, node->name, json_true());
        if (node->line != before)
            sound = check_node_options(checker, program, node->options, node->line);
        before = node->line;
    }
    free(program);
    return sound;
}

bool experiment_check_commands(const struct experiment *experiment, struct error *error)
{
    const struct checker checker = {
        .experiment = experiment, .names = json_object(), .error = error};
    bool sound = check_nodes(&checker) && check_steps(&checker, &experiment->timeline) &&
                 check_steps(&checker, &experiment->checks);
    json_decref(checker.names);
    return sound;
}
