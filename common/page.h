/*
 * Reports as pages of HTML: one file each, which loads nothing and which nothing in it can make
 * load anything.
 *
 * A template is HTML with these, each once, and one <script> that runs:
 *
 *   {{policy}}  in <meta http-equiv="Content-Security-Policy" content="{{policy}}">: no network,
 *               and no script but the template's own
 *   {{title}}   the title, as text; may stand more than once
 *   {{style}}   in <style>: what all pages look like, common/page.css
 *   {{data}}    in <script type="application/json">: the value, which the script parses
 */
#ifndef COMMON_PAGE_H
#define COMMON_PAGE_H

#include <jansson.h>

#include "common/buffer.h"
#include "common/error.h"

/* Appends the template, filled in. Text in VALUE and TITLE stays text, whatever it holds. */
void page_fill(struct bytes template, const char *title, const json_t *value,
               struct buffer *output);
/* Writes the page whole; false where it cannot be written. */
bool page_write(const char *path, struct bytes template, const char *title, const json_t *value,
                struct error *error);

#endif
