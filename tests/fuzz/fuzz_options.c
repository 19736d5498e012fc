/*
 * Command lines, an argument a line behind a byte that says which program's. What is accepted keeps
 * to its limits and reads the same when it is written out anew; what is not is told in two lines.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/options.h"
#include "tests/fuzz/fuzz.h"

enum { ARGUMENTS_MAX = 64, COUNT_MAX = 9, WAIT_MAX = 60000, USAGE = 2 };
enum { DIGITS_MAX = 1074 }; /* of the smallest number's fraction */

struct values {
    bool loud, quiet;
    const char *name;
    struct option_list peers;
    uint64_t count, wait;
    double loss;
    int until;
};

static const char *const untils[] = {"handshake", "mesh", NULL};

#define AT(member) .offset = offsetof(struct values, member)

static const struct option_spec options[] = {
    {"loud", 'l', OPTION_FLAG, AT(loud), .help = "Say more"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), .help = "Say less"},
    {"name", 'n', OPTION_STRING, AT(name), "NAME", "Its name"},
    {"peer", 'p', OPTION_LIST, AT(peers), "ADDRESS", "A peer"},
    {"count", 'c', OPTION_NUMBER, AT(count), "N", "How many", .minimum = 2, .maximum = COUNT_MAX},
    {"loss", 0, OPTION_DECIMAL, AT(loss), "PERCENT", "Lost datagrams", .maximum = 100},
    {"wait", 'w', OPTION_DURATION, AT(wait), "DURATION", "How long", .maximum = WAIT_MAX},
    {0},
};
static const struct option_spec walk_options[] = {
    {"until", 'u', OPTION_CHOICE, AT(until), "STEP", "Where to stop", .choices = untils},
    {0},
};
static const struct command_spec one_command[] = {
    {.summary = "", .operands = "[FILE...]", .options = walk_options, .operands_maximum = 2},
    {0},
};
static const struct command_spec two_commands[] = {
    {"walk", "A B", "Walk from A to B", walk_options, 2, 2},
    {"rest", NULL, "Do nothing", NULL, 0, 0},
    {0},
};
static const struct exit_status statuses[] = {{0, "it worked"}, {USAGE, "usage"}, {0}};
static const struct example examples[] = {{"thing --loud", "Does it."}, {0}};
static const struct operand_words words[] = {{"walk", "here there", true, false}, {0}};
static const struct program_spec programs[] = {
    {"thing", "does a thing", "It does.", options, one_command, examples, statuses,
     .see_also = NULL},
    {"things", "does things", "It does.", options, two_commands, examples, statuses,
     .operand_words = words, .names = "echo a b"},
};

/* Where exit() leads to while a command line is read. */
static jmp_buf *leaving;

const char *__asan_default_options(void);
_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);

_Noreturn void __wrap_exit(int status)
{
    if (leaving == NULL)
        __real_exit(status);
    longjmp(*leaving, 1 + status);
}

/* What is left where a program would have ended is nobody's. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* What was printed. */
struct printed {
    char *text;
    size_t size;
    FILE *file, **stream, *former;
};

static void print_into(struct printed *printed, FILE **stream)
{
    printed->stream = stream;
    printed->former = *stream;
    printed->file = *stream = open_memstream(&printed->text, &printed->size);
}

static void print_no_more(struct printed *printed)
{
    *printed->stream = printed->former;
    fclose(printed->file);
}

static void check_printed(const struct program_spec *program, int status, const char *out,
                          const char *err)
{
    char *ending = text_format("\ntry: %s --help\n", program->name);
    char *beginning = text_format("%s: ", program->name);
    size_t size = strlen(err);
    require(status == 0 || status == USAGE);
    require((status == 0) == (*out != '\0') && (status == 0) == (*err == '\0'));
    require(status == 0 ||
            (strncmp(err, beginning, strlen(beginning)) == 0 && size > strlen(ending) &&
             strcmp(err + size - strlen(ending), ending) == 0));
    free(ending);
    free(beginning);
}

