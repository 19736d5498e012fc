/* What was done to a devnet, as a script: DIR/commands. */
#include "cmd/devnet/devnet.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/words.h"
#include "devnet/state_watch.h"

enum { COMMAND_MAX = 1024 * 1024 };

/* Appends how we were run; false where /proc does not tell. */
static bool append_own_command(struct buffer *command)
{
    struct buffer words = {0};
    bool told = file_read("/proc/self/cmdline", COMMAND_MAX, &words, NULL);
    for (size_t at = 0; told && at < words.size; at += strlen((const char *)words.data + at) + 1)
        words_append(command, (const char *)words.data + at);
    buffer_clear(&words);
    return told && command->size > 0;
}

/* What a step of an experiment is: one line, which a shell passes over. */
static void make_remark(struct buffer *line)
{
    struct buffer remark = {0};
    buffer_append_text(&remark, "# ");
    for (size_t i = 0; i < line->size; i++)
        buffer_append_byte(&remark, line->data[i] == '\n' ? ' ' : line->data[i]);
    buffer_clear(line);
    *line = remark;
}

static bool noted;

/* By the copy of the file that is beside, wherever that was brought: what a report is to be written
 * to is empty. */
static void append_repeating(struct buffer *script, const struct devnet_options *options)
{
    char time[CLOCK_TEXT_SIZE], timeout[40] = "";
    clock_text(clock_epoch_ms(), time);
    if (options->timeout_said)
        snprintf(timeout, sizeof(timeout), " --timeout %" PRIu64 "ms", options->timeout);
    char *text = text_format("cd \"$(dirname \"$0\")\" || exit\n"
                             "devnet --dir \"$(mktemp -d)\" run -f " DEVNET_EXPERIMENT_FILE
                             "%s --report \"$(mktemp -d)\"  # %s\n",
                             timeout, time);
    buffer_append_text(script, text);
    free(text);
}

static void append_how_it_was(struct buffer *script)
{
    struct buffer line = {0};
    char *here = getcwd(NULL, 0);
    buffer_append_text(&line, "in");
    words_append(&line, here != NULL ? here : "?");
    buffer_append_text(&line, ":");
    append_own_command(&line);
    make_remark(&line);
    buffer_append(script, line.data, line.size);
    buffer_append_text(script, "\n");
    free(here);
    buffer_clear(&line);
}

void devnet_note_run(const struct devnet *devnet, const struct devnet_options *options)
{
    struct buffer script = {0};
    struct error error;
    char *path = devnet_path(devnet, "commands", NULL);
    noted = true;
    append_repeating(&script, options);
    append_how_it_was(&script);
    if (!file_write(path, buffer_bytes(&script), 0666, &error))
        log_warn("%s: what is done is not noted there", error.text);
    free(path);
    buffer_clear(&script);
}

void devnet_note_command(const struct devnet *devnet, bool anew)
{
    /* Of a genesis folder's nodes somebody may ask by a folder that is no devnet's. */
    if (noted || (!anew && !file_is_in(devnet->folder, STATE_FILE)))
        return;
    noted = true;
    struct buffer line = {0};
    char *path = devnet_path(devnet, "commands", NULL), *here = anew ? getcwd(NULL, 0) : NULL;
    char time[CLOCK_TEXT_SIZE];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : 0), 0666);
    clock_text(clock_epoch_ms(), time);
    if (here != NULL) {
        buffer_append_text(&line, "cd");
        words_append(&line, here);
        file_write_all(fd, buffer_bytes(&line));
        file_write_all(fd, bytes_of_text("\n"));
        line.size = 0;
    }
    if (append_own_command(&line)) {
        if (getenv(DEVNET_STEP_VARIABLE) != NULL)
            make_remark(&line);
        char *end = text_format("  # %s\n", time);
        buffer_append_text(&line, end);
        free(end);
        if (fd < 0 || !file_write_all(fd, buffer_bytes(&line)))
            log_warn("%s: what is done is not noted there: %m", path);
    }
    if (fd >= 0)
        close(fd);
    free(here);
    free(path);
    buffer_clear(&line);
}
