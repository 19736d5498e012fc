/* devnet report DIR: all that a bug report needs, in one folder. */
#include "cmd/devnet/devnet.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/devnet/report_states.h"
#include "cmd/devnet/report_versions.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/loop.h"
#include "devnet/report_copy.h"
#include "devnet/subprocess.h"
#include "devnet/tap.h"
#include "devnet/timeline.h"

enum {
    OPEN_FOLDERS = 8,  /* at once, while one is removed */
    ARGUMENTS_MAX = 8, /* of a look */
};

struct report {
    const struct devnet_options *options;
    struct devnet devnet;
    bool live;
    json_t *status; /* of devnet_describe */
    char *target;   /* the folder that is asked for, absolute */
    char *folder;   /* beside it, as long as it is not whole */
    struct secrets secrets;
    json_t *looks; /* {file: exit status} */
    bool cut;      /* the timeline */
};

/* What devnet is asked, in the report's folder, and the file that it prints to. Before those of the
 * mesh a snapshot is there. */
static const struct look {
    const char *output;
    bool mesh; /* otherwise it looks at all QUIC logs */
    const char *arguments[ARGUMENTS_MAX];
} looks[] = {
    {"orphans.txt", false, {"orphans", "-v", NULL}},
    {"orphans.json", false, {"orphans", "--json", "--html", "orphans.html", NULL}},
    {"mesh.txt", true, {"mesh", "dump", "--text", "./mesh.json", NULL}},
    {"check.txt", true, {"mesh", "check", "./mesh.json", NULL}},
    {"check.json", true, {"mesh", "check", "--json", "./mesh.json", NULL}},
    {"mesh.dot", true, {"mesh", "graph", "--dot", "--html", "mesh.html", "./mesh.json", NULL}},
};
static const struct look live_mesh = {"dump.txt", true, {"mesh", "dump", "-o", "mesh.json", NULL}};

static char *path_in(const struct report *report, const char *file)
{
    return text_format("%s/%s", report->folder, file);
}

static bool write_text(const struct report *report, const char *file, const char *text,
                       struct error *error)
{
    char *path = path_in(report, file);
    bool written = file_write(path, bytes_of_text(text), 0666, error);
    free(path);
    return written;
}

/* ---- asking devnet ---- */

/* FOLDER in the report, if it is there. */
static void add_logs(const struct report *report, const char *folder, char **arguments,
                     size_t *count)
{
    char *whole = path_in(report, folder);
    if (access(whole, F_OK) == 0)
        arguments[(*count)++] = text_format("./%s", folder);
    free(whole);
}

/* The folders of QUIC logs: what else nodes write is none, and would be remarked on. */
static size_t add_all_logs(const struct report *report, char **arguments)
{
    size_t count = 0;
    for (size_t i = 0; i < report->devnet.count; i++) {
        char *folder = text_format("nodes/%s/qlog", report->devnet.nodes[i].name);
        add_logs(report, folder, arguments, &count);
        free(folder);
    }
    add_logs(report, "tap/qlog", arguments, &count);
    if (count == 0)
        arguments[count++] = text_copy("./nodes");
    return count;
}

static void look(const struct report *report, const struct look *look)
{
    char *self = subprocess_self();
    char **arguments = memory_new((report->devnet.count + ARGUMENTS_MAX + 6) * sizeof(*arguments));
    size_t count = 0, logs = 0;
    arguments[count++] = self;
    arguments[count++] = (char[]){"--dir"};
    arguments[count++] = report->devnet.folder;
    for (size_t i = 0; look->arguments[i] != NULL; i++)
        arguments[count++] = (char *)(uintptr_t)look->arguments[i];
    if (!look->mesh)
        logs = add_all_logs(report, arguments + count);
    int status = -1;
    if (self != NULL)
        status = subprocess_run_to_files(arguments, report->folder, look->output, "remarks.txt");
    json_object_set_new(report->looks, look->output, json_integer(status));
    while (logs > 0)
        free(arguments[count + --logs]);
    free(arguments);
    free(self);
}

/* A snapshot of now, or of what `down` found; false where there is none. */
static bool find_mesh(const struct report *report)
{
    char *left = devnet_path(&report->devnet, "mesh.json", NULL);
    char *mesh = path_in(report, "mesh.json"), *said = path_in(report, live_mesh.output);
    if (report->live)
        look(report, &live_mesh);
    else
        report_copy_lines(&report->secrets, left, mesh, false, false, NULL);
    unlink(said); /* it wrote the snapshot */
    json_object_del(report->looks, live_mesh.output);
    bool found = access(mesh, F_OK) == 0;
    free(said);
    free(mesh);
    free(left);
    return found;
}

static bool look_at_all(const struct report *report, struct error *error)
{
    bool mesh = find_mesh(report);
    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
        if (loop_was_interrupted())
            return error_set(error, "interrupted");
        if (mesh || !looks[i].mesh)
            look(report, &looks[i]);
    }
    return true;
}

/* ---- what is written beside ---- */

