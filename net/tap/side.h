/* Which of the two nodes of a connection through the tap did something, and how it ended a stream.
 */
#ifndef NET_TAP_SIDE_H
#define NET_TAP_SIDE_H

enum tap_side { TAP_DIALLER, TAP_LISTENER };
#define TAP_SIDES 2

enum tap_end {
    TAP_FIN,
    TAP_RESET, /* RESET_STREAM: what it says ends here */
    TAP_STOP,  /* STOP_SENDING: it does not want what the other says */
};

static inline enum tap_side tap_other(enum tap_side side)
{
    return side == TAP_DIALLER ? TAP_LISTENER : TAP_DIALLER;
}

/* As events have it. */
static inline const char *tap_side_name(enum tap_side side)
{
    return side == TAP_DIALLER ? "dialler" : "listener";
}

#endif
