/* Reads a page in Prometheus' text format (0.0.4; what OpenMetrics adds is passed over). Pure. */
#ifndef NET_MESH_PROMETHEUS_H
#define NET_MESH_PROMETHEUS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/error.h"

enum {
    PROMETHEUS_PAGE_MAX = 16 * 1024 * 1024,
    PROMETHEUS_SAMPLES_MAX = 4096, /* that are kept */
    PROMETHEUS_LABELS_MAX = 32,    /* of one sample */
};

/*
 * The samples whose names begin with PREFIX, by series: {"NAME{LABEL=\"VALUE\",...}": number}, the
 * labels sorted. NaN and the infinities, which JSON has no numbers for, are strings. NULL with the
 * error set where PAGE is no such page; the error names the line.
 */
json_t *prometheus_parse(struct bytes page, const char *prefix, struct error *error);

/* The sum of NAME's series in such samples, whatever their labels; false where there is none. */
bool prometheus_sum(const json_t *samples, const char *name, double *sum);

/* The value of LABEL in a series as above; NULL where it has none. Freed with free(). */
char *prometheus_label(const char *series, const char *label);

#endif
