#include "cmd/tap/picture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/tap/judged.h"
#include "common/embed.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/page.h"

EMBED(template, "cmd/tap/picture.html")

struct picture {
    struct buffer lines;
    json_t *judged; /* NULL: nobody has looked at logs */
    uint64_t left_out;
};

struct picture *picture_new(void)
{
    struct picture *picture = memory_new(sizeof(*picture));
    *picture = (struct picture){0};
    return picture;
}

void picture_free(struct picture *picture)
{
    if (picture == NULL)
        return;
    buffer_clear(&picture->lines);
    json_decref(picture->judged);
    free(picture);
}

void picture_add(struct picture *picture, struct bytes line)
{
    if (picture->left_out == 0 && picture->lines.size + line.size < PICTURE_SIZE_MAX) {
        buffer_append(&picture->lines, line.data, line.size);
        buffer_append_byte(&picture->lines, '\n');
        return;
    }
    if (picture->left_out++ == 0)
        log_warn("the page of --html is full at %d MiB of events: what comes now is not on it",
                 PICTURE_SIZE_MAX / 1024 / 1024);
}

/* The next line, without its newline. */
static struct bytes take_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    struct bytes line = bytes_of(text->data, end != NULL ? (size_t)(end - text->data) : text->size);
    *text = bytes_after(*text, line.size + (end != NULL));
    return line;
}

static bool is_event(struct bytes line)
{
    json_t *value = json_loadb((const char *)line.data, line.size, 0, NULL);
    bool is = json_is_string(json_object_get(value, "event"));
    json_decref(value);
    return is;
}

/* False with the error set where it is none. One that the end of the file has cut, as of a tap that
 * was killed or is printing still, is left out. */
static bool read_line(struct picture *picture, const char *path, struct bytes line, size_t number,
                      bool ends, struct error *error)
{
    if (is_event(line))
        picture_add(picture, line);
    else if (ends || number == 1)
        return error_set(error, "%s:%zu: no event of devnet-tap's", path, number);
    else
        log_warn("%s:%zu: the last line has no end: left out", path, number);
    return true;
}

bool picture_read(struct picture *picture, const char *path, struct error *error)
{
    struct buffer contents = {0};
    bool sound = file_read(path, PICTURE_FILE_MAX, &contents, error);
    struct bytes text = buffer_bytes(&contents);
    for (size_t number = 1; sound && text.size > 0; number++) {
        bool ends = memchr(text.data, '\n', text.size) != NULL;
        struct bytes line = take_line(&text);
        sound = line.size == 0 || read_line(picture, path, line, number, ends, error);
    }
    buffer_clear(&contents);
    return sound;
}

bool picture_judge(struct picture *picture, const char *folder, struct error *error)
{
    json_decref(picture->judged);
    picture->judged = judged_connections(folder, error);
    return picture->judged != NULL;
}

/* Of the connections that the events are of, or of all where there are none. */
static json_t *judged_of(const struct picture *picture, const json_t *events)
{
    json_t *ids = json_object(), *judged = json_array();
    const json_t *event;
    json_t *connection;
    size_t i;
    json_array_foreach(events, i, event)
    {
        const char *id = json_string_value(json_object_get(event, "connection"));
        if (id != NULL)
            json_object_set_new(ids, id, json_true());
    }
    json_array_foreach(picture->judged, i, connection)
    {
        const char *id = json_string_value(json_object_get(connection, "id"));
        bool told = id != NULL && json_object_get(ids, id) != NULL;
        if (told || json_array_size(events) == 0)
            json_array_append(judged, connection);
    }
    json_decref(ids);
    return judged;
}

bool picture_write(const struct picture *picture, const char *path, struct error *error)
{
    json_t *events = json_array();
    struct bytes text = buffer_bytes(&picture->lines);
    while (text.size > 0) {
        struct bytes line = take_line(&text);
        json_array_append_new(events, json_loadb((const char *)line.data, line.size, 0, NULL));
    }
    json_t *judged = judged_of(picture, events);
    json_t *value = json_pack("{s:o, s:I, s:o}", "events", events, "left_out",
                              (json_int_t)picture->left_out, "judged", judged);
    bool written = page_write(path, template(), "Who said what when", value, error);
    json_decref(value);
    return written;
}
