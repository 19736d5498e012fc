#include "net/gossipsub/refusal.h"

static const struct {
    const char *name, *text;
} refusals[GOSSIPSUB_REFUSALS] = {
    [GOSSIPSUB_REFUSED_SIGNED] = {"signed", "it says who made it (from, seqno, signature or key), "
                                            "which this topic does not allow"},
    [GOSSIPSUB_REFUSED_UNSIGNED] = {"unsigned", "it has no author or no signature"},
    [GOSSIPSUB_REFUSED_SEQNO] = {"seqno", "it has no sequence number of 8 bytes"},
    [GOSSIPSUB_REFUSED_AUTHOR] = {"author", "there is no key with it that is its author's"},
    [GOSSIPSUB_REFUSED_SIGNATURE] = {"signature", "its signature is wrong"},
    [GOSSIPSUB_REFUSED_SNAPPY] = {"snappy", "its data is no raw snappy block"},
    [GOSSIPSUB_REFUSED_OTHER] = {"other", "its contents are refused"},
};

const char *gossipsub_refusal_name(enum gossipsub_refusal refusal)
{
    return refusals[refusal].name;
}

const char *gossipsub_refusal_text(enum gossipsub_refusal refusal)
{
    return refusals[refusal].text;
}
