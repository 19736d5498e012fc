/* The bash completion, from the same tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/options_pages.h"

static void write_identifier(FILE *file, const char *name)
{
    for (; *name != '\0'; name++)
        fputc(isalnum((unsigned char)*name) ? *name : '_', file);
}

/* "--name" or, with a letter, "-n|--name": a pattern of case. */
static void write_pattern(FILE *file, const struct option_spec *option)
{
    if (option->letter != 0)
        fprintf(file, "-%c|", option->letter);
    fprintf(file, "--%s", option->name);
}

static void write_words(FILE *file, const struct option_spec *option)
{
    for (; options_is_option(option); option++)
        fprintf(file, " --%s", option->name);
}

/* How the word is completed that follows each option with a value. */
static void write_value_cases(FILE *file, const char *command, const struct option_spec *option)
{
    for (; options_is_option(option); option++) {
        if (option->type == OPTION_FLAG)
            continue;
        fprintf(file, "    %s:--%s", command, option->name);
        if (option->letter != 0)
            fprintf(file, " | %s:-%c", command, option->letter);
        fputs(")\n", file);
        if (option->choices != NULL) {
            fputs("        words='", file);
            for (size_t i = 0; option->choices[i] != NULL; i++)
                fprintf(file, "%s%s", i > 0 ? " " : "", option->choices[i]);
            fputs("' ;;\n", file);
        } else if (option->words != NULL) {
            fprintf(file, "        words='%s' ;;\n", option->words());
        } else {
            fprintf(file, "        %s ;;\n",
                    option->names   ? "names=yes"
                    : option->files ? "files=yes"
                                    : "return");
        }
    }
}

static void write_skipped(FILE *file, const struct option_spec *option, bool *first)
{
    for (; options_is_option(option); option++) {
        if (option->type == OPTION_FLAG)
            continue;
        fputs(*first ? "        " : " | ", file);
        *first = false;
        write_pattern(file, option);
    }
}

/* Finds the command among the words before the cursor, passing over the values of options. */
static void write_command_search(FILE *file, const struct program_spec *program)
{
    fputs("    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n",
          file);
    bool first = true;
    write_skipped(file, program->options, &first);
    for (const struct command_spec *command = program->commands; command->name; command++)
        write_skipped(file, command->options, &first);
    if (!first)
        fputs(")\n            if [[ ${COMP_WORDS[i + 1]} == = ]]; then ((i++)); fi\n"
              "            ((i++)) ;;\n",
              file);
    fputs("        ", file);
    for (const struct command_spec *command = program->commands; command->name; command++)
        fprintf(file, "%s%s", command == program->commands ? "" : " | ", command->name);
    fputs(")\n            command=${COMP_WORDS[i]}\n"
          "            break ;;\n"
          "        esac\n"
          "    done\n",
          file);
}

static void write_operands(FILE *file, const struct operand_words *operands)
{
    fprintf(file, "        %s:*) words='%s'%s%s ;;\n", operands->command,
            operands->words != NULL ? operands->words : "", operands->names ? " names=yes" : "",
            operands->files ? " files=yes" : "");
}

static void write_values(FILE *file, const struct program_spec *program)
{
    fputs("    case $command:$previous in\n", file);
    for (const struct command_spec *command = program->commands; options_is_command(command);
         command++)
        write_value_cases(file, command->name != NULL ? command->name : "", command->options);
    write_value_cases(file, "*", program->options);
    /* A program that runs this one may want to know where an operand stands. */
    fputs("    *)\n        if [[ -v operand_here ]]; then operand_here=yes; fi\n"
          "        case $command:$word in\n",
          file);
    for (const struct command_spec *command = program->commands; options_is_command(command);
         command++) {
        fprintf(file, "        %s:-*) words='", command->name != NULL ? command->name : "");
        fputs(command->name != NULL ? "--help" : "--help --version", file);
        write_words(file, command->options);
        write_words(file, program->options);
        fputs("' ;;\n", file);
    }
    if (options_has_commands(program)) {
        fputs("        :-*) words='--help --version", file);
        write_words(file, program->options);
        fputs("' ;;\n        :*) words='", file);
        for (const struct command_spec *command = program->commands; command->name; command++)
            fprintf(file, "%s%s", command == program->commands ? "" : " ", command->name);
        fputs("' ;;\n", file);
    }
    for (const struct operand_words *operands = program->operand_words;
         operands != NULL && operands->command != NULL; operands++)
        write_operands(file, operands);
    fputs("        *) files=yes ;;\n        esac ;;\n    esac\n", file);
}

