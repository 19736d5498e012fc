/* The reasons for which messages are rejected, in words. */
#ifndef NET_GOSSIPSUB_REFUSAL_H
#define NET_GOSSIPSUB_REFUSAL_H

#include "net/gossipsub/router.h"

/* "signed", "unsigned" and so on. */
const char *gossipsub_refusal_name(enum gossipsub_refusal refusal);
/* What is wrong with the message. */
const char *gossipsub_refusal_text(enum gossipsub_refusal refusal);

#endif
