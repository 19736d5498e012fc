#include "net/mesh/prometheus.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/number.h"
#include "common/utf8.h"

enum { VALUE_SIZE = 64 };

struct label {
    struct bytes name, value; /* the value as it is written, with its escapes */
};

struct sample {
    struct bytes name;
    struct label labels[PROMETHEUS_LABELS_MAX];
    size_t label_count;
    double value;
};

/* ---- a line ---- */

static void skip_blanks(struct bytes *rest)
{
    while (rest->size > 0 && (*rest->data == ' ' || *rest->data == '\t'))
        *rest = bytes_after(*rest, 1);
}

static bool take(struct bytes *rest, char expected)
{
    if (rest->size == 0 || *rest->data != (uint8_t)expected)
        return false;
    *rest = bytes_after(*rest, 1);
    return true;
}

static struct bytes take_name(struct bytes *rest, bool colons)
{
    size_t size = 0;
    while (size < rest->size &&
           (isalpha(rest->data[size]) || rest->data[size] == '_' ||
            (colons && rest->data[size] == ':') || (size > 0 && isdigit(rest->data[size]))))
        size++;
    struct bytes name = bytes_of(rest->data, size);
    *rest = bytes_after(*rest, size);
    return name;
}

/* Up to the quote that ends it, which is taken too. */
static bool take_quoted(struct bytes *rest, struct bytes *value)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] != '"')
        size += rest->data[size] == '\\' ? 2 : 1;
    if (size >= rest->size)
        return false;
    *value = bytes_of(rest->data, size);
    *rest = bytes_after(*rest, size + 1);
    return true;
}

static bool take_label(struct bytes *rest, struct label *label)
{
    label->name = take_name(rest, false);
    skip_blanks(rest);
    if (label->name.size == 0 || !take(rest, '='))
        return false;
    skip_blanks(rest);
    return take(rest, '"') && take_quoted(rest, &label->value);
}

/* Behind the opening brace; the closing one is taken too. */
static bool take_labels(struct bytes *rest, struct sample *sample)
{
    for (;;) {
        skip_blanks(rest);
        if (take(rest, '}'))
            return true;
        if (sample->label_count == PROMETHEUS_LABELS_MAX ||
            !take_label(rest, &sample->labels[sample->label_count++]))
            return false;
        skip_blanks(rest);
        if (!take(rest, ',') && (rest->size == 0 || *rest->data != '}'))
            return false;
    }
}

/* The value, and behind it perhaps a time and what OpenMetrics adds. */
static bool take_value(struct bytes *rest, double *value)
{
    char text[VALUE_SIZE];
    size_t size = 0;
    while (size < rest->size && rest->data[size] > ' ')
        size++;
    if (size == 0 || size >= sizeof(text))
        return false;
    memcpy(text, rest->data, size);
    text[size] = '\0';
    char *end;
    *value = strtod(text, &end);
    *rest = bytes_after(*rest, size);
    skip_blanks(rest);
    return *end == '\0' &&
           (rest->size == 0 || isdigit(*rest->data) || *rest->data == '-' || *rest->data == '#');
}

static bool parse_sample(struct bytes line, struct sample *sample)
{
    sample->label_count = 0;
    sample->name = take_name(&line, true);
    if (sample->name.size == 0)
        return false;
    skip_blanks(&line);
    if (take(&line, '{') && !take_labels(&line, sample))
        return false;
    skip_blanks(&line);
    return take_value(&line, &sample->value);
}

/* ---- series ---- */

