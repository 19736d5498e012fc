/* What the commands of devnet-mesh share. */
#ifndef CMD_MESH_MESH_H
#define CMD_MESH_MESH_H

#include <jansson.h>

#include "common/options.h"

enum { MESH_SAME = 0, MESH_DIFFERENT = 1, MESH_UNREACHABLE = 1, MESH_TROUBLE = 2 };

struct mesh_options {
    const char *output;
    bool text;
    bool json;
    uint64_t timeout;
};

/* Each returns the exit status. */
int mesh_dump_command(const struct mesh_options *options, const char *const *apis, size_t count);
int mesh_diff_command(const struct mesh_options *options, const char *a, const char *b);

/* Prints a snapshot for people, on stdout. */
void mesh_print(const json_t *snapshot);

#endif
