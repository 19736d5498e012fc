#include "common/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/options_pages.h"
#include "common/output.h"
#include "common/program.h"
#include "common/utf8.h"
#include "common/words.h"

const struct option_spec options_builtin[] = {
    {.name = "help",
     .letter = 'h',
     .help = "Show this help; --help=man writes the manual page, --help=bash a completion script, "
             "--help=check only checks the options, and prints the operands"},
    {.name = "version", .help = "Show the version"},
    {0},
};

static const struct option_spec *const help_option = &options_builtin[0];
static const struct option_spec *const version_option = &options_builtin[1];

bool options_blame(struct error *error, const char *option, const char *value)
{
    size_t size = value != NULL ? strlen(value) : 0;
    if (value == NULL || strncmp(error->text, value, size) != 0 || error->text[size] != ':')
        return false;
    struct error before = *error;
    error_set_kind(error, before.kind, "%s %s", option, before.text);
    return true;
}

void options_usage_error(const struct program_spec *program, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        memory_exhausted();
    va_end(arguments);
    char *safe = utf8_safe_text(bytes_of_text(text));
    fprintf(stderr, "%s: %s\ntry: %s --help\n", program->name, safe, program->name);
    free(safe);
    free(text);
    exit(2);
}

/* Options are looked up in those of COMMAND, or of all commands while it is not known yet. */
struct scanner {
    const struct program_spec *program;
    const struct command_spec *command;
    char **argv;
    int argc;
    int next;
    const char *cluster; /* the letters left of an argument such as -vq */
    bool operands_only;  /* after -- */
};

struct token {
    const struct option_spec *option; /* NULL: an operand */
    char shown[64];                   /* the option as it was written, for messages */
    char *text;                       /* the operand, or the option's value; NULL: none */
};

static const struct option_spec *find_in(const struct option_spec *options, const char *name,
                                         size_t size, char letter)
{
    for (; options_is_option(options); options++)
        if (name != NULL ? strlen(options->name) == size && memcmp(options->name, name, size) == 0
                         : options->letter == letter)
            return options;
    return NULL;
}

static const struct option_spec *find_option(const struct scanner *scanner, const char *name,
                                             size_t size, char letter)
{
    const struct option_spec *option = find_in(options_builtin, name, size, letter);
    if (option == NULL)
        option = find_in(scanner->program->options, name, size, letter);
    if (option == NULL && scanner->command != NULL)
        return find_in(scanner->command->options, name, size, letter);
    const struct command_spec *command = scanner->program->commands;
    for (; option == NULL && options_is_command(command); command++)
        option = find_in(command->options, name, size, letter);
    return option;
}

/* The program, and the command where there is one: what comes before a message. */
static _Noreturn void unknown_option(const struct scanner *scanner, const char *shown)
{
    const char *command = scanner->command != NULL ? scanner->command->name : NULL;
    options_usage_error(scanner->program, "unknown option %s%s%s", shown,
                        command != NULL ? " for " : "", command != NULL ? command : "");
}

/* The value of an option that was written without one: the next argument. */
static void take_value(struct scanner *scanner, struct token *token)
{
    if (token->option->type == OPTION_FLAG)
        return;
    if (scanner->next >= scanner->argc) {
        char *argument = options_argument(token->option);
        options_usage_error(scanner->program, "%s needs a value: %s %s", token->shown, token->shown,
                            argument);
    }
    token->text = scanner->argv[scanner->next++];
}

static void scan_letter(struct scanner *scanner, struct token *token)
{
    char letter = *scanner->cluster++;
    snprintf(token->shown, sizeof(token->shown), "-%c", letter);
    token->option = find_option(scanner, NULL, 0, letter);
    if (token->option == NULL)
        unknown_option(scanner, token->shown);
    if (token->option->type != OPTION_FLAG && *scanner->cluster != '\0') {
        token->text = (char *)scanner->cluster;
        scanner->cluster = NULL;
    } else {
        take_value(scanner, token);
    }
}

static void scan_long(struct scanner *scanner, char *argument, struct token *token)
{
    char *name = argument + 2;
    size_t size = strcspn(name, "=");
    snprintf(token->shown, sizeof(token->shown), "--%.*s", (int)size, name);
    token->option = find_option(scanner, name, size, 0);
    if (token->option == NULL)
        unknown_option(scanner, token->shown);
    if (name[size] == '\0')
        take_value(scanner, token);
    else if (token->option->type == OPTION_FLAG && token->option != help_option)
        options_usage_error(scanner->program, "%s takes no value", token->shown);
    else
        token->text = name + size + 1;
}

