#include "net/mesh/labels.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/gossipsub/lean_topic.h"

static size_t common_end(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b), common = 0;
    while (common < a_size && common < b_size && a[a_size - 1 - common] == b[b_size - 1 - common])
        common++;
    return common;
}

/* By what they end in. */
static int compare_ends(const void *first, const void *second)
{
    const char *a = **(const char *const *const *)first, *b = **(const char *const *const *)second;
    size_t a_size = strlen(a), b_size = strlen(b), common = common_end(a, b);
    if (common == a_size || common == b_size)
        return (a_size > b_size) - (a_size < b_size);
    unsigned char a_byte = (unsigned char)a[a_size - 1 - common];
    unsigned char b_byte = (unsigned char)b[b_size - 1 - common];
    return a_byte < b_byte ? -1 : 1;
}

static char *label_of(const char *name, size_t tail)
{
    size_t size = strlen(name);
    tail = tail < LABEL_TAIL_MIN ? LABEL_TAIL_MIN : tail > LABEL_TAIL_MAX ? LABEL_TAIL_MAX : tail;
    if (size <= LABEL_WHOLE_MAX || tail >= size)
        return utf8_safe_text(bytes_of(name, size));
    const char *start = name + size - tail;
    while (((unsigned char)*start & 0xc0) == 0x80) /* not in the middle of a character */
        start++;
    char *safe = utf8_safe_text(bytes_of_text(start));
    char *label = text_format("…%s", safe);
    free(safe);
    return label;
}

char **labels_of_peers(const char *const *names, size_t count)
{
    char **labels = memory_new((count + 1) * sizeof(*labels));
    const char *const **sorted = memory_new((count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &names[i];
    if (count > 0)
        qsort(sorted, count, sizeof(*sorted), compare_ends);
    size_t before = 0; /* what the one before ends in too */
    for (size_t i = 0; i < count; i++) {
        size_t after = i + 1 < count ? common_end(*sorted[i], *sorted[i + 1]) : 0;
        size_t tail = (before > after ? before : after) + 1;
        labels[sorted[i] - names] = label_of(*sorted[i], tail);
        before = after;
    }
    free(sorted);
    return labels;
}

char **labels_of_topics(const char *const *names, size_t count)
{
    char **labels = memory_new((count + 1) * sizeof(*labels));
    json_t *taken = json_object(); /* the labels, and how often */
    for (size_t i = 0; i < count; i++) {
        struct bytes network, name;
        labels[i] = lean_topic_read(names[i], &network, &name)
                        ? utf8_safe_text(name)
                        : utf8_safe_text(bytes_of_text(names[i]));
        json_int_t often = json_integer_value(json_object_get(taken, labels[i]));
        json_object_set_new(taken, labels[i], json_integer(often + 1));
    }
    for (size_t i = 0; i < count; i++) {
        if (json_integer_value(json_object_get(taken, labels[i])) == 1)
            continue;
        free(labels[i]);
        labels[i] = utf8_safe_text(bytes_of_text(names[i]));
    }
    json_decref(taken);
    return labels;
}

bool label_means_topic(const char *wanted, const char *topic)
{
    const char *in_short = lean_topic_name_in_short(wanted);
    struct bytes network, name;
    return strcmp(topic, wanted) == 0 ||
           (lean_topic_read(topic, &network, &name) &&
            bytes_equal(name, bytes_of_text(in_short != NULL ? in_short : wanted)));
}
