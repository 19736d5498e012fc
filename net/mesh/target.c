#include "net/mesh/target.h"

#include <stdlib.h>
#include <string.h>

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

/* A URL with a path is a page's. One without is an API's, if it is the URL of anything. */
static bool parse_url(const char *text, struct mesh_target *target, struct error *error)
{
    bool may_be_missing = text[0] == '?';
    const char *url = text + may_be_missing;
    bool lean = !has_path(url) && api_url_check(url, NULL);
    if (lean ? target->lean != NULL : target->page != NULL)
        return error_set(error, "%s: a second %s of one node", url, lean ? "API" : "page");
    if (!lean) {
        target->page_may_be_missing = may_be_missing;
        return parse_page(url, target, error);
    }
    target->lean_may_be_missing = may_be_missing;
    target->lean = text_copy(url);
    return true;
}

/* Where the next URL begins, behind its "="; NULL where there is none. A "=" of a query is a part
 * of the URL. */
static char *next_url(char *text)
{
    static const char *const starts[] = {"=http://", "=?http://"};
    char *first = NULL;
    for (size_t i = 0; i < 2; i++) {
        char *found = strstr(text, starts[i]);
        if (found != NULL && (first == NULL || found < first))
            first = found;
    }
    if (first != NULL)
        *first++ = '\0';
    return first;
}

static bool parse_address(const char *text, struct mesh_target *target, struct error *error)
{
    char *copy = text_copy(text), *rest = copy, *url = strsep(&rest, "=");
    target->has_address = node_address_parse(url, &target->address, error);
    bool sound = target->has_address;
    while (sound && rest != NULL) {
        url = rest;
        rest = next_url(url);
        sound = parse_url(url, target, error);
    }
    free(copy);
    return sound;
}

/* Before any path: what stands in one is no scheme. */
static bool has_scheme(const char *text)
{
    const char *slash = strchr(text, '/');
    return slash != NULL && slash > text && slash[-1] == ':' && slash[1] == '/';
}

bool mesh_target_parse(const char *text, struct mesh_target *target, struct error *error)
{
    *target = (struct mesh_target){.text = text};
    if (text[0] == '/' || node_address_looks_like(text))
        return parse_address(text, target, error);
    if (has_scheme(text) && strncmp(text, scheme, strlen(scheme)) != 0)
        return error_set(error, "%s: only http:// is spoken; expected http://127.0.0.1:PORT", text);
    if (has_path(text))
        return parse_page(text, target, error);
    target->api = text_copy(text);
    return api_url_check(text, error);
}

void mesh_target_clear(struct mesh_target *target)
{
    free(target->api);
    free(target->page);
    free(target->lean);
}
