#include "net/qlog/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/memory.h"
#include "net/qlog/json.h"

bool qlog_is_header(const json_t *value)
{
    return json_object_get(value, "qlog_version") != NULL ||
           json_object_get(value, "qlog_format") != NULL ||
           json_object_get(value, "file_schema") != NULL;
}

void qlog_id_set(char **id, struct bytes value)
{
    if (value.size == 0)
        return;
    qlog_text_set_bytes(id, value);
    for (char *digit = *id; *digit != '\0'; digit++)
        if (*digit >= 'A' && *digit <= 'F')
            *digit += 'a' - 'A';
}

static void read_vantage_point(struct qlog_log *log, const json_t *trace)
{
    const json_t *vantage = json_object_get(trace, "vantage_point");
    struct bytes type = qlog_json_text(vantage, "type");
    if (qlog_text_is(type, "network"))
        type = qlog_json_text(vantage, "flow"); /* whose packets are those that were sent */
    enum qlog_role role = qlog_text_is(type, "client")   ? QLOG_CLIENT
                          : qlog_text_is(type, "server") ? QLOG_SERVER
                                                         : QLOG_ROLE_UNKNOWN;
    qlog_text_set_bytes(&log->writer, qlog_json_text(vantage, "name"));
    if (role != QLOG_ROLE_UNKNOWN) {
        log->role = role;
        log->role_inferred = false;
    }
}

/* RFC 3339 as epoch milliseconds; false where TEXT is no date, such as "unknown". */
static bool read_date(const char *text, double *milliseconds)
{
    struct tm date = {0};
    int read = 0, zone_hours = 0, zone_minutes = 0;
    double seconds;
    char sign[2] = "";
    if (text == NULL ||
        sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%lf%n", &date.tm_year, &date.tm_mon, &date.tm_mday,
               &date.tm_hour, &date.tm_min, &seconds, &read) != 6)
        return false;
    if (sscanf(text + read, "%1[+-]%2d:%2d", sign, &zone_hours, &zone_minutes) != 3)
        zone_hours = zone_minutes = 0;
    if (!(seconds >= 0 && seconds < 61))
        return false;
    date.tm_year -= 1900;
    date.tm_mon -= 1;
    double zone = (zone_hours * 60 + zone_minutes) * (*sign == '-' ? -60.0 : 60.0);
    *milliseconds = ((double)timegm(&date) + seconds - zone) * 1000.0;
    return true;
}

/* A number, or since the drafts of 2024 an object that may tell when its clock began, or else what
 * the calendar said as the log did. */
double qlog_reference_read(const json_t *reference)
{
    double date;
    if (qlog_json_double(reference, &date))
        return date;
    if (read_date(json_string_value(json_object_get(reference, "epoch")), &date) ||
        read_date(json_string_value(json_object_get(reference, "wall_clock_time")), &date))
        return date;
    return 0;
}

enum qlog_time_form qlog_time_form_read(const json_t *format)
{
    struct bytes text = bytes_of(json_string_value(format), json_string_length(format));
    if (qlog_text_is(text, "delta") || qlog_text_is(text, "relative_to_previous_event"))
        return QLOG_TIME_DELTA;
    if (qlog_text_is(text, "relative") || qlog_text_is(text, "relative_to_epoch"))
        return QLOG_TIME_RELATIVE;
    return qlog_text_is(text, "absolute") ? QLOG_TIME_ABSOLUTE : QLOG_TIME_UNSAID;
}

static void read_times(struct qlog_log *log, const json_t *fields)
{
    log->time_form = qlog_time_form_read(json_object_get(fields, "time_format"));
    log->reference =
        log->time_unit * qlog_reference_read(json_object_get(fields, "reference_time"));
}

/* Drafts 00 and 01 let writers choose, of ms and us; some choose what clocks count. */
static void read_unit(struct qlog_log *log, const json_t *trace)
{
    static const struct {
        const char *name;
        double milliseconds;
    } units[] = {{"s", 1000}, {"ms", 1}, {"us", 1e-3}, {"ns", 1e-6}};
    struct bytes unit = qlog_json_text(json_object_get(trace, "configuration"), "time_units");
    if (unit.data == NULL)
        unit = qlog_json_text(json_object_get(trace, "common_fields"), "time_units");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (qlog_text_is(unit, units[i].name))
            log->time_unit = units[i].milliseconds;
}

/* A trace that its writer could not make, and says so. */
static void read_error(struct qlog_log *log, const json_t *trace)
{
    const char *text = json_string_value(json_object_get(trace, "error_description"));
    const char *place = json_string_value(json_object_get(trace, "uri"));
    if (text == NULL || log->records > 0)
        return;
    char *whole = text_format("%s%s%s%s", text, place != NULL ? " (" : "",
                              place != NULL ? place : "", place != NULL ? ")" : "");
    qlog_text_set(&log->trace_error, whole);
    free(whole);
}

void qlog_header_read(struct qlog_log *log, const json_t *trace)
{
    const json_t *fields = json_object_get(trace, "common_fields");
    read_vantage_point(log, trace);
    read_unit(log, trace);
    read_error(log, trace);
    char number[QLOG_NUMBER_SIZE];
    if (log->group_id == NULL)
        qlog_id_set(&log->group_id, qlog_json_id(json_object_get(fields, "group_id"), number));
    qlog_id_set(&log->group_id, qlog_json_id(json_object_get(fields, "ODCID"), number));
    read_times(log, fields);
}
