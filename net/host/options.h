/* What the command lines of devnet-node and devnet-connect say alike of a node of ours: the rows of
 * their options, their check, and what they make of the host's settings. */
#ifndef NET_HOST_OPTIONS_H
#define NET_HOST_OPTIONS_H

#include "common/options.h"
#include "net/address/identity.h"
#include "net/host/host.h"

/* A member `node` of a program's settings; all borrowed from the command line. */
struct node_options {
    const char *key, *key_hex; /* NULL: a new identity */
    const char *network, *agent;
    const char *finalized, *head; /* ROOT:SLOT, or NULL */
    const char *qlog, *keylog;
    int log_level; /* enum log_level */
    int trace;     /* 1: of every RPC */
    int sign;      /* 1: strict */
};

/* Rows for a table of options, of the program's settings SETTINGS. What differs by program is said
 * by itself: the default of an option, or a sentence of its help. */
#define NODE_OPTION(settings, member) .offset = offsetof(settings, node.member)

#define NODE_OPTION_KEY(settings, help_text)                                                       \
    {"key", 'k', OPTION_STRING, NODE_OPTION(settings, key), "FILE", help_text, .files = true},     \
    {                                                                                              \
        "key-hex", 0, OPTION_STRING, NODE_OPTION(settings, key_hex), "HEX",                        \
            "Our identity's secp256k1 secret itself"                                               \
    }

#define NODE_OPTION_NETWORK(settings)                                                              \
    {                                                                                              \
        "network", 'n', OPTION_STRING, NODE_OPTION(settings, network), "NAME",                     \
            "The network's name, part of Lean topics (default " HOST_NETWORK_DEFAULT ")"           \
    }

#define NODE_OPTION_STATUS(settings)                                                               \
    {"finalized",   0,                                                                             \
     OPTION_STRING, NODE_OPTION(settings, finalized),                                              \
     "ROOT:SLOT",   "Finalized checkpoint of our status (default: zero)"},                         \
    {                                                                                              \
        "head", 0, OPTION_STRING, NODE_OPTION(settings, head), "ROOT:SLOT",                        \
            "Head of our status (default: zero)"                                                   \
    }

#define NODE_OPTION_SIGN(settings, help_text)                                                      \
    {                                                                                              \
        "sign", 0, OPTION_CHOICE, NODE_OPTION(settings, sign), "POLICY", help_text,                \
            .choices = node_option_sign                                                            \
    }

#define NODE_OPTION_LOGS(settings)                                                                 \
    {"qlog",        0,                                                                             \
     OPTION_STRING, NODE_OPTION(settings, qlog),                                                   \
     "DIR",         "Write a QUIC log of each connection there",                                   \
     .files = true},                                                                               \
    {                                                                                              \
        "keylog", 0, OPTION_STRING, NODE_OPTION(settings, keylog), "FILE",                         \
            "Append TLS secrets there, for Wireshark (default $SSLKEYLOGFILE)", .files = true      \
    }

/* PROGRAM as in "devnet-node". */
#define NODE_OPTION_AGENT(settings, program)                                                       \
    {                                                                                              \
        "agent", 0, OPTION_STRING, NODE_OPTION(settings, agent), "TEXT",                           \
            "What identify says we are (default " program "/VERSION)"                              \
    }

#define NODE_OPTION_LOG_LEVEL(settings, level)                                                     \
    {                                                                                              \
        "log-level", 0, OPTION_CHOICE, NODE_OPTION(settings, log_level), "LEVEL",                  \
            "What to log on stderr (default " level ")", .choices = node_option_log_levels         \
    }

#define NODE_OPTION_TRACE(settings, help_text)                                                     \
    {                                                                                              \
        "trace", 0, OPTION_CHOICE, NODE_OPTION(settings, trace), "WHAT", help_text,                \
            .choices = node_option_traces                                                          \
    }

extern const char *const node_option_sign[], *const node_option_log_levels[],
                                                 *const node_option_traces[];

/* False with the error set, which names the option: two that exclude each other, or a name that no
 * network can have. */
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
