/* rotate LOG FOLDER LIMIT: writes a QUIC log of records, one a line, once more, as a node that
 * rotates its logs at LIMIT bytes would have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/qlog/writer.h"

int main(int argc, char **argv)
{
    struct error error = {0};
    FILE *input = argc == 4 ? fopen(argv[1], "r") : NULL;
    struct qlog_writer *writer =
        input != NULL ? qlog_writer_new(argv[2], "rotated", "log", &error) : NULL;
    if (writer == NULL) {
        fprintf(stderr, "rotate LOG FOLDER LIMIT: %s\n", error.text);
        return 1;
    }
    qlog_writer_limit(writer, strtoull(argv[3], NULL, 10));
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, input)) > 0)
        qlog_writer_record(writer, bytes_of(line, (size_t)size));
    qlog_writer_free(writer);
    free(line);
    fclose(input);
    return 0;
}
