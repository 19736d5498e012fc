/*
 * Reads an answer with blocks as it comes, in whatever pieces: a chunk at a time, and never more of
 * it than one chunk may have. Consensus specification: p2p-interface, Req/Resp.
 */
#ifndef NET_PROTOCOLS_BLOCKS_READER_H
#define NET_PROTOCOLS_BLOCKS_READER_H

#include "net/protocols/reqresp.h"

/* Zeroed but for its limits, it is at the start of an answer. */
struct blocks_reader {
    size_t blocks_max; /* as many were asked for */
    size_t size_max;   /* bytes of a block's SSZ; REQRESP_PAYLOAD_MAX, or less in tests */
    size_t blocks;     /* that have come */
    struct buffer input;
};

enum blocks_read {
    BLOCKS_READ_MORE,      /* what is there is no whole chunk */
    BLOCKS_READ_BLOCK,     /* its SSZ was appended to the payload */
    BLOCKS_READ_REFUSED,   /* the peer ends with a code, and its text was appended */
    BLOCKS_READ_MALFORMED, /* the error says how, or which limit the answer is over */
};

void blocks_reader_add(struct blocks_reader *reader, struct bytes data);
/* To be called until it is not BLOCKS_READ_BLOCK, after each blocks_reader_add. */
enum blocks_read blocks_reader_next(struct blocks_reader *reader, uint8_t *code,
                                    struct buffer *payload, struct error *error);
/* The peer's FIN has come; false with the error set where it came within a chunk. */
bool blocks_reader_end(const struct blocks_reader *reader, struct error *error);
void blocks_reader_clear(struct blocks_reader *reader);

#endif