/* False at the end of the arguments. */
static bool scan(struct scanner *scanner, struct token *token)
{
    *token = (struct token){0};
    if (scanner->cluster != NULL && *scanner->cluster != '\0') {
        scan_letter(scanner, token);
        return true;
    }
    if (scanner->next >= scanner->argc)
        return false;
    char *argument = scanner->argv[scanner->next++];
    if (scanner->operands_only || argument[0] != '-' || argument[1] == '\0') {
        token->text = argument;
    } else if (strcmp(argument, "--") == 0) {
        scanner->operands_only = true;
        return scan(scanner, token);
    } else if (argument[1] == '-') {
        scan_long(scanner, argument, token);
    } else {
        scanner->cluster = argument + 1;
        scan_letter(scanner, token);
    }
    return true;
}

static _Noreturn void end_printed(void)
{
    struct error error;
    if (!output_end(&error))
        program_fail("%s", error.text);
    exit(0);
}

static _Noreturn void show_help(const struct program_spec *program,
                                const struct command_spec *command, const char *form)
{
    if (form == NULL)
        options_write_help(stdout, program, command);
    else if (strcmp(form, "man") == 0)
        options_write_man(stdout, program);
    else if (strcmp(form, "bash") == 0)
        options_write_completion(stdout, program);
    else
        options_usage_error(
            program, "--help=%s: the forms are --help, --help=man, --help=bash and --help=check",
            form);
    end_printed();
}

static _Noreturn void show_operands(const struct options_result *result)
{
    struct buffer line = {0};
    for (size_t i = 0; i < result->operand_count; i++)
        words_append(&line, result->operands[i]);
    buffer_append(&line, "", 1);
    puts((const char *)line.data);
    buffer_clear(&line);
    end_printed();
}

static const struct command_spec *find_command(const struct program_spec *program, const char *name)
{
    for (const struct command_spec *command = program->commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    options_usage_error(program, "unknown command '%s'", name);
}

/* Looks for the command's name, help and version: what decides how the rest is read. CHECK becomes
 * whether it is to be read and no more. */
static const struct command_spec *scan_for_command(struct scanner scanner, bool *check)
{
    const struct program_spec *program = scanner.program;
    const struct command_spec *command = options_has_commands(program) ? NULL : program->commands;
    bool help = false;
    const char *form = NULL;
    for (struct token token; scan(&scanner, &token);) {
        if (token.option == version_option) {
            printf("%s %s\n", program->name, DEVNET_VERSION);
            end_printed();
        } else if (token.option == help_option) {
            help = true;
            form = token.text;
        } else if (token.option == NULL && command == NULL) {
            command = find_command(program, token.text);
            scanner.command = command;
        }
    }
    *check = form != NULL && strcmp(form, "check") == 0;
    if (help && !*check)
        show_help(program, options_has_commands(program) ? command : NULL, form);
    if (command == NULL)
        options_usage_error(program, "a command is missing");
    return command;
}

static bool all_digits(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool number_parse(const char *text, uint64_t *number, struct error *error)
{
    if (!all_digits(text))
        return error_set(error, "'%s' is not a whole number", text);
    errno = 0;
    *number = strtoull(text, NULL, 10);
    return errno == 0 || error_set(error, "'%s' is too large", text);
}

bool decimal_parse(const char *text, double *decimal, struct error *error)
{
    const char *rest = text + strspn(text, "0123456789");
    bool digits = rest > text;
    if (*rest == '.') {
        size_t fraction = strspn(++rest, "0123456789");
        digits = digits || fraction > 0;
        rest += fraction;
    }
    if (!digits || *rest != '\0')
        return error_set(error, "'%s' is not a decimal number", text);
    *decimal = strtod(text, NULL);
    return true;
}

/* Milliseconds in the unit that TEXT names, or 0. */
static uint64_t duration_unit(const char *text)
{
    static const struct {
        const char *name;
        uint64_t milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (strcmp(units[i].name, text) == 0)
            return units[i].milliseconds;
    return 0;
}

bool duration_parse(const char *text, uint64_t *milliseconds, struct error *error)
{
    char *end = (char *)text;
    errno = 0;
    uint64_t whole = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    bool overflow = errno != 0;
    uint64_t fraction = 0, scale = 1;
    bool numbered = end > text;
    if (numbered && *end == '.') {
        numbered = end[1] >= '0' && end[1] <= '9';
        /* Six digits tell the milliseconds of a minute; more could only be a fraction of one. */
        for (end++; *end >= '0' && *end <= '9' && scale < 1000000; end++, scale *= 10)
            fraction = fraction * 10 + (uint64_t)(*end - '0');
    }
    uint64_t unit = duration_unit(end);
    if (!numbered || unit == 0)
        return error_set(error, "'%s' is not a duration such as 500ms, 4s or 2m", text);
    if (fraction * unit % scale != 0)
        return error_set(error, "'%s' is not a whole number of milliseconds", text);
    if (overflow || __builtin_mul_overflow(whole, unit, &whole) ||
        __builtin_add_overflow(whole, fraction * unit / scale, milliseconds))
        return error_set(error, "'%s' is too long", text);
    return true;
}

bool size_parse(const char *text, uint64_t *bytes, struct error *error)
{
    static const char units[] = "KMG";
    char *end = (char *)text;
    errno = 0;
    uint64_t whole = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    const char *unit = *end != '\0' && end[1] == '\0' ? strchr(units, *end) : NULL;
    if (end == text || (*end != '\0' && unit == NULL))
        return error_set(error, "'%s' is not a size such as 65536, 512K, 4M or 1G", text);
    uint64_t scale = unit != NULL ? UINT64_C(1024) << (10 * (unit - units)) : 1;
    if (errno != 0 || __builtin_mul_overflow(whole, scale, bytes))
        return error_set(error, "'%s' is too large", text);
    return true;
}

static bool choice_parse(const struct option_spec *option, const char *text, int *index,
                         struct error *error)
{
    char names[ERROR_TEXT_SIZE] = "";
    for (int i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *index = i;
            return true;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "", option->choices[i]);
    }
    return error_set(error, "'%s' is not one of %s", text, names);
}

static bool check_range(const struct option_spec *option, double value, const char *text,
                        struct error *error)
{
    const char *unit = option->type == OPTION_DURATION ? "ms"
                       : option->type == OPTION_SIZE   ? " bytes"
                                                       : "";
    if (value < (double)option->minimum)
        return error_set(error, "'%s' is under the minimum of %llu%s", text,
                         (unsigned long long)option->minimum, unit);
    if (option->maximum > 0 && value > (double)option->maximum)
        return error_set(error, "'%s' is over the maximum of %llu%s", text,
                         (unsigned long long)option->maximum, unit);
    return true;
}

static void list_append(struct option_list *list, const char *item)
{
    list->items = memory_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = item;
}

static bool set_value(const struct option_spec *option, const char *text, void *value,
                      struct error *error)
{
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)value = true;
        return true;
    case OPTION_STRING:
        *(const char **)value = text;
        return true;
    case OPTION_LIST:
        list_append(value, text);
        return true;
    case OPTION_NUMBER:
        return number_parse(text, value, error) &&
               check_range(option, (double)*(uint64_t *)value, text, error);
    case OPTION_DECIMAL:
        return decimal_parse(text, value, error) &&
               check_range(option, *(double *)value, text, error);
    case OPTION_DURATION:
        return duration_parse(text, value, error) &&
               check_range(option, (double)*(uint64_t *)value, text, error);
    case OPTION_SIZE:
        return size_parse(text, value, error) &&
               check_range(option, (double)*(uint64_t *)value, text, error);
    case OPTION_CHOICE:
        return choice_parse(option, text, value, error);
    }
    return false;
}

