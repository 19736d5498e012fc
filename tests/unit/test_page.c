#include "common/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/file.h"
#include "common/sha256.h"
#include "tests/unit/support.h"

/* The page as text, which the caller frees. */
static char *filled(const char *template, const char *title, json_t *value)
{
    struct buffer page = {0};
    page_fill(bytes_of_text(template), title, value, &page);
    buffer_append_byte(&page, '\0');
    json_decref(value);
    return (char *)page.data;
}

static void assert_filled(const char *template, const char *title, json_t *value,
                          const char *expected)
{
    char *page = filled(template, title, value);
    assert_string_equal(page, expected);
    free(page);
}

static void what_is_no_placeholder_is_kept(void **state)
{
    (void)state;
    assert_filled("", "t", json_null(), "");
    assert_filled("a {{ b }} {{other}} {{data} {{", "t", json_null(),
                  "a {{ b }} {{other}} {{data} {{");
}

static void a_title_stays_text(void **state)
{
    (void)state;
    assert_filled("<title>{{title}}</title>{{title}}", "a & <b>\"'\x1b\xff", json_null(),
                  "<title>a &#38; &#60;b&#62;&#34;&#39;\xef\xbf\xbd\xef\xbf\xbd</title>"
                  "a &#38; &#60;b&#62;&#34;&#39;\xef\xbf\xbd\xef\xbf\xbd");
    assert_filled("{{title}}", "{{data}}", json_null(), "{{data}}");
}

static void text_in_the_value_cannot_end_its_element(void **state)
{
    (void)state;
    assert_filled("[{{data}}]", "t",
                  json_pack("{s:s}", "a", "</script><!--<script>]]>&amp;\xe2\x80\xa8\xc3\xa9"),
                  "[{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u003cscript\\u003e]]\\u003e"
                  "\\u0026amp;\\u2028\\u00E9\"}]");
    assert_filled("{{data}}", "t", json_string("{{title}}"), "\"{{title}}\"");
}

static void the_shared_style_is_embedded_whole(void **state)
{
    (void)state;
    struct buffer style = {0};
    assert_true(file_read("common/page.css", 1 << 20, &style, NULL));
    assert_true(style.size > 0);
    buffer_append_byte(&style, '\0');
    assert_filled("{{style}}", "t", json_null(), (const char *)style.data);
    buffer_clear(&style);
}

static void only_the_script_of_the_template_runs(void **state)
{
    (void)state;
    uint8_t digest[SHA256_SIZE];
    char digits[BASE64URL_TEXT_SIZE(SHA256_SIZE) + 1], source[80];
    sha256(bytes_of_text("run();"), digest);
    base64url_write(bytes_of(digest, sizeof(digest)), digits);
    snprintf(source, sizeof(source), "default-src 'none'; ");
    char *page = filled("{{policy}}|<script type=\"application/json\">{{data}}</script>"
                        "<script>run();</script>",
                        "t", json_string("<script>other()</script>"));
    assert_true(strncmp(page, source, strlen(source)) == 0);
    snprintf(source, sizeof(source), "script-src 'sha256-%s=';", digits);
    assert_non_null(strstr(page, source));
    free(page);
}

static void a_page_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct error error;
    char folder[] = "/tmp/test_page.XXXXXX", path[64];
    struct buffer read = {0};
    assert_non_null(mkdtemp(folder));
    json_t *value = json_pack("[i]", 1);
    snprintf(path, sizeof(path), "%s/page.html", folder);
    assert_true(page_write(path, bytes_of_text("<{{data}}>"), "t", value, &error));
    assert_true(file_read(path, 100, &read, &error));
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of_text("<[1]>")));
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777 & ~0644u, 0);
    unlink(path);
    snprintf(path, sizeof(path), "%s/none/page.html", folder);
    assert_false(page_write(path, bytes_of_text(""), "t", value, &error));
    assert_non_null(strstr(error.text, "none/page.html: cannot write: No such file"));
    assert_int_equal(rmdir(folder), 0);
    json_decref(value);
    buffer_clear(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_placeholder_is_kept),
        cmocka_unit_test(a_title_stays_text),
        cmocka_unit_test(text_in_the_value_cannot_end_its_element),
        cmocka_unit_test(the_shared_style_is_embedded_whole),
        cmocka_unit_test(only_the_script_of_the_template_runs),
        cmocka_unit_test(a_page_is_written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
