#include "net/host/protocol_end.h"

const char *protocol_end_text(enum protocol_end end)
{
    static const char *const texts[] = {
        [PROTOCOL_REJECTED] = "not spoken",
        [PROTOCOL_UNINTELLIGIBLE] = "malformed negotiation",
        [PROTOCOL_RESET] = "reset by the peer",
        [PROTOCOL_TIMED_OUT] = "no answer in time",
        [PROTOCOL_CLOSED] = "closed",
        [PROTOCOL_CONNECTION_LOST] = "connection lost",
        [PROTOCOL_MALFORMED] = "malformed",
        [PROTOCOL_RESET_UNANSWERED] = "not answered, but reset by the peer",
    };
    return texts[end];
}

bool protocol_not_spoken(enum protocol_end end)
{
    return end == PROTOCOL_REJECTED || end == PROTOCOL_RESET_UNANSWERED;
}
