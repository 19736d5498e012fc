/* A terminal that shows one thing, which is drawn anew, and afterwards what it showed before. */
#ifndef CMD_DEVNET_SCREEN_H
#define CMD_DEVNET_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes the terminal that is standard output, until screen_end or a signal that ends or stops us:
 * SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP have it as it was before they do what they would.
 * False, and nothing is done, where standard output is none, or one that knows no such thing.
 */
bool screen_begin(void);
void screen_end(void);

/* Draws TEXT, as many of its lines and of their columns as there is room for; the last line that
 * there is room for says how many are left out. */
void screen_draw(const char *text);
/* Waits so long; false, before that, where the screen has to be drawn anew: it has another size,
 * or was away. *LEFT_MS becomes what is left of the wait. */
bool screen_wait(unsigned long *left_ms);

#endif
