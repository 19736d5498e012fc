#include "net/verdict/report_files.h"

#include <stdlib.h>

static void add_file(struct qlog_connections *connections, const struct qlog_search *search,
                     const char *path, const struct qlog_reading *reading)
{
    const char *duplicate = NULL;
    if (reading->outcome != QLOG_NOT_A_LOG &&
        !qlog_connections_add(connections, path, reading->logs, reading->log_count, reading->mark,
                              &duplicate))
        search->handler(search->context, QLOG_REMARK_SKIPPED, path,
                        "the same as a log that has been read");
}

static json_t *judge(const struct qlog_connections *connections)
{
    struct qlog_judgements judgements = qlog_judge(connections);
    json_t *report = qlog_report(&judgements);
    qlog_judgements_clear(&judgements);
    return report;
}

static void free_readings(struct qlog_reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        qlog_reading_clear(&readings[i]);
    free(readings);
}

json_t *qlog_report_files(const struct qlog_search *search, struct qlog_reading *readings,
                          const struct qlog_hearer *hearer)
{
    struct qlog_connections connections = {0};
    for (size_t i = 0; i < search->count; i++) {
        hearer->on_reading(hearer->context, &search->files[i], &readings[i]);
        add_file(&connections, search, search->files[i].path, &readings[i]);
    }
    qlog_connections_join(&connections);
    if (hearer->on_joined != NULL)
        hearer->on_joined(hearer->context, &connections);
    json_t *report = judge(&connections);
    qlog_connections_clear(&connections);
    free_readings(readings, search->count);
    return report;
}
