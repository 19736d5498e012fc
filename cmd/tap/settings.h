/* devnet-tap's command line. */
#ifndef CMD_TAP_SETTINGS_H
#define CMD_TAP_SETTINGS_H

#include "common/options.h"

enum { EXIT_TAP_FAILED = 1 };

struct tap_options {
    const char *qlog, *api, *genesis, *out;
    const char *html, *from; /* a page to write; events to draw in the stead of a tap's */
    uint64_t qlog_limit;     /* bytes of each log; 0: no limit */
    int log_level, log_format, trace;
    struct option_list holds, refusals, resets,
        dropped_echoes; /* rules, as tap_rule_parse takes them */
    char **nodes;       /* into argv */
    size_t node_count;
};

extern const struct program_spec tap_program;
/* Exits 2 with a message; as options_usage_error() takes the rest. */
#define tap_usage_error(...) options_usage_error(&tap_program, __VA_ARGS__)

/* Ends the program on a usage error. */
void tap_options_read(int argc, char **argv, struct tap_options *options);
void tap_options_clear(struct tap_options *options);

#endif
