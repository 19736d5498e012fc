#include "devnet/own_files.h"

#include <dirent.h>
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

/* Whether the file of that name is a devnet's, which says first where it was started. */
static bool has_commands(const char *folder)
{
    static const char beginning[] = "cd ";
    char *path = text_format("%s/%s", folder, commands_file), text[sizeof(beginning)] = "";
    FILE *commands = fopen(path, "re");
    bool has = commands != NULL && fgets(text, sizeof(text), commands) != NULL &&
               strcmp(text, beginning) == 0;
    if (commands != NULL)
        fclose(commands);
    free(path);
    return has;
}

bool own_files_are_in(const char *folder)
{
    return file_is_in(folder, STATE_FILE) || file_is_in(folder, "left.json") ||
           has_commands(folder);
}

bool own_files_has_name(const char *name)
{
    return strcmp(name, commands_file) == 0 || strcmp(name, "lock") == 0;
}

bool own_files_has_genesis(const char *folder)
{
    return file_is_in(folder, "validator-config.yaml");
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
    if (!file_is_in(devnet->folder, file))
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
    static const char *const files[] = {commands_file, "mesh.json", "prometheus.json"};
    bool ours = own_files_are_in(devnet->folder), sound = true;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files) && sound && !ours; i++)
        sound = check_absent(devnet, files[i], error);
    return sound && (experiment == NULL || check_experiment(devnet, experiment, error));
}

static bool is_no_log(const char *name)
{
    return name[0] != '.' && strstr(name, ".sqlog") == NULL && strstr(name, ".qlog") == NULL;
}

/* Whether all that is in a folder of QUIC logs is such: it is emptied. */
static bool holds_logs_alone(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool alone = true;
    while (alone && folder != NULL && (entry = readdir(folder)) != NULL)
        alone = !is_no_log(entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return alone;
}

/* Whether nothing is in the folder of that name that a node would begin anew. */
static bool check_node(const struct devnet *devnet, const char *name, struct error *error)
{
    static const char *const kept[] = {"qlog", "events.jsonl", "log"};
    char *logs = devnet_path(devnet, name, kept[0]);
    bool sound = true;
    for (size_t i = holds_logs_alone(logs) ? 1 : 0; i < sizeof(kept) / sizeof(*kept) && sound;
         i++) {
        char *file = text_format("%s/%s", name, kept[i]);
        sound = check_absent(devnet, file, error);
        free(file);
    }
    free(logs);
    return sound;
}

bool own_files_check_nodes(const struct devnet *devnet,
                           bool (*is_planned)(const void *context, const char *name),
                           const void *context, struct error *error)
{
    if (own_files_are_in(devnet->folder))
        return true;
    DIR *folder = opendir(devnet->folder);
    const struct dirent *entry;
    bool sound = true;
    while (sound && folder != NULL && (entry = readdir(folder)) != NULL)
        sound = !is_planned(context, entry->d_name) || check_node(devnet, entry->d_name, error);
    if (folder != NULL)
        closedir(folder);
    return sound;
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