static void check_operands(const struct program_spec *program, const struct options_result *result)
{
    const struct command_spec *command = result->command;
    const char *name = command->name != NULL ? command->name : program->name;
    if (result->operand_count < command->operands_minimum)
        options_usage_error(program, "too few operands: %s %s", name,
                            command->operands != NULL ? command->operands : "");
    if (result->operand_count <= command->operands_maximum)
        return;
    options_usage_error(
        program, "unexpected operand '%s'%s%s", result->operands[command->operands_maximum],
        command->operands != NULL ? ": " : "", command->operands != NULL ? command->operands : "");
}

struct options_result options_parse(const struct program_spec *program, int argc, char **argv,
                                    void *values)
{
    struct scanner scanner = {.program = program, .argc = argc, .argv = argv, .next = 1};
    struct options_result result = {.operands = argc > 0 ? argv + 1 : argv};
    bool check;
    result.command = scanner.command = scan_for_command(scanner, &check);
    bool command_seen = !options_has_commands(program);
    for (struct token token; scan(&scanner, &token);) {
        struct error error;
        if (token.option == NULL && !command_seen)
            command_seen = true;
        else if (token.option == NULL)
            result.operands[result.operand_count++] = token.text;
        else if (token.option == help_option)
            continue;
        else if (!set_value(token.option, token.text, (char *)values + token.option->offset,
                            &error))
            options_usage_error(program, "%s: %s", token.shown, error.text);
    }
    if (check)
        show_operands(&result);
    check_operands(program, &result);
    return result;
}

static void clear_lists(const struct option_spec *option, void *values)
{
    for (; options_is_option(option); option++) {
        if (option->type != OPTION_LIST)
            continue;
        struct option_list *list = (struct option_list *)((char *)values + option->offset);
        free(list->items);
        *list = (struct option_list){0};
    }
}

void options_clear(const struct program_spec *program, void *values)
{
    clear_lists(program->options, values);
    for (const struct command_spec *command = program->commands; options_is_command(command);
         command++)
        clear_lists(command->options, values);
}
