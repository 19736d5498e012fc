#include "cmd/devnet/experiment_check.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/devnet.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/experiment_names.h"
#include "devnet/start.h"
#include "devnet/subprocess.h"

enum { CHECK_LIMIT_MS = 60 * 1000 };

struct checker {
    const struct experiment *experiment;
    struct experiment_names *names;
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

/* What shows something, and does nothing else. */
static const char *find_help(char *const *arguments)
{
    for (; *arguments != NULL && strcmp(*arguments, "--") != 0; arguments++)
        if (strncmp(*arguments, "--help", 6) == 0 || strcmp(*arguments, "-h") == 0 ||
            strcmp(*arguments, "--version") == 0)
            return *arguments;
    return NULL;
}

/* Has PROGRAM check ARGUMENTS, and gives their operands, a list that is freed with words_free();
 * NULL with the error set. */
static char **check_arguments(const struct checker *checker, char *program, char *const *arguments)
{
    struct subprocess_outcome outcome;
    size_t count = words_count(arguments);
    const char *help = find_help(arguments);
    if (help != NULL) {
        error_set(checker->error, "%s: does nothing here", help);
        return NULL;
    }
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

static bool check_node_options(const struct checker *checker, char *const *options)
{
    if (options == NULL || *options == NULL)
        return true;
    char *program = devnet_program("devnet-node");
    char **operands = check_arguments(checker, program, options);
    bool sound = operands != NULL &&
                 start_options_check(operands, words_count(operands), checker->error) &&
                 start_options_check(options, words_count(options), checker->error);
    words_free(operands);
    free(program);
    return sound;
}

/* A step is of this devnet. */
static bool check_folder(const struct checker *checker, char *const *words)
{
    for (size_t i = 1; words[i] != NULL && strcmp(words[i], "--") != 0; i++)
        if (words_option(words[i], words[i + 1], "--dir", "-d") != NULL)
            return error_set(checker->error, "%s --dir: a step is of the devnet of the file",
                             words[0]);
    return true;
}

/* Behind the names of new nodes stand their options. */
static bool check_added(const struct checker *checker, const char *command, char *const *operands)
{
    if (strcmp(command, "add") != 0)
        return true;
    while (*operands != NULL && **operands != '-')
        operands++;
    return check_node_options(checker, operands);
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
    bool sound = operands != NULL && (guest || check_folder(checker, step->words)) &&
                 experiment_names_step(checker->names, step, operands, checker->error) &&
                 check_added(checker, step->words[0], operands);
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

/* Nodes that were counted share their options. */
static bool check_nodes(const struct checker *checker)
{
    const struct experiment *experiment = checker->experiment;
    size_t before = 0;
    bool sound = is_sound(checker, check_node_options(checker, experiment->options),
                          experiment->options_line);
    for (size_t i = 0; i < experiment->count && sound; i++) {
        const struct experiment_node *node = &experiment->nodes[i];
        if (node->line != before)
            sound = is_sound(checker, check_node_options(checker, node->options), node->line);
        before = node->line;
    }
    return sound;
}

bool experiment_check_commands(const struct experiment *experiment, struct error *error)
{
    struct experiment_names names;
    experiment_names_init(&names, experiment);
    const struct checker checker = {.experiment = experiment, .names = &names, .error = error};
    bool sound = check_nodes(&checker) && check_steps(&checker, &experiment->timeline) &&
                 check_steps(&checker, &experiment->checks);
    experiment_names_clear(&names);
    return sound;
}
