#include "tests/unit/tap_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATER_MS = 2000 };

/* Of one end. */
struct journal {
    struct line *lines;
    size_t count;
};

static void run_script(script_function script, const struct way *way, struct journal journals[2])
{
    begin(way);
    script();
    struct side *sides[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        journals[i] = (struct journal){sides[i]->journal, sides[i]->lines};
        sides[i]->journal = NULL;
    }
    end_all();
}

static void print_rows(const char *name, const char *end, const struct journal *direct,
                       const struct journal *tapped)
{
    size_t rows = direct->count > tapped->count ? direct->count : tapped->count;
    for (size_t i = 0; i < rows; i++) {
        const struct line nothing = {.text = "(nothing)"};
        const struct line *here = i < direct->count ? &direct->lines[i] : &nothing;
        const struct line *there = i < tapped->count ? &tapped->lines[i] : &nothing;
        bool same = strcmp(here->text, there->text) == 0;
        print_message("# %-30s %s  %-52s %9.1f %9.1f%s%s\n", name, end, here->text,
                      (double)here->at_us / 1e3, (double)there->at_us / 1e3,
                      same ? "" : "  tapped: ", same ? "" : there->text);
    }
}

static void hold_journals(const struct journal *direct, const struct journal *tapped)
{
    assert_int_equal(tapped->count, direct->count);
    for (size_t i = 0; i < direct->count; i++) {
        assert_string_equal(tapped->lines[i].text, direct->lines[i].text);
        uint64_t most = 2 * direct->lines[i].at_us + LATER_MS * 1000;
        assert_in_range(tapped->lines[i].at_us, 0, most);
    }
}

static int by_text(const void *one, const void *other)
{
    return strcmp(((const struct line *)one)->text, ((const struct line *)other)->text);
}

void compare(const char *name, script_function script, const struct way *direct,
             const struct way *tapped)
{
    struct journal here[2], there[2];
    run_script(script, direct, here);
    run_script(script, tapped, there);
    for (size_t i = 0; i < 2; i++) {
        if (direct->front_path != NULL) {
            qsort(here[i].lines, here[i].count, sizeof(struct line), by_text);
            qsort(there[i].lines, there[i].count, sizeof(struct line), by_text);
        }
        print_rows(name, i == 0 ? "a" : "b", &here[i], &there[i]);
        hold_journals(&here[i], &there[i]);
        free(here[i].lines);
        free(there[i].lines);
    }
}
