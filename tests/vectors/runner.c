/* Checks a folder of conformance vectors; tests/vectors/run says how it is used. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/memory.h"
#include "tests/vectors/kinds.h"

enum { FILE_SIZE_MAX = 64 * 1024 * 1024 };

static const struct {
    const char *name;
    vector_check check;
} kinds[] = {
    {"decode_failure", check_decode_failure},
    {"enr", check_enr},
    {"gossip_message_id", check_gossip_message_id},
    {"gossip_topic", check_gossip_topic},
    {"gossipsub_handler", check_gossipsub_handler},
    {"gossipsub_rpc", check_gossipsub_rpc},
    {"peer_id", check_peer_id},
    {"reqresp_request", check_reqresp_request},
    {"reqresp_response", check_reqresp_response},
    {"reqresp_response_stream", check_reqresp_response_stream},
    {"snappy_block", check_snappy_block},
    {"snappy_frame", check_snappy_frame},
    {"ssz", check_ssz},
    {"varint", check_varint},
};

struct count {
    size_t passed, failed;
};

/* ---- a file ---- */

/* Makes texts of integers that may have more than 63 bits, which Jansson refuses: '#' and digits.
 */
static void quote_long_integers(struct bytes text, struct buffer *output)
{
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        size_t size = 0;
        while (!in_string && i + size < text.size && text.data[i + size] >= '0' &&
               text.data[i + size] <= '9')
            size++;
        if (size >= 19 && i > 0 && strchr("-+.eE", text.data[i - 1]) == NULL) {
            buffer_append_text(output, "\"#");
            buffer_append(output, text.data + i, size);
            buffer_append_byte(output, '"');
            i += size - 1;
            continue;
        }
        if (text.data[i] == '"')
            in_string = !in_string;
        if (in_string && text.data[i] == '\\' && i + 1 < text.size)
            buffer_append_byte(output, text.data[i++]);
        buffer_append_byte(output, text.data[i]);
    }
}

static json_t *load(const char *path, struct error *error)
{
    struct buffer text = {0}, quoted = {0};
    json_t *vectors = NULL;
    json_error_t reason;
    if (file_read(path, FILE_SIZE_MAX, &text, error)) {
        quote_long_integers(buffer_bytes(&text), &quoted);
        vectors =
            json_loadb((const char *)quoted.data, quoted.size, JSON_REJECT_DUPLICATES, &reason);
        if (vectors == NULL)
            error_set(error, "line %d: %s", reason.line, reason.text);
    }
    buffer_clear(&text);
    buffer_clear(&quoted);
    return vectors;
}

static void fail_file(const char *file, const char *reason, struct count *count)
{
    printf("%s: %s\n", file, reason);
    count->failed++;
}

static void check_vectors(const char *file, vector_check check, const json_t *vectors,
                          struct count *count)
{
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        char *failure = case_run(check, vector);
        const char *name = json_string_value(json_object_get(vector, "name"));
        if (failure == NULL) {
            count->passed++;
            continue;
        }
        printf("%s: %zu %s: %s\n", file, i, name != NULL ? name : "(no name)", failure);
        count->failed++;
        free(failure);
    }
}

static vector_check find_kind(const char *file)
{
    size_t size = strlen(file) - strlen(".json");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, file, size) == 0)
            return kinds[i].check;
    return NULL;
}

static void check_file(const char *folder, const char *file, struct count *count)
{
    struct error error = {.text = ""};
    vector_check check = find_kind(file);
    if (check == NULL) {
        fail_file(file, "there is no check for this kind of vector", count);
        return;
    }
    char *path = text_format("%s/%s", folder, file);
    json_t *vectors = load(path, &error);
    if (vectors == NULL)
        fail_file(file, error.text, count);
    else if (json_array_size(vectors) == 0)
        fail_file(file, "no array with a case in it", count);
    else
        check_vectors(file, check, vectors, count);
    json_decref(vectors);
    free(path);
}

/* ---- a folder ---- */

static int is_vector_file(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), suffix = strlen(".json");
    return entry->d_name[0] != '.' && size > suffix &&
           strcmp(entry->d_name + size - suffix, ".json") == 0;
}

int main(int argc, char **argv)
{
    struct dirent **files;
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    int file_count = scandir(argv[1], &files, is_vector_file, alphasort);
    if (file_count <= 0) {
        fprintf(stderr, "%s: %s\n", argv[1],
                file_count < 0 ? strerror(errno) : "there is no .json file in it");
        return 2;
    }
    struct count count = {0};
    for (int i = 0; i < file_count; i++) {
        check_file(argv[1], files[i]->d_name, &count);
        free(files[i]);
    }
    free(files);
    printf("%zu passed, %zu failed\n", count.passed, count.failed);
    return count.failed > 0;
}
