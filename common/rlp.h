/*
 * RLP, Ethereum's encoding of byte strings and lists of them. Ethereum yellow paper, appendix B.
 * Only the one canonical encoding of each value is read.
 */
#ifndef COMMON_RLP_H
#define COMMON_RLP_H

#include "common/buffer.h"
#include "common/error.h"

struct rlp_item {
    bool is_list;
    struct bytes content; /* of a list: its items, one after the other */
};

/* Takes the item at the start of INPUT, of which it is a view. */
bool rlp_take(struct bytes *input, struct rlp_item *item, struct error *error);
/* The same for what must be a string. */
bool rlp_take_string(struct bytes *input, struct bytes *string, struct error *error);
/* The number that a string means: big-endian, without leading zeros, at most 64 bits. */
bool rlp_number(struct bytes string, uint64_t *number);

void rlp_append_string(struct buffer *output, struct bytes string);
/* ITEMS are a list's content. */
void rlp_append_list(struct buffer *output, struct bytes items);

#endif
