/*
 * A program's command line, described once: options, --help, the man page and the completion all
 * come from the tables below.
 *
 * Every program understands, beside its own: -h, --help (text), --help=man (roff), --help=bash
 * (a completion script), --help=check (options are read as ever, the operands are printed as a
 * shell takes them, however many there are, and nothing is done), --version, `--` and
 * `--name=value`. Long options are matched whole.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum option_type {
    OPTION_FLAG,     /* bool */
    OPTION_STRING,   /* const char *, pointing into argv */
    OPTION_LIST,     /* struct option_list: may be given more than once */
    OPTION_NUMBER,   /* uint64_t, between minimum and maximum */
    OPTION_DECIMAL,  /* double, between minimum and maximum */
    OPTION_DURATION, /* uint64_t, milliseconds, written 500ms, 4s, 2m */
    OPTION_SIZE,     /* uint64_t, bytes, written 65536, 512K, 4M, 1G */
    OPTION_CHOICE,   /* int, an index into choices */
};

struct option_list {
    const char **items;
    size_t count;
};

struct option_spec {
    const char *name; /* long name, without the dashes */
    char letter;      /* short name, or 0 */
    enum option_type type;
    size_t offset;              /* where the value goes, in the struct given to options_parse */
    const char *argument;       /* how help names the value, such as "FILE"; NULL for a flag */
    const char *help;           /* one sentence, without a full stop; defaults included */
    uint64_t minimum, maximum;  /* numbers and durations; maximum 0: no limit */
    const char *const *choices; /* NULL-terminated, for OPTION_CHOICE; of a string: such as these */
    bool files;                 /* completion offers file names */
    const char *(*words)(void); /* completion offers these, separated by spaces; may be NULL */
    bool names;                 /* completion offers what the program's `names` prints */
};

struct example {
    const char *command;
    const char *meaning;
};

struct exit_status {
    int status;
    const char *meaning;
};

/* A subcommand, such as the `dump` of devnet-mesh; programs without any have one unnamed. */
struct command_spec {
    const char *name;     /* NULL where the program has no subcommands */
    const char *operands; /* how help names them, such as "A B" or "[FILE...]"; NULL where none */
    const char *summary;
    const struct option_spec *options;         /* ends with a spec without a name; may be NULL */
    size_t operands_minimum, operands_maximum; /* SIZE_MAX: no limit */
};

/* What completion offers as the operands of a command; of others it offers file names. */
struct operand_words {
    const char *command;
    const char *words; /* separated by spaces; may be NULL */
    bool names;        /* what `names` prints, too */
    bool files;        /* file names, too */
};

/* Commands that run another program, NAME-COMMAND: its completion is asked for what stands behind,
 * and its operands may be what `names` prints. Each is a pattern of bash. */
struct guest_words {
    const char *commands; /* "a | b" */
    const char *named;    /* "a:--option | b:-o": whose values may be such names, too */
    const char *own;      /* "--option": of ours, taken there, too; its value is a file */
};

struct program_spec {
    const char *name;
    const char *summary;               /* one line, for the man page's NAME */
    const char *description;           /* paragraphs, separated by blank lines */
    const struct option_spec *options; /* those of every command; ends with a spec without a name */
    const struct command_spec *commands;     /* ends with a spec whose name and summary are NULL */
    const struct example *examples;          /* ends with a NULL command */
    const struct exit_status *exit_statuses; /* ends with a NULL meaning */
    const char *see_also;
    const struct operand_words *operand_words; /* ends with a NULL command; may be NULL */
    const char *names; /* bash that prints words which are not known before; may be NULL */
    const struct guest_words *guests; /* may be NULL */
};

struct options_result {
    const struct command_spec *command;
    char **operands; /* into argv */
    size_t operand_count;
};

/*
 * Fills VALUES, a struct that the offsets refer to, whose defaults the caller has set. Prints and
 * exits 0 for help and version; on a usage error prints `NAME: what is wrong` and
 * `try: NAME --help` on stderr and exits 2. Options may stand before, between and after operands
 * and the subcommand's name.
 */
struct options_result options_parse(const struct program_spec *program, int argc, char **argv,
                                    void *values);
/* Frees the items of every list in VALUES. */
void options_clear(const struct program_spec *program, void *values);

/* Where ERROR begins with VALUE, as "VALUE: ...", puts OPTION before it, and returns true. VALUE
 * may be NULL. */
bool options_blame(struct error *error, const char *option, const char *value);

/* `NAME: message` and `try: NAME --help` on stderr, exit 2: for what the tables cannot express. */
_Noreturn void options_usage_error(const struct program_spec *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Digits, with a point among them or not. */
bool decimal_parse(const char *text, double *decimal, struct error *error);
/* A duration such as 500ms, 4s, 2m, 1.5s; a bare number is refused. */
bool duration_parse(const char *text, uint64_t *milliseconds, struct error *error);
/* Reads "512K": bytes, or with K, M or G so many times 1024, 1024^2, 1024^3. */
bool size_parse(const char *text, uint64_t *bytes, struct error *error);

#endif
