#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/prometheus.h"
#include "tests/fuzz/fuzz.h"

/* Every series that is kept begins as it should, and reads the same when it is written as a page.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    json_t *samples = prometheus_parse(bytes_of(data, size), "l", &error);
    if (samples == NULL) {
        require(error.text[0] != '\0');
        return 0;
    }
    require(json_object_size(samples) <= PROMETHEUS_SAMPLES_MAX);
    const char *series;
    json_t *value;
    json_object_foreach(samples, series, value)
    {
        require(series[0] == 'l');
        require(json_is_number(value) || json_is_string(value));
        char *line = text_format("%s 1\n", series);
        json_t *again = prometheus_parse(bytes_of(line, strlen(line)), "l", &error);
        require(again != NULL && json_object_get(again, series) != NULL);
        json_decref(again);
        free(line);
        free(prometheus_label(series, "name"));
    }
    json_decref(samples);
    return 0;
}