/* The program behind a guest's name is loaded where it is not yet: by bash-completion, or by
 * itself, beside this one. */
static void write_guest(FILE *file, const struct program_spec *program)
{
    static const char load[] =
        "        local guest=_%1$s_$command loader operand_here='' all=(\"${COMP_WORDS[@]}\")\n"
        "        local at=$COMP_CWORD\n"
        "        for loader in _comp_load __load_completion; do\n"
        "            if ! declare -F \"$guest\" && declare -F \"$loader\"; then\n"
        "                \"$loader\" \"%2$s-$command\"\n"
        "            fi\n"
        "        done > /dev/null 2>&1\n"
        "        if ! declare -F \"$guest\" > /dev/null; then\n"
        "            source <(\"${COMP_WORDS[0]}-$command\" --help=bash 2> /dev/null)\n"
        "        fi\n";
    static const char ask[] =
        "        if [[ $previous != %2$s ]] && declare -F \"$guest\" > /dev/null; then\n"
        "            COMP_WORDS=(\"%1$s-$command\" \"${COMP_WORDS[@]:i + 1}\")\n"
        "            COMP_CWORD=$((COMP_CWORD - i))\n"
        "            \"$guest\"\n"
        "            COMP_WORDS=(\"${all[@]}\") COMP_CWORD=$at\n"
        "        fi\n"
        "        case $command:$previous in\n"
        "        *:%2$s) files=yes ;;\n"
        "        %3$s) names=yes ;;\n"
        "        *) if [[ $word == -* ]]; then words='%2$s'; else names=$operand_here; fi ;;\n"
        "        esac ;;\n";
    char *identifier = text_copy(program->name);
    for (char *at = identifier; *at != '\0'; at++)
        *at = isalnum((unsigned char)*at) ? *at : '_';
    fprintf(file, "    %s)\n", program->guests->commands);
    fprintf(file, load, identifier, program->name);
    fprintf(file, ask, program->name, program->guests->own, program->guests->named);
    free(identifier);
}

void options_write_completion(FILE *file, const struct program_spec *program)
{
    fprintf(file, "# bash completion of %s, written by `%s --help=bash`\n_", program->name,
            program->name);
    write_identifier(file, program->name);
    fputs("() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local command='' words='' names='' files='' before='' i\n"
          "    COMPREPLY=()\n"
          /* Bash splits --name=value at the sign. */
          "    if [[ $word == = ]]; then\n"
          "        word=''\n"
          "    elif [[ $previous == = ]]; then\n"
          "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n",
          file);
    if (options_has_commands(program))
        write_command_search(file, program);
    if (program->guests != NULL) {
        fputs("    case $command in\n", file);
        write_guest(file, program);
        fputs("    *)\n", file);
    }
    write_values(file, program);
    if (program->guests != NULL)
        fputs("    ;;\n    esac\n", file);
    if (program->names != NULL) /* one, or several with commas between */
        fprintf(file,
                "    if [[ -n $names ]]; then\n"
                "        words+=\" $(%s)\"\n"
                "        if [[ $word == *,* ]]; then before=${word%%,*},; fi\n"
                "    fi\n",
                program->names);
    fputs(
        "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"$words\" -P \"$before\" -- "
        "\"${word#\"$before\"}\")\n"
        "    if [[ -n $files ]]; then\n"
        "        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$word\")\n"
        "        compopt -o filenames 2> /dev/null\n"
        "    fi\n"
        "}\n"
        "complete -F _",
        file);
    write_identifier(file, program->name);
    fprintf(file, " %s\n", program->name);
}
