/* evhttp answers some requests before anybody else hears of them (a body that is too large, what is
 * no HTTP, an unknown method), with a page in HTML: this puts JSON in its place. */
#ifndef NET_API_ERROR_PAGE_H
#define NET_API_ERROR_PAGE_H

#include <event2/bufferevent.h>
#include <stddef.h>

/* BUFFEREVENT is to become an HTTP connection that takes bodies of BODY_MAX bytes, which outlives
 * it. */
void error_page_replace(struct bufferevent *bufferevent, const size_t *body_max);

#endif
