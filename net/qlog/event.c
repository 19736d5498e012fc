#include "net/qlog/event.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/qlog/header.h"
#include "net/qlog/json.h"
#include "net/qlog/record.h"

enum {
    PLACES_MAX = 16,
    REAL_DIGITS = 16, /* of a time in ms: ties broken by nanoseconds stay apart for years */
};

static void name_group(struct qlog_event_fields *fields, int index, bool is_id)
{
    fields->group = index;
    fields->group_is_id = is_id;
}

void qlog_event_fields_read(struct qlog_event_fields *fields, const json_t *trace)
{
    const json_t *names = json_object_get(trace, "event_fields");
    if (json_array_size(names) == 0)
        return;
    *fields = (struct qlog_event_fields){
        .known = true, .time = -1, .group = -1, .category = -1, .type = -1, .data = -1};
    for (size_t i = 0; i < json_array_size(names) && i < PLACES_MAX; i++) {
        const json_t *name = json_array_get(names, i);
        struct bytes text = bytes_of(json_string_value(name), json_string_length(name));
        bool delta = qlog_text_is(text, "delta_time");
        if (qlog_text_is(text, "relative_time") || qlog_text_is(text, "time") || delta)
            fields->time = (int)i;
        else if (qlog_text_is(text, "odcid") ||
                 (qlog_text_is(text, "group_id") && !fields->group_is_id))
            name_group(fields, (int)i, !qlog_text_is(text, "group_id"));
        else if (qlog_text_is(text, "category"))
            fields->category = (int)i;
        else if (qlog_text_is(text, "event") || qlog_text_is(text, "event_type") ||
                 qlog_text_is(text, "type") || qlog_text_is(text, "name"))
            fields->type = (int)i;
        else if (qlog_text_is(text, "data"))
            fields->data = (int)i;
        fields->deltas |= delta;
    }
}

/* Where no header tells: the time comes first, the data are the object, and of the texts between
 * them the first two are category and type, as in every draft. A group would come before them, and
 * is a text that is no category. */
static struct qlog_event_fields guess(const json_t *event)
{
    static const char *const categories[] = {"transport", "quic",       "connectivity", "security",
                                             "recovery",  "http",       "h3",           "qpack",
                                             "libp2p",    "simulation", "generic",      "loglevel"};
    struct qlog_event_fields fields = {
        .known = true, .time = 0, .group = -1, .category = -1, .type = -1, .data = -1};
    int texts[2] = {-1, -1}, count = 0;
    for (size_t i = 1; i < json_array_size(event) && i < PLACES_MAX; i++) {
        const json_t *value = json_array_get(event, i);
        struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
        if (json_is_object(value))
            fields.data = (int)i;
        if (text.data == NULL)
            continue;
        if (count < 2)
            texts[count++] = (int)i;
        for (size_t k = 0; k < sizeof(categories) / sizeof(*categories); k++)
            if (fields.category < 0 && qlog_text_is(text, categories[k]))
                fields.category = (int)i;
    }
    if (fields.category < 0)
        fields.category = texts[0];
    fields.type = fields.category == texts[0] ? texts[1] : fields.category + 1;
    return fields;
}

static const json_t *place(const json_t *event, int index)
{
    return index >= 0 ? json_array_get(event, (size_t)index) : NULL;
}

static void read_group(struct qlog_event *event, const json_t *group, bool is_id)
{
    event->group = qlog_json_id(group, event->number);
    event->group_is_id = is_id;
    event->group_unreadable = event->group.data == NULL && group != NULL && !json_is_null(group);
}

/* One name of the two parts, in small letters, as later drafts have it. */
static bool name_event(struct qlog_event *event, const char *category, const char *type)
{
    if (type == NULL)
        return false;
    snprintf(event->name, sizeof(event->name), "%s%s%s", category != NULL ? category : "",
             category != NULL ? ":" : "", type);
    for (char *letter = event->name; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    return true;
}

static bool read_array(struct qlog_event *event, const json_t *value,
                       const struct qlog_event_fields *fields)
{
    struct qlog_event_fields guessed;
    if (!fields->known) {
        guessed = guess(value);
        fields = &guessed;
    }
    event->data = place(value, fields->data);
    read_group(event, place(value, fields->group), fields->group_is_id);
    if (!qlog_json_double(place(value, fields->time), &event->time))
        event->time = NAN;
    return name_event(event, json_string_value(place(value, fields->category)),
                      json_string_value(place(value, fields->type)));
}

static bool read_object(struct qlog_event *event, const json_t *value)
{
    const char *name = json_string_value(json_object_get(value, "name"));
    const json_t *type = qlog_json_either(value, "event", "event_type");
    if (name != NULL)
        snprintf(event->name, sizeof(event->name), "%s", name);
    else if (!name_event(event, json_string_value(json_object_get(value, "category")),
                         json_string_value(type != NULL ? type : json_object_get(value, "type"))))
        return false;
    event->data = json_object_get(value, "data");
    const json_t *id = qlog_json_member(value, "ODCID");
    read_group(event, id != NULL ? id : json_object_get(value, "group_id"), id != NULL);
    if (!qlog_json_double(qlog_json_either(value, "time", "relative_time"), &event->time))
        event->time = NAN;
    event->time_form = qlog_time_form_read(json_object_get(value, "time_format"));
    event->reference = qlog_reference_read(json_object_get(value, "reference_time"));
    return true;
}

bool qlog_event_read(struct qlog_event *event, const json_t *value,
                     const struct qlog_event_fields *fields)
{
    *event = (struct qlog_event){0};
    return json_is_array(value) ? read_array(event, value, fields) : read_object(event, value);
}

void qlog_event_append(struct buffer *output, json_t *time, const char *name, json_t *data)
{
    json_t *event = json_pack("{s:o, s:s, s:o}", "time", time, "name", name, "data", data);
    char *text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(event);
    buffer_append_byte(output, QLOG_RECORD_SEPARATOR);
    buffer_append_text(output, text);
    buffer_append_byte(output, '\n');
    free(text);
}
