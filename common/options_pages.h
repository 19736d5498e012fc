/* What is written from a program's tables; options_parse calls these for --help and --help=X. */
#ifndef COMMON_OPTIONS_PAGES_H
#define COMMON_OPTIONS_PAGES_H

#include <stdio.h>

#include "common/options.h"

/* The help text of the program, or of COMMAND where it is not NULL. */
void options_write_help(FILE *file, const struct program_spec *program,
                        const struct command_spec *command);
/* The manual page, in roff with the man macros. */
void options_write_man(FILE *file, const struct program_spec *program);
/* A bash completion script that needs nothing but bash. */
void options_write_completion(FILE *file, const struct program_spec *program);

/* -h, --help and --version, which every program has; ends with a spec without a name. */
extern const struct option_spec options_builtin[];

/* How pages name the value of OPTION: its argument, or its choices as a|b|c; allocated, NULL for a
 * flag. */
char *options_argument(const struct option_spec *option);
/* The help of OPTION, with its choices where the argument does not show them; allocated. */
char *options_help_sentence(const struct option_spec *option);
/* "[OPTION...] OPERANDS" of COMMAND; allocated. */
char *options_usage(const struct command_spec *command);

static inline bool options_has_commands(const struct program_spec *program)
{
    return program->commands->name != NULL;
}

/* For loops over tables: commands end where name and summary are NULL, options without a name. */
static inline bool options_is_command(const struct command_spec *command)
{
    return command->name != NULL || command->summary != NULL;
}

static inline bool options_is_option(const struct option_spec *option)
{
    return option != NULL && option->name != NULL;
}

#endif
