/* The text of --help. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/options_pages.h"
#include "common/output.h"

enum { WIDTH = 80, INDENT = 2, COLUMN_MAX = 30 };

char *options_argument(const struct option_spec *option)
{
    if (option->type == OPTION_FLAG)
        return NULL;
    if (option->argument != NULL || option->choices == NULL)
        return text_copy(option->argument != NULL ? option->argument : "VALUE");
    char *text = text_copy(option->choices[0]);
    for (size_t i = 1; option->choices[i] != NULL; i++) {
        char *longer = text_format("%s|%s", text, option->choices[i]);
        free(text);
        text = longer;
    }
    return text;
}

char *options_help_sentence(const struct option_spec *option)
{
    if (option->argument == NULL || option->choices == NULL)
        return text_copy(option->help);
    struct option_spec bare = *option;
    bare.argument = NULL;
    char *choices = options_argument(&bare);
    char *text = text_format("%s (%s)", option->help, choices);
    free(choices);
    return text;
}

char *options_usage(const struct command_spec *command)
{
    return command->operands != NULL ? text_format("[OPTION...] %s", command->operands)
                                     : text_copy("[OPTION...]");
}

/* Writes TEXT from COLUMN on, going on at INDENTATION in further lines, and ends the line. */
static void write_wrapped(FILE *file, const char *text, size_t column, size_t indentation)
{
    bool line_is_empty = true;
    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        if (!line_is_empty && column + 1 + size > WIDTH) {
            fprintf(file, "\n%*s", (int)indentation, "");
            column = indentation;
            line_is_empty = true;
        }
        fprintf(file, "%s%.*s", line_is_empty ? "" : " ", (int)size, text);
        column += size + (line_is_empty ? 0 : 1);
        line_is_empty = false;
        text += size;
        text += strspn(text, " \n");
    }
    fputc('\n', file);
}

static void write_heading(FILE *file, const char *heading)
{
    fprintf(file, "\n%s%s%s\n", output_colour(file, COLOUR_BOLD), heading, output_colour_end(file));
}

/* A term, and what it means in a column beside it, or below where the term is too long. */
static void write_entry(FILE *file, const char *term, const char *meaning, size_t column)
{
    fprintf(file, "%*s%s", INDENT, "", term);
    size_t end = INDENT + strlen(term);
    if (end + 2 > column) {
        fputc('\n', file);
        end = 0;
    }
    fprintf(file, "%*s", (int)(column - end), "");
    write_wrapped(file, meaning, column, column);
}

static char *option_term(const struct option_spec *option)
{
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    char *argument = options_argument(option);
    char *term = text_format("%s--%s%s%s", option->letter != 0 ? letter : "    ", option->name,
                             argument != NULL ? " " : "", argument != NULL ? argument : "");
    free(argument);
    return term;
}

/* Widens COLUMN to where the meanings stand beside a term of LENGTH, unless it is a long one. */
static size_t widen(size_t column, size_t length)
{
    size_t needed = INDENT + length + 2;
    return needed > column && needed <= COLUMN_MAX ? needed : column;
}

static size_t widen_for_options(size_t column, const struct option_spec *option)
{
    for (; options_is_option(option); option++) {
        char *term = option_term(option);
        column = widen(column, strlen(term));
        free(term);
    }
    return column;
}

static void write_option_entries(FILE *file, const struct option_spec *option, size_t column)
{
    for (; options_is_option(option); option++) {
        char *term = option_term(option);
        char *meaning = options_help_sentence(option);
        write_entry(file, term, meaning, column);
        free(meaning);
        free(term);
    }
}

static void write_options(FILE *file, const struct program_spec *program,
                          const struct command_spec *command)
{
    const struct option_spec *own = command != NULL ? command->options : NULL;
    size_t column = widen_for_options(0, options_builtin);
    column = widen_for_options(column, program->options);
    column = widen_for_options(column, own);
    write_heading(file, "Options:");
    write_option_entries(file, own, column);
    write_option_entries(file, program->options, column);
    write_option_entries(file, options_builtin, column);
}

static char *command_term(const struct command_spec *command)
{
    return text_format("%s%s%s", command->name, command->operands != NULL ? " " : "",
                       command->operands != NULL ? command->operands : "");
}

static void write_commands(FILE *file, const struct program_spec *program)
{
    size_t column = 0;
    for (const struct command_spec *command = program->commands; command->name; command++) {
        char *term = command_term(command);
        column = widen(column, strlen(term));
        free(term);
    }
    if (column == 0)
        column = COLUMN_MAX;
    write_heading(file, "Commands:");
    for (const struct command_spec *command = program->commands; command->name; command++) {
        char *term = command_term(command);
        write_entry(file, term, command->summary, column);
        free(term);
    }
    char *more = text_format("`%s COMMAND --help` shows the options of a command.", program->name);
    fputc('\n', file);
    write_wrapped(file, more, 0, 0);
    free(more);
}

static void write_paragraphs(FILE *file, const char *text)
{
    while (text != NULL && *text != '\0') {
        const char *end = strstr(text, "\n\n");
        char *paragraph = text_copy(text);
        if (end != NULL)
            paragraph[end - text] = '\0';
        fputc('\n', file);
        write_wrapped(file, paragraph, 0, 0);
        free(paragraph);
        text = end != NULL ? end + strspn(end, "\n") : NULL;
    }
}

static void write_examples(FILE *file, const struct example *example)
{
    if (example == NULL || example->command == NULL)
        return;
    write_heading(file, "Examples:");
    for (; example->command != NULL; example++) {
        fprintf(file, "%*s%s\n%*s", INDENT, "", example->command, 3 * INDENT, "");
        write_wrapped(file, example->meaning, (size_t)(3 * INDENT), (size_t)(3 * INDENT));
    }
}

static void write_exit_statuses(FILE *file, const struct exit_status *status)
{
    if (status == NULL || status->meaning == NULL)
        return;
    write_heading(file, "Exit status:");
    for (; status->meaning != NULL; status++) {
        fprintf(file, "%*s%-3d  ", INDENT, "", status->status);
        write_wrapped(file, status->meaning, INDENT + 5, INDENT + 5);
    }
}

static void write_usage(FILE *file, const struct program_spec *program,
                        const struct command_spec *command)
{
    char *usage = command != NULL ? options_usage(command) : text_copy("[OPTION...] COMMAND ...");
    fprintf(file, "%sUsage:%s %s %s%s", output_colour(file, COLOUR_BOLD), output_colour_end(file),
            program->name, command != NULL && command->name != NULL ? command->name : "",
            command != NULL && command->name != NULL ? " " : "");
    fprintf(file, "%s\n\n", usage);
    free(usage);
}

void options_write_help(FILE *file, const struct program_spec *program,
                        const struct command_spec *command)
{
    if (command == NULL && !options_has_commands(program))
        command = program->commands;
    bool whole = command == NULL || command->name == NULL;
    write_usage(file, program, command);
    write_wrapped(file, whole ? program->summary : command->summary, 0, 0);
    if (whole)
        write_paragraphs(file, program->description);
    if (command == NULL)
        write_commands(file, program);
    write_options(file, program, command);
    if (whole)
        write_examples(file, program->examples);
    write_exit_statuses(file, program->exit_statuses);
}
