#include "net/mesh/target.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/api/client.h"

static const char scheme[] = "http://";

size_t mesh_target_page_path(const char *page)
{
    size_t start = strncmp(page, scheme, strlen(scheme)) == 0 ? strlen(scheme) : 0;
    return start + strcspn(page + start, "/");
}

/* What an HTTP request can name as it is. */
static bool is_plain(const char *url)
{
    while (*url > ' ' && *url <= '~')
        url++;
    return *url == '\0';
}

static bool has_path(const char *url)
{
    const char *path = url + mesh_target_page_path(url);
    return path[0] == '/' && path[1] != '\0';
}

static bool parse_page(const char *text, struct mesh_target *target, struct error *error)
{
    char *start = text_format("%.*s", (int)mesh_target_page_path(text), text);
    bool sound = api_url_check(start, NULL);
    free(start);
    target->page = text_copy(text);
    return (sound && has_path(text) && is_plain(text)) ||
           error_set(error, "%s: not a page of metrics; expected http://127.0.0.1:PORT/metrics",
                     text);
}

static bool parse_address(const char *text, struct mesh_target *target, struct error *error)
{
    size_t length = strcspn(text, "=");
    char *address = text_format("%.*s", (int)length, text);
    target->has_address = node_address_parse(address, &target->address, error);
    free(address);
    const char *page = text[length] == '=' ? text + length + 1 : NULL;
    target->page_may_be_missing = page != NULL && page[0] == '?';
    return target->has_address &&
           (page == NULL || parse_page(page + target->page_may_be_missing, target, error));
}

bool mesh_target_parse(const char *text, struct mesh_target *target, struct error *error)
{
    *target = (struct mesh_target){.text = text};
    if (text[0] == '/' || node_address_looks_like(text))
        return parse_address(text, target, error);
    if (has_path(text))
        return parse_page(text, target, error);
    target->api = text_copy(text);
    return api_url_check(text, error);
}

void mesh_target_clear(struct mesh_target *target)
{
    free(target->api);
    free(target->page);
}
