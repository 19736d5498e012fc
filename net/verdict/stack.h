/*
 * The habits of known implementations: what silence on a gossipsub stream means depends on whose
 * stack is at the other end.
 */
#ifndef NET_VERDICT_STACK_H
#define NET_VERDICT_STACK_H

#include "net/verdict/negotiation.h"

/* Which of a peer's streams a stack reads. */
enum qlog_reads {
    QLOG_READS_FIRST,   /* the one that arrived first; others are ignored while it is open */
    QLOG_READS_NEWEST,  /* the one that arrived last; the older is reset */
    QLOG_READS_ALL,     /* every one */
    QLOG_READS_UNKNOWN, /* nobody says: any of the above */
};

struct qlog_stack {
    const char *name;   /* for --peer-kind */
    const char *writer; /* what its QUIC logs call their writer; NULL: it has none of its own */
    const char *agent;  /* what its identify's agent version holds; NULL: it speaks no identify */
    enum qlog_reads reads;
    bool forgets; /* forgets a peer whose stream ends, and its own stream to it stays */
    bool spares;  /* keeps a stream on each connection to one peer: one may never be used */
};

/* The stack called NAME; NULL where there is none. */
const struct qlog_stack *qlog_stack_named(const char *name);
/* The names of all, with commas between; valid until the next call. */
const char *qlog_stack_names(void);
/* What is taken for the stack of a peer that nothing else tells; NULL: it is not known. */
void qlog_stack_suppose(const struct qlog_stack *stack);
/* Whose stack the node with ROLE in the connection is: by the writer of its log, its agent, what
 * its streams speak, and last by what was supposed. Never NULL. */
const struct qlog_stack *qlog_stack_of(const struct qlog_connection *connection,
                                       enum qlog_role role);
/* How much was known: of two answers about the same node the one that knows more. */
const struct qlog_stack *qlog_stack_better(const struct qlog_stack *a, const struct qlog_stack *b);

#endif