static bool write_status(struct report *report, struct error *error)
{
    report->status = devnet_describe(&report->devnet);
    char *text = json_dumps(report->status, JSON_INDENT(2) | JSON_SORT_KEYS);
    bool written = write_text(report, "status.json", text, error);
    free(text);
    return written;
}

/* The last line that is not indented, and what was not asked, which is no part of it; freed with
 * free(). */
static char *find_summary(const struct report *report, const char *file)
{
    static const char not_asked[] = "not asked";
    char *path = path_in(report, file), *line = NULL, *found = text_copy("nothing is known"),
         *beside = text_copy("");
    size_t room = 0;
    FILE *input = fopen(path, "re");
    while (input != NULL && getline(&line, &room, input) > 0) {
        line[strcspn(line, "\n")] = '\0';
        bool is_beside = strncmp(line, not_asked, strlen(not_asked)) == 0;
        char **place = is_beside ? &beside : &found;
        if (line[0] == ' ')
            continue;
        free(*place);
        *place = is_beside ? text_format("; %s", line) : text_copy(line);
    }
    if (input != NULL)
        fclose(input);
    char *summary = text_format("%s%s", found, beside);
    free(beside);
    free(found);
    free(line);
    free(path);
    return summary;
}

static const char about_commands[] = "| file | what it is |\n|---|---|\n"
                                     "| `commands` | the commands that led here, as a script |\n";
static const char about_experiment[] =
    "| `devnet.yaml` | the experiment: `devnet run -f devnet.yaml` repeats it |\n"
    "| `steps.jsonl` | the steps and checks of `devnet run`, and what came of each; or why its "
    "nodes "
    "did not come up |\n";
static const char about_files[] =
    "| `status.json` | the nodes: names, peer ids, addresses |\n"
    "| `nodes/NAME/log`, `events.jsonl`, `qlog/` | what each node wrote |\n"
    "| `relay/`, `tap/` | what stood between them, if anything did |\n"
    "| `timeline.jsonl` | the events of all nodes in order of time, but for messages and pongs |\n"
    "| `orphans.txt`, `.json`, `.html` | what became of each stream (devnet-orphans) |\n"
    "| `mesh.json`, `.txt`, `.html`, `.dot` | the mesh (devnet-mesh) |\n"
    "| `check.txt`, `.json` | what is not sound about it |\n"
    "| `nodes.yaml` | the nodes' records |\n"
    "| `remarks.txt` | what the programs said beside |\n\n"
    "Keys of the nodes are not in here; where one was, it says `<key>`.\n";

/* What is wrong with the paths, or was said of them last; freed with free(). */
static char *tell_paths(const struct report *report)
{
    if (devnet_find_between(&report->devnet, "relay") == NULL)
        return text_copy("");
    json_t *paths = devnet_describe_paths(&report->devnet);
    char *text = devnet_paths_text(paths, "", "parted: ", "; ");
    char *told = text_format("- paths: %s\n", paths == NULL   ? "see relay/events.jsonl"
                                              : *text == '\0' ? "all are clean"
                                                              : text);
    free(text);
    json_decref(paths);
    return told;
}

static bool write_about(const struct report *report, struct error *error)
{
    char time[CLOCK_TEXT_SIZE];
    char *agents = report_agents(&report->devnet, report->folder), *versions = report_versions();
    char *states = report_states(&report->devnet, report->status, report->live),
         *orphans = find_summary(report, "orphans.txt");
    char *check = find_summary(report, "check.txt"), *paths = tell_paths(report);
    char *file = path_in(report, DEVNET_EXPERIMENT_FILE);
    const char *experiment = access(file, F_OK) == 0 ? about_experiment : "";
    clock_text(clock_epoch_ms(), time);
    char *text =
        text_format("# A devnet of %zu nodes\n\n%s when this was written, %s.\n\n"
                    "- streams: %s\n- mesh: %s\n%s%s%s\n%s\n%s%s%s",
                    report->devnet.count, states, time, orphans, check, paths, agents,
                    report->cut ? "- the timeline has the first events only: there are more\n" : "",
                    versions, about_commands, experiment, about_files);
    bool written = write_text(report, "README.md", text, error);
    free(text);
    free(versions);
    free(agents);
    free(paths);
    free(file);
    free(check);
    free(orphans);
    free(states);
    return written;
}

static bool fill(struct report *report, struct error *error)
{
    secrets_find(&report->secrets, &report->devnet);
    return report_copy_devnet(&report->secrets, &report->devnet, report->folder, error) &&
           write_status(report, error) &&
           timeline_write(&report->devnet, report->folder, &report->cut, error) &&
           look_at_all(report, error) && write_about(report, error);
}

