#include "cmd/tap/judged.h"

#include <stdlib.h>

#include "common/log.h"
#include "net/qlog/read_files.h"
#include "net/verdict/report.h"

static void on_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text)
{
    (void)context;
    if (kind == QLOG_REMARK_TROUBLE)
        log_warn("%s: %s", path, text);
}

/* The logs are borrowed from READINGS. */
static void add_logs(struct qlog_connections *connections, const struct qlog_search *search,
                     const struct qlog_reading *readings)
{
    const char *duplicate;
    for (size_t i = 0; i < search->count; i++) {
        const struct qlog_reading *reading = &readings[i];
        const char *path = search->files[i].path;
        if (reading->outcome == QLOG_FAILED)
            log_warn("%s: %s", path, reading->error.text);
        if (reading->outcome != QLOG_NOT_A_LOG)
            qlog_connections_add(connections, path, reading->logs, reading->log_count,
                                 reading->mark, &duplicate);
    }
    qlog_connections_join(connections);
}

static json_t *judge(const struct qlog_connections *connections)
{
    struct qlog_judgements judgements = qlog_judge(connections);
    json_t *report = qlog_report(&judgements);
    json_t *judged = json_incref(json_object_get(report, "connections"));
    json_decref(report);
    qlog_judgements_clear(&judgements);
    return judged;
}

json_t *judged_connections(const char *folder, struct error *error)
{
    struct qlog_search search = {.handler = on_remark};
    struct qlog_connections connections = {0};
    qlog_search_path(&search, folder);
    struct qlog_reading *readings = qlog_read_files(&search, 1, NULL);
    add_logs(&connections, &search, readings);
    json_t *judged = judge(&connections);
    qlog_connections_clear(&connections);
    for (size_t i = 0; i < search.count; i++)
        qlog_reading_clear(&readings[i]);
    free(readings);
    qlog_search_clear(&search);
    if (json_array_size(judged) > 0)
        return judged;
    json_decref(judged);
    error_set(error, "%s: no QUIC log of a connection there", folder);
    return NULL;
}
