/* What the command line of devnet-connect asks for. */
#ifndef CMD_CONNECT_SETTINGS_H
#define CMD_CONNECT_SETTINGS_H

#include "common/options.h"
#include "net/address/node_address.h"
#include "net/host/attempt.h"
#include "net/host/host.h"
#include "net/host/options.h"

/* What --publish sends: the FILE's PAYLOAD, on TOPIC. */
struct publication {
    const char *file, *topic; /* NULL: none */
    struct buffer payload;
};

struct connect_settings {
    const char *target; /* a multiaddr or a node record; NULL with --accept */
    struct node_address address;
    char name[MULTIADDR_TEXT_SIZE]; /* of the target: a multiaddr */
    bool accept, json;
    struct option_list listen;
    const char *from;
    struct option_list topics;
    struct node_options node;
    int until; /* enum attempt_step */
    uint64_t timeout_ms, hold_ms;
    const char *by_root, *by_range, *save; /* blocks to be fetched, and the folder for them */
    bool listens;                          /* to gossip */
    uint64_t count;
    struct publication publication;
    struct host_blocks_request blocks;
    struct buffer roots; /* its */
};

extern const struct program_spec connect_program;
/* Exits 2 with a message; as options_usage_error() takes the rest. */
#define connect_usage_error(...) options_usage_error(&connect_program, __VA_ARGS__)

/* Reads the command line; exits on help and on bad usage. */
void connect_settings_read(int argc, char **argv, struct connect_settings *settings);
void connect_settings_clear(struct connect_settings *settings);

#endif