/* ---- whole, or not at all ---- */

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about, (void)kind, (void)place;
    return remove(path);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool check_free(const char *target, struct error *error)
{
    struct stat about;
    if (lstat(target, &about) != 0)
        return errno == ENOENT || error_set(error, "%s: %s", target, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return error_set(error, "%s: is there already, and no folder", target);
    struct dirent **entries;
    int count = scandir(target, &entries, is_entry, NULL);
    if (count < 0)
        return error_set(error, "%s: %s", target, strerror(errno));
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (count > 0)
        return error_set(error, "%s: is not empty; name a folder that is, or is not there", target);
    return true;
}

/* FOLDER from the root, without a slash at its end; NULL with the error set where it names none
 * that can be put in its place. */
static char *find_target(const char *folder, struct error *error)
{
    char here[PATH_MAX] = "";
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    char *name = text_format("%.*s", (int)length, folder), *target = NULL;
    const char *slash = strrchr(name, '/'), *last = slash != NULL ? slash + 1 : name;
    if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        error_set(error, "'%s': name a folder that is empty, or is not there, by its own name",
                  folder);
    else if (folder[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        error_set(error, "%s: %s", folder, strerror(errno));
    else
        target = text_format("%s%s%s", here, *here != '\0' ? "/" : "", name);
    free(name);
    return target;
}

/* Beside TARGET, which is renamed once it is whole; NULL with the error set. */
static char *make_beside(const char *target, struct error *error)
{
    char *folder = text_format("%s.XXXXXX", target);
    if (mkdtemp(folder) != NULL)
        return folder;
    error_set(error, "%s: %s", target, strerror(errno));
    free(folder);
    return NULL;
}

/* Where PATH is, or will be, without links; freed with free(). */
static char *resolve(const char *path)
{
    char *above = text_copy(path), *found;
    while ((found = realpath(above, NULL)) == NULL && strrchr(above, '/') > above)
        *strrchr(above, '/') = '\0';
    char *resolved =
        text_format("%s%s", found != NULL ? found : "", path + (found != NULL ? strlen(above) : 0));
    for (size_t size = strlen(resolved); size > 1 && resolved[size - 1] == '/';)
        resolved[--size] = '\0';
    free(found);
    free(above);
    return resolved;
}

static bool is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool check_apart(const char *target, const char *devnet_folder, struct error *error)
{
    char *report = resolve(target), *devnet = resolve(devnet_folder);
    bool apart = !is_within(report, devnet) && !is_within(devnet, report);
    free(devnet);
    free(report);
    return apart || error_set(error,
                              "%s: is the folder of the devnet, %s, or within it or around it; "
                              "name another",
                              target, devnet_folder);
}

bool devnet_report_check(const char *folder, const struct devnet *devnet, struct error *error)
{
    char *target = find_target(folder, error), *trial = NULL;
    if (target != NULL && check_free(target, error) && check_apart(target, devnet->folder, error))
        trial = make_beside(target, error);
    if (trial != NULL)
        rmdir(trial);
    bool possible = trial != NULL;
    free(trial);
    free(target);
    return possible;
}

static bool make_folder(struct report *report, const char *folder, struct error *error)
{
    report->target = find_target(folder, error);
    if (report->target == NULL || !check_free(report->target, error))
        return false;
    report->folder = make_beside(report->target, error);
    mode_t mask = umask(0);
    umask(mask);
    return report->folder != NULL && chmod(report->folder, 0777 & ~mask) == 0;
}

static bool write_whole(struct report *report, struct error *error)
{
    bool written = fill(report, error);
    if (written && rename(report->folder, report->target) != 0)
        written = error_set_kind(error, ERROR_SYSTEM, "%s: %s", report->target, strerror(errno));
    if (!written)
        nftw(report->folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    return written;
}

/* ---- the command ---- */

static void print(const struct report *report)
{
    json_t *told = json_pack("{s:s,s:b,s:i,s:O}", "folder", report->target, "up", report->live,
                             "nodes", (int)report->devnet.count, "exit", report->looks);
    if (report->options->json && !report->options->silent)
        output_json(told);
    else if (!report->options->silent)
        printf("%s: %zu nodes; see README.md in it\n", report->target, report->devnet.count);
    json_decref(told);
}

static int make(struct report *report, const char *folder)
{
    struct error error;
    bool loaded = devnet_load(&report->devnet, &error);
    report->live = report->devnet.count > 0;
    if (!loaded || (!report->live && !devnet_load_left(&report->devnet, &error))) {
        log_error("%s", error.text);
        return devnet_load_status(&error);
    }
    if (report->devnet.count == 0) {
        log_error("no devnet has been up in %s", report->devnet.folder);
        return DEVNET_FAILED;
    }
    if (!make_folder(report, folder, &error)) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    if (!write_whole(report, &error)) {
        log_error("%s", error.text);
        return DEVNET_FAILED;
    }
    print(report);
    return DEVNET_OK;
}

int devnet_report_command(const struct devnet_options *options, const char *folder)
{
    struct report report = {.options = options, .looks = json_object()};
    devnet_init(&report.devnet, options->folder);
    loop_catch_signals();
    int status = make(&report, folder);
    json_decref(report.looks);
    json_decref(report.status);
    secrets_clear(&report.secrets);
    free(report.target);
    free(report.folder);
    devnet_clear(&report.devnet);
    return status;
}
