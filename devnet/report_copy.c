#include "devnet/report_copy.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/memory.h"
#include "devnet/own_files.h"
#include "net/address/identity.h"

enum { KEY_DIGITS = 2 * IDENTITY_SECRET_SIZE };

static const char in_its_place[] = "<key>";

static void add_keys_of(struct secrets *secrets, const struct devnet *devnet,
                        const struct devnet_node *node)
{
    static const char *const files[] = {"key", "genesis.key"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        bool shared;
        char *path = devnet_path(devnet, node->name, files[i]);
        struct identity *identity = identity_load(path, &shared, NULL);
        free(path);
        if (identity == NULL)
            continue;
        secrets->items =
            memory_resize(secrets->items, (secrets->count + 1) * sizeof(*secrets->items));
        hex_write(identity_secret(identity), secrets->items[secrets->count++]);
        identity_free(identity);
    }
}

void secrets_find(struct secrets *secrets, const struct devnet *devnet)
{
    for (size_t i = 0; i < devnet->count; i++)
        add_keys_of(secrets, devnet, &devnet->nodes[i]);
}

void secrets_clear(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        explicit_bzero(secrets->items[i], sizeof(secrets->items[i]));
    free(secrets->items);
    *secrets = (struct secrets){0};
}

static bool is_secret(const struct secrets *secrets, const char *digits)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strncasecmp(secrets->items[i], digits, KEY_DIGITS) == 0)
            return true;
    return false;
}

/* How many of the bytes from AT on are hexadecimal digits. */
static size_t count_digits(const char *line, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && isxdigit((unsigned char)line[end]))
        end++;
    return end - at;
}

/* Writes a line, without the keys in it. */
static void write_line(FILE *output, const struct secrets *secrets, const char *line, size_t size,
                       bool any)
{
    for (size_t at = 0; at < size;) {
        size_t digits = count_digits(line, size, at), passed = 0;
        bool prefixed = at > 1 && line[at - 1] == 'x' && line[at - 2] == '0';
        if (any && digits == KEY_DIGITS && !prefixed) {
            fputs(in_its_place, output);
            at += digits;
            continue;
        }
        while (digits >= passed + KEY_DIGITS) {
            bool secret = is_secret(secrets, line + at + passed);
            if (secret)
                fputs(in_its_place, output);
            else
                putc(line[at + passed], output);
            passed += secret ? KEY_DIGITS : 1;
        }
        fwrite(line + at + passed, 1, digits - passed, output);
        at += digits;
        if (at < size)
            putc(line[at++], output);
    }
}

bool report_copy_lines(const struct secrets *secrets, const char *from, const char *to, bool any,
                       bool whole, struct error *error)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    FILE *input = fopen(from, "re"), *output = input != NULL ? fopen(to, "we") : NULL;
    if (input == NULL && errno == ENOENT)
        return true;
    while (output != NULL && (size = getline(&line, &room, input)) > 0)
        if (!whole || line[size - 1] == '\n')
            write_line(output, secrets, line, (size_t)size, any);
    bool read = input != NULL && ferror(input) == 0;
    bool written = output != NULL && ferror(output) == 0;
    if (!read || !written)
        error_set_kind(error, ERROR_SYSTEM, "%s: %s", read ? to : from, strerror(errno));
    free(line);
    if (input != NULL)
        fclose(input);
    if (output != NULL && fclose(output) != 0 && written)
        written = error_set_kind(error, ERROR_SYSTEM, "%s: %s", to, strerror(errno));
    return read && written;
}

/* What its name says to be one: a program may keep anything there. */
static int is_qlog(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strstr(entry->d_name, "qlog") != NULL;
}

static bool copy_qlogs(const struct secrets *secrets, const char *from, const char *to, bool whole,
                       struct error *error)
{
    struct dirent **entries;
    int count = scandir(from, &entries, is_qlog, alphasort);
    bool copied = count <= 0 || file_make_folder(to, error);
    for (int i = 0; i < count; i++) {
        char *source = text_format("%s/%s", from, entries[i]->d_name);
        char *target = text_format("%s/%s", to, entries[i]->d_name);
        struct stat about;
        size_t length = strlen(source);
        bool plain = length > 4 && strcmp(source + length - 4, "qlog") == 0; /* not compressed */
        if (copied && lstat(source, &about) == 0 && S_ISREG(about.st_mode))
            copied = report_copy_lines(secrets, source, target, false, whole && plain, error);
        free(source);
        free(target);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return copied;
}

/* Of who is called NAME in the devnet's folder, to FOLDER/NAME; what else there is stays. */
static bool copy_writer(const struct secrets *secrets, const struct devnet *devnet,
                        const char *name, const struct process *writer, const char *folder,
                        struct error *error)
{
    static const char *const files[] = {"log", "events.jsonl"};
    const bool runs = process_is_running(writer);
    char *target = text_format("%s/%s", folder, name);
    bool copied = file_make_folder(target, error);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files) && copied; i++) {
        char *from = devnet_path(devnet, name, files[i]);
        char *to = text_format("%s/%s", target, files[i]);
        copied = report_copy_lines(secrets, from, to, false, runs, error);
        free(from);
        free(to);
    }
    char *from = devnet_path(devnet, name, "qlog"), *to = text_format("%s/qlog", target);
    copied = copied && copy_qlogs(secrets, from, to, runs, error);
    free(from);
    free(to);
    free(target);
    return copied;
}

static bool copy_writers(const struct secrets *secrets, const struct devnet *devnet,
                         const char *folder, struct error *error)
{
    char *nodes = text_format("%s/nodes", folder);
    bool copied = file_make_folder(nodes, error);
    for (size_t i = 0; i < devnet->count && copied; i++)
        copied = copy_writer(secrets, devnet, devnet->nodes[i].name, &devnet->nodes[i].process,
                             nodes, error);
    for (size_t i = 0; i < devnet->between_count && copied; i++)
        copied = copy_writer(secrets, devnet, devnet->between[i].kind, &devnet->between[i].process,
                             folder, error);
    free(nodes);
    return copied;
}

/* What lies in the devnet's folder itself. What people wrote there may have keys of any kind. */
static const struct {
    const char *name;
    bool any, experiment; /* it may be somebody's, of no experiment */
} beside[] = {{"commands", true, false},
              {"nodes.yaml", false, false},
              {DEVNET_EXPERIMENT_FILE, true, true},
              {DEVNET_STEPS_FILE, true, true}};

bool report_copy_devnet(const struct secrets *secrets, const struct devnet *devnet,
                        const char *folder, struct error *error)
{
    bool copied = copy_writers(secrets, devnet, folder, error),
         experiment = own_files_has_experiment(devnet->folder);
    for (size_t i = 0; i < sizeof(beside) / sizeof(*beside) && copied; i++) {
        if (beside[i].experiment && !experiment)
            continue;
        char *from = devnet_path(devnet, beside[i].name, NULL);
        char *to = text_format("%s/%s", folder, beside[i].name);
        copied = report_copy_lines(secrets, from, to, beside[i].any, false, error);
        free(from);
        free(to);
    }
    return copied;
}