static int compare_labels(const void *first, const void *second)
{
    const struct label *a = first, *b = second;
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = memcmp(a->name.data, b->name.data, shorter);
    return order != 0 ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

static char *series_of(struct sample *sample)
{
    struct buffer text = {0};
    qsort(sample->labels, sample->label_count, sizeof(*sample->labels), compare_labels);
    buffer_append(&text, sample->name.data, sample->name.size);
    for (size_t i = 0; i < sample->label_count; i++) {
        const struct label *label = &sample->labels[i];
        buffer_append_text(&text, i == 0 ? "{" : ",");
        buffer_append(&text, label->name.data, label->name.size);
        buffer_append_text(&text, "=\"");
        buffer_append(&text, label->value.data, label->value.size);
        buffer_append_text(&text, i + 1 == sample->label_count ? "\"}" : "\"");
    }
    char *series = utf8_safe_text(buffer_bytes(&text));
    buffer_clear(&text);
    return series;
}

static json_t *number_of(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "+Inf" : "-Inf");
    if (fabs(value) <= NUMBER_EXACT_MAX && value == (double)(json_int_t)value)
        return json_integer((json_int_t)value);
    return json_real(value);
}

static bool begins_with(struct bytes name, const char *prefix)
{
    size_t size = strlen(prefix);
    return name.size >= size && memcmp(name.data, prefix, size) == 0;
}

static bool add_line(json_t *samples, struct bytes line, const char *prefix, struct error *error)
{
    struct sample sample;
    skip_blanks(&line);
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    if (line.size == 0 || *line.data == '#')
        return true;
    if (!parse_sample(line, &sample))
        return error_set(error, "not a metric in Prometheus' text format");
    if (!begins_with(sample.name, prefix))
        return true;
    if (json_object_size(samples) == PROMETHEUS_SAMPLES_MAX)
        return error_set(error, "more than %d metrics that begin with %s", PROMETHEUS_SAMPLES_MAX,
                         prefix);
    char *series = series_of(&sample);
    json_object_set_new(samples, series, number_of(sample.value));
    free(series);
    return true;
}

json_t *prometheus_parse(struct bytes page, const char *prefix, struct error *error)
{
    json_t *samples = json_object();
    if (page.size > PROMETHEUS_PAGE_MAX) {
        json_decref(samples);
        error_set(error, "more than %d bytes", PROMETHEUS_PAGE_MAX);
        return NULL;
    }
    for (size_t number = 1; page.size > 0; number++) {
        const uint8_t *end = memchr(page.data, '\n', page.size);
        size_t size = end != NULL ? (size_t)(end - page.data) : page.size;
        if (!add_line(samples, bytes_of(page.data, size), prefix, error)) {
            error_prefix(error, "line %zu", number);
            json_decref(samples);
            return NULL;
        }
        page = bytes_after(page, end != NULL ? size + 1 : size);
    }
    return samples;
}

bool prometheus_sum(const json_t *samples, const char *name, double *sum)
{
    size_t length = strlen(name);
    bool told = false;
    const char *series;
    json_t *value;
    *sum = 0;
    json_object_foreach((json_t *)samples, series, value)
    {
        if (strncmp(series, name, length) != 0 ||
            (series[length] != '{' && series[length] != '\0') || !json_is_number(value))
            continue;
        told = true;
        *sum += json_number_value(value);
    }
    return told;
}

/* Without its escapes. */
static char *plain(struct bytes value)
{
    struct buffer text = {0};
    for (size_t i = 0; i < value.size; i++) {
        bool escaped = value.data[i] == '\\' && i + 1 < value.size;
        i += escaped;
        buffer_append_byte(&text, escaped && value.data[i] == 'n' ? '\n' : value.data[i]);
    }
    char *safe = utf8_safe_text(buffer_bytes(&text));
    buffer_clear(&text);
    return safe;
}

char *prometheus_label(const char *series, const char *label)
{
    char *line = text_format("%s 1", series), *value = NULL;
    struct sample sample;
    if (parse_sample(bytes_of_text(line), &sample)) {
        for (size_t i = 0; value == NULL && i < sample.label_count; i++)
            if (sample.labels[i].name.size == strlen(label) &&
                memcmp(sample.labels[i].name.data, label, strlen(label)) == 0)
                value = plain(sample.labels[i].value);
    }
    free(line);
    return value;
}
