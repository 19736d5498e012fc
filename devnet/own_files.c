#include "devnet/own_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/state_watch.h"

static const char commands_file[] = "commands";
/* In there, which each devnet begins anew. */
static const char remark[] = "# " DEVNET_EXPERIMENT_FILE " is the copy that the devnet keeps\n";

static bool is_there(const char *folder, const char *file)
{
    char *path = text_format("%s/%s", folder, file);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

bool own_files_are_in(const char *folder)
{
    return is_there(folder, STATE_FILE) || is_there(folder, "left.json") ||
           is_there(folder, commands_file);
}

bool own_files_has_genesis(const char *folder)
{
    return is_there(folder, "validator-config.yaml");
}

/* ---- of an experiment ---- */

bool own_files_has_experiment(const char *folder)
{
    char *path = text_format("%s/%s", folder, commands_file), *line = NULL;
    size_t room = 0;
    bool has = false;
    FILE *commands = fopen(path, "re");
    while (!has && commands != NULL && getline(&line, &room, commands) > 0)
        has = strcmp(line, remark) == 0;
    if (commands != NULL)
        fclose(commands);
    free(line);
    free(path);
    return has;
}

void own_files_note_experiment(const struct devnet *devnet)
{
    char *path = devnet_path(devnet, commands_file, NULL);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd >= 0) {
        /* Without it the copy is taken for somebody's file, and nothing replaces it. */
        file_write_all(fd, bytes_of_text(remark));
        close(fd);
    }
    free(path);
}

/* ---- before there is a devnet ---- */

/* Whether nothing is called FILE, which a devnet would replace. */
static bool check_absent(const struct devnet *devnet, const char *file, struct error *error)
{
    if (!is_there(devnet->folder, file))
        return true;
    return error_set(error,
                     "%s/%s: is not of an earlier devnet, and would be replaced: move it, or name "
                     "another folder with --dir",
                     devnet->folder, file);
}

static bool check_experiment(const struct devnet *devnet, const char *experiment,
                             struct error *error)
{
    char *copy = devnet_path(devnet, DEVNET_EXPERIMENT_FILE, NULL);
    bool is_copy = file_is_same(experiment, copy);
    free(copy);
    if (is_copy)
        return error_set(error,
                         "%s: is where the devnet in %s keeps a copy of its experiment: move it, "
                         "or name another folder with --dir",
                         experiment, devnet->folder);
    return own_files_has_experiment(devnet->folder) ||
           (check_absent(devnet, DEVNET_EXPERIMENT_FILE, error) &&
            check_absent(devnet, DEVNET_STEPS_FILE, error));
}

bool own_files_check(const struct devnet *devnet, const char *experiment, struct error *error)
{
    return (own_files_are_in(devnet->folder) || (check_absent(devnet, "mesh.json", error) &&
                                                 check_absent(devnet, "prometheus.json", error))) &&
           (experiment == NULL || check_experiment(devnet, experiment, error));
}

static void remove_file(const struct devnet *devnet, const char *file)
{
    char *path = devnet_path(devnet, file, NULL);
    unlink(path);
    free(path);
}

void own_files_remove(const struct devnet *devnet)
{
    if (!own_files_are_in(devnet->folder))
        return;
    if (own_files_has_experiment(devnet->folder)) {
        remove_file(devnet, DEVNET_EXPERIMENT_FILE);
        remove_file(devnet, DEVNET_STEPS_FILE);
    }
    if (!own_files_has_genesis(devnet->folder))
        remove_file(devnet, "nodes.yaml");
    remove_file(devnet, "mesh.json");
    remove_file(devnet, "left.json");
}
