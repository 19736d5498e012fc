/* What the command lines of devnet-node and devnet-connect say alike of a node of ours: the rows of
 * their options, their check, and what they make of the host's settings. */
#ifndef NET_HOST_OPTIONS_H
#define NET_HOST_OPTIONS_H

#include "common/log.h"
#include "common/options.h"
#include "net/address/identity.h"
#include "net/host/block_recorder.h"
#include "net/host/host.h"
#include "net/qlog/writer.h"

/* A member `node` of a program's settings; all borrowed from the command line. */
struct node_options {
    const char *key, *key_hex; /* NULL: a new identity */
    const char *network, *agent;
    const char *finalized, *head; /* ROOT:SLOT, or NULL */
    const char *qlog, *keylog;
    uint64_t qlog_limit; /* bytes of a connection's log; 0: none */
    int log_level;       /* enum log_level */
    int trace;           /* 1: of every RPC */
    int sign;            /* 1: strict */
    struct block_recorder_settings record;
};

/* Rows for a table of options, of the program's settings SETTINGS. What differs by program is said
 * by itself: the default of an option, or a sentence of its help. */
#define NODE_OPTION_KEY(settings, help_text)                                                       \
    {.name = "key",                                                                                \
     .letter = 'k',                                                                                \
     .type = OPTION_STRING,                                                                        \
     .offset = offsetof(settings, node.key),                                                       \
     .argument = "FILE",                                                                           \
     .help = help_text,                                                                            \
     .files = true},                                                                               \
    {                                                                                              \
        .name = "key-hex", .type = OPTION_STRING, .offset = offsetof(settings, node.key_hex),      \
        .argument = "HEX", .help = "Our identity's secp256k1 secret itself"                        \
    }

#define NODE_OPTION_NETWORK(settings)                                                              \
    {                                                                                              \
        .name = "network", .letter = 'n', .type = OPTION_STRING,                                   \
        .offset = offsetof(settings, node.network), .argument = "NAME",                            \
        .help = "The network's name, part of Lean topics (default " HOST_NETWORK_DEFAULT ")"       \
    }

#define NODE_OPTION_STATUS(settings)                                                               \
    {.name = "finalized",                                                                          \
     .type = OPTION_STRING,                                                                        \
     .offset = offsetof(settings, node.finalized),                                                 \
     .argument = "ROOT:SLOT",                                                                      \
     .help = "Finalized checkpoint of our status (default: zero)"},                                \
    {                                                                                              \
        .name = "head", .type = OPTION_STRING, .offset = offsetof(settings, node.head),            \
        .argument = "ROOT:SLOT", .help = "Head of our status (default: zero)"                      \
    }

#define NODE_OPTION_RECORD(settings, help_text)                                                    \
    {.name = "record",                                                                             \
     .type = OPTION_STRING,                                                                        \
     .offset = offsetof(settings, node.record.folder),                                             \
     .argument = "DIR",                                                                            \
     .help = help_text,                                                                            \
     .files = true},                                                                               \
        {.name = "record-blocks",                                                                  \
         .type = OPTION_NUMBER,                                                                    \
         .offset = offsetof(settings, node.record.blocks_max),                                     \
         .argument = "N",                                                                          \
         .help =                                                                                   \
             "Record no more once so many blocks are kept, those of the start included (default "  \
             "65536)",                                                                             \
         .minimum = 1,                                                                             \
         .maximum = BLOCK_STORE_MAX},                                                              \
    {                                                                                              \
        .name = "record-bytes", .type = OPTION_NUMBER,                                             \
        .offset = offsetof(settings, node.record.bytes_max), .argument = "N",                      \
        .help = "The same of their bytes (default 1073741824, which is 1 GiB)", .minimum = 1       \
    }

#define NODE_OPTION_SIGN(settings, help_text)                                                      \
    {                                                                                              \
        .name = "sign", .type = OPTION_CHOICE, .offset = offsetof(settings, node.sign),            \
        .argument = "POLICY", .help = help_text, .choices = node_option_sign                       \
    }

/* MEMBER takes the bytes; LOG, a text, is what each of the QUIC logs is of. */
#define NODE_OPTION_QLOG_LIMIT(settings, member, log)                                              \
    {                                                                                              \
        .name = "qlog-limit", .type = OPTION_SIZE, .offset = offsetof(settings, member),           \
        .argument = "SIZE",                                                                        \
        .help = "With --qlog: no more bytes a " log " than this, such as 4M; the oldest packets "  \
                "go first, what tells of orphans stays (default: no limit)",                       \
        .minimum = QLOG_WRITER_LIMIT_MIN                                                           \
    }

#define NODE_OPTION_QLOG(settings)                                                                 \
    {                                                                                              \
        .name = "qlog", .type = OPTION_STRING, .offset = offsetof(settings, node.qlog),            \
        .argument = "DIR", .help = "Write a QUIC log of each connection there", .files = true      \
    }

#define NODE_OPTION_KEYLOG(settings)                                                               \
    {                                                                                              \
        .name = "keylog", .type = OPTION_STRING, .offset = offsetof(settings, node.keylog),        \
        .argument = "FILE",                                                                        \
        .help = "Append TLS secrets there, for Wireshark (default $SSLKEYLOGFILE)", .files = true  \
    }

/* PROGRAM as in "devnet-node". */
#define NODE_OPTION_AGENT(settings, program)                                                       \
    {                                                                                              \
        .name = "agent", .type = OPTION_STRING, .offset = offsetof(settings, node.agent),          \
        .argument = "TEXT", .help = "What identify says we are (default " program "/VERSION)"      \
    }

#define NODE_OPTION_LOG_LEVEL(settings, level)                                                     \
    {                                                                                              \
        .name = "log-level", .type = OPTION_CHOICE, .offset = offsetof(settings, node.log_level),  \
        .argument = "LEVEL", .help = "What to log on stderr (default " level ")",                  \
        .choices = log_level_names                                                                 \
    }

#define NODE_OPTION_TRACE(settings, help_text)                                                     \
    {                                                                                              \
        .name = "trace", .type = OPTION_CHOICE, .offset = offsetof(settings, node.trace),          \
        .argument = "WHAT", .help = help_text, .choices = node_option_traces                       \
    }

extern const char *const node_option_sign[];
extern const char *const node_option_traces[];

/* False with the error set, which names the option: two that exclude each other, a name that no
 * network can have, or a limit of what is not written. */
bool node_options_check(const struct node_options *options, struct error *error);
/*
 * Everything of HOST that they say, but for the trace. False with the error set, which names the
 * option.
 */
bool node_options_apply(const struct node_options *options, struct host_settings *host,
                        struct error *error);
/*
 * The identity of --key or --key-hex, or a new one. NULL with the error set; USAGE tells whether
 * the command line is to blame.
 */
struct identity *node_options_identity(const struct node_options *options, bool *usage,
                                       struct error *error);
/* After host_new has failed with ERROR: whether a path of these options is to blame, which the
 * error then names. */
bool node_options_blame(const struct node_options *options, struct error *error);

#endif
