/* The manual page, from the same tables: roff with the man macros (groff_man(7)). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/options_pages.h"

/* TEXT as roff shows it as written; blank lines become paragraphs. */
static void write_text(FILE *file, const char *text)
{
    bool at_start = true;
    for (; *text != '\0'; text++) {
        if (strncmp(text, "\n\n", 2) == 0) {
            fputs("\n.PP\n", file);
            text += strspn(text, "\n") - 1;
            at_start = true;
            continue;
        }
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", file);
        if (*text == '\\')
            fputs("\\e", file);
        else if (*text == '-')
            fputs("\\-", file);
        else
            fputc(*text, file);
        at_start = *text == '\n';
    }
}

static void write_in(FILE *file, char font, const char *text)
{
    fprintf(file, "\\f%c", font);
    write_text(file, text);
    fputs("\\fR", file);
}

static void write_line(FILE *file, const char *text)
{
    write_text(file, text);
    fputc('\n', file);
}

static void write_title(FILE *file, const struct program_spec *program)
{
    fputs(".TH ", file);
    for (const char *letter = program->name; *letter != '\0'; letter++)
        fputc(toupper((unsigned char)*letter), file);
    fprintf(file, " 1 \"\" \"%s %s\" \"User Commands\"\n", program->name, DEVNET_VERSION);
    fputs(".SH NAME\n", file);
    write_text(file, program->name);
    fputs(" \\- ", file);
    write_line(file, program->summary);
}

static void write_synopsis(FILE *file, const struct program_spec *program)
{
    fputs(".SH SYNOPSIS\n", file);
    for (const struct command_spec *command = program->commands; options_is_command(command);
         command++) {
        if (command != program->commands)
            fputs(".br\n", file);
        write_in(file, 'B', program->name);
        if (command->name != NULL) {
            fputc(' ', file);
            write_in(file, 'B', command->name);
        }
        char *usage = options_usage(command);
        fputc(' ', file);
        write_line(file, usage);
        free(usage);
    }
}

static void write_options(FILE *file, const struct option_spec *option)
{
    for (; options_is_option(option); option++) {
        fputs(".TP\n", file);
        if (option->letter != 0)
            fprintf(file, "\\fB\\-%c\\fR, ", option->letter);
        fputs("\\fB\\-\\-\\fR", file);
        write_in(file, 'B', option->name);
        char *argument = options_argument(option);
        if (argument != NULL) {
            fputc(' ', file);
            write_in(file, 'I', argument);
        }
        free(argument);
        fputc('\n', file);
        char *sentence = options_help_sentence(option);
        write_text(file, sentence);
        fputs(".\n", file);
        free(sentence);
    }
}

static void write_commands(FILE *file, const struct program_spec *program)
{
    fputs(".SH COMMANDS\n", file);
    for (const struct command_spec *command = program->commands; command->name; command++) {
        fputs(".SS ", file);
        write_text(file, command->name);
        if (command->operands != NULL) {
            fputc(' ', file);
            write_text(file, command->operands);
        }
        fputc('\n', file);
        write_line(file, command->summary);
        write_options(file, command->options);
    }
}

static void write_examples(FILE *file, const struct example *example)
{
    if (example == NULL || example->command == NULL)
        return;
    fputs(".SH EXAMPLES\n", file);
    for (; example->command != NULL; example++) {
        fputs(".TP\n", file);
        write_in(file, 'B', example->command);
        fputc('\n', file);
        write_line(file, example->meaning);
    }
}

static void write_exit_statuses(FILE *file, const struct exit_status *status)
{
    if (status == NULL || status->meaning == NULL)
        return;
    fputs(".SH EXIT STATUS\n", file);
    for (; status->meaning != NULL; status++) {
        fprintf(file, ".TP\n\\fB%d\\fR\n", status->status);
        write_line(file, status->meaning);
    }
}

void options_write_man(FILE *file, const struct program_spec *program)
{
    write_title(file, program);
    write_synopsis(file, program);
    if (program->description != NULL) {
        fputs(".SH DESCRIPTION\n", file);
        write_line(file, program->description);
    }
    if (options_has_commands(program))
        write_commands(file, program);
    fputs(".SH OPTIONS\n", file);
    if (!options_has_commands(program))
        write_options(file, program->commands->options);
    write_options(file, program->options);
    write_options(file, options_builtin);
    write_examples(file, program->examples);
    write_exit_statuses(file, program->exit_statuses);
    if (program->see_also != NULL) {
        fputs(".SH SEE ALSO\n", file);
        write_line(file, program->see_also);
    }
}