/* False where the program would have ended. */
static bool parse(const struct program_spec *program, int argc, char **argv,
                  struct options_result *result, struct values *values)
{
    struct printed out = {0}, err = {0};
    jmp_buf here;
    print_into(&out, &stdout);
    print_into(&err, &stderr);
    leaving = &here;
    int left = setjmp(here);
    if (left == 0)
        *result = options_parse(program, argc, argv, values);
    leaving = NULL;
    print_no_more(&out);
    print_no_more(&err);
    if (left != 0)
        check_printed(program, left - 1, out.text, err.text);
    else
        require(out.size == 0 && err.size == 0);
    free(out.text);
    free(err.text);
    return left == 0;
}

static void check_values(const struct options_result *result, const struct values *values)
{
    require(result->command != NULL);
    require(result->operand_count >= result->command->operands_minimum &&
            result->operand_count <= result->command->operands_maximum);
    require(values->count >= 2 && values->count <= COUNT_MAX);
    require(values->wait <= WAIT_MAX);
    require(values->loss >= 0 && values->loss <= 100);
    require(values->until >= 0 && values->until < 2);
    for (size_t i = 0; i < values->peers.count; i++)
        require(values->peers.items[i] != NULL);
}

struct line {
    char *arguments[ARGUMENTS_MAX + 16];
    int count;
};

static void add(struct line *line, char *argument)
{
    line->arguments[line->count++] = argument;
}

static struct line write_line(const struct program_spec *program,
                              const struct options_result *result, const struct values *values)
{
    struct line line = {0};
    add(&line, text_copy(program->name));
    if (result->command->name != NULL)
        add(&line, text_copy(result->command->name));
    if (values->loud)
        add(&line, text_copy("-l"));
    if (values->quiet)
        add(&line, text_copy("--quiet"));
    if (values->name != NULL)
        add(&line, text_format("--name=%s", values->name));
    for (size_t i = 0; i < values->peers.count; i++)
        add(&line, text_format("--peer=%s", values->peers.items[i]));
    add(&line, text_format("-c%llu", (unsigned long long)values->count));
    add(&line, text_format("--wait=%llums", (unsigned long long)values->wait));
    if (values->loss > 0)
        add(&line, text_format("--loss=%.*f", DIGITS_MAX, values->loss));
    if (result->command->options != NULL)
        add(&line, text_format("-u%s", untils[values->until]));
    add(&line, text_copy("--"));
    for (size_t i = 0; i < result->operand_count; i++)
        add(&line, text_copy(result->operands[i]));
    return line;
}

/* Reading moves operands within them: those that were given are freed. */
static void free_all(char **arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(arguments[i]);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_written_anew(const struct program_spec *program,
                               const struct options_result *result, const struct values *values)
{
    struct line line = write_line(program, result, values), written = line;
    struct options_result again;
    struct values read = {.count = 2};
    require(parse(program, line.count, line.arguments, &again, &read));
    require(again.command == result->command && again.operand_count == result->operand_count);
    for (size_t i = 0; i < result->operand_count; i++)
        require(strcmp(again.operands[i], result->operands[i]) == 0);
    require(read.loud == values->loud && read.quiet == values->quiet &&
            read.count == values->count && read.wait == values->wait && read.loss == values->loss &&
            same_text(read.name, values->name) && read.peers.count == values->peers.count);
    require(result->command->options == NULL || read.until == values->until);
    for (size_t i = 0; i < values->peers.count; i++)
        require(strcmp(read.peers.items[i], values->peers.items[i]) == 0);
    options_clear(program, &read);
    free_all(written.arguments, (size_t)written.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *arguments[ARGUMENTS_MAX + 1] = {NULL}, *given[ARGUMENTS_MAX + 1];
    int count = 0;
    if (size == 0)
        return 0;
    const struct program_spec *program = &programs[data[0] % 2];
    struct bytes input = bytes_of(data + 1, size - 1);
    arguments[count++] = text_copy(program->name);
    while (input.size > 0 && count < ARGUMENTS_MAX) {
        const uint8_t *end = memchr(input.data, '\n', input.size);
        size_t length = end != NULL ? (size_t)(end - input.data) : input.size;
        arguments[count++] = text_format("%.*s", (int)length, (const char *)input.data);
        input = bytes_after(input, end != NULL ? length + 1 : length);
    }
    memcpy(given, arguments, sizeof(given));
    struct options_result result;
    struct values values = {.count = 2};
    if (parse(program, count, arguments, &result, &values)) {
        check_values(&result, &values);
        check_written_anew(program, &result, &values);
    }
    options_clear(program, &values);
    free_all(given, (size_t)count);
    return 0;
}
