/* What was done to a devnet, as a script: DIR/commands. */
#include "cmd/devnet/devnet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"

enum { COMMAND_MAX = 1024 * 1024 };

/* WORD as a shell takes it. */
static void append_word(struct buffer *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,@%+";
    bool quoted = word[strspn(word, plain)] != '\0' || *word == '\0';
    buffer_append_text(command, command->size > 0 ? " " : "");
    buffer_append_text(command, quoted ? "'" : "");
    for (; *word != '\0'; word++)
        if (*word == '\'')
            buffer_append_text(command, "'\\''");
        else
            buffer_append_byte(command, (uint8_t)*word);
    buffer_append_text(command, quoted ? "'" : "");
}

/* Appends how we were run; false where /proc does not tell. */
static bool append_own_command(struct buffer *command)
{
    struct buffer words = {0};
    bool told = file_read("/proc/self/cmdline", COMMAND_MAX, &words, NULL);
    for (size_t at = 0; told && at < words.size; at += strlen((const char *)words.data + at) + 1)
        append_word(command, (const char *)words.data + at);
    buffer_clear(&words);
    return told && command->size > 0;
}

void devnet_note_command(const struct devnet *devnet, bool anew)
{
    struct buffer line = {0};
    char *path = devnet_path(devnet, "commands", NULL), *here = anew ? getcwd(NULL, 0) : NULL;
    char time[CLOCK_TEXT_SIZE];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : 0), 0666);
    clock_text(clock_epoch_ms(), time);
    if (here != NULL) {
        buffer_append_text(&line, "cd");
        append_word(&line, here);
        file_write_all(fd, buffer_bytes(&line));
        file_write_all(fd, bytes_of_text("\n"));
        line.size = 0;
    }
    if (append_own_command(&line)) {
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
