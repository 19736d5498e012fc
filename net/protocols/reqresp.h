/*
 * Lean's request and response encoding: varint(ssz length), then the SSZ in snappy's framing
 * format; a response chunk has a code before it. Consensus specification: p2p-interface, Req/Resp.
 */
#ifndef NET_PROTOCOLS_REQRESP_H
#define NET_PROTOCOLS_REQRESP_H

#include "common/buffer.h"
#include "common/error.h"

#define REQRESP_STATUS_PROTOCOL "/leanconsensus/req/status/1/ssz_snappy"
#define REQRESP_BLOCKS_BY_ROOT_PROTOCOL "/leanconsensus/req/blocks_by_root/1/ssz_snappy"
#define REQRESP_BLOCKS_BY_RANGE_PROTOCOL "/leanconsensus/req/blocks_by_range/1/ssz_snappy"

enum {
    REQRESP_PAYLOAD_MAX = 10 * 1024 * 1024, /* uncompressed */
    REQRESP_ERROR_TEXT_MAX = 256,
    REQRESP_TIMEOUT_MS = 10000, /* the whole response */
};

enum reqresp_code {
    REQRESP_SUCCESS = 0,
    REQRESP_INVALID_REQUEST = 1,
    REQRESP_SERVER_ERROR = 2,
    REQRESP_RESOURCE_UNAVAILABLE = 3,
    REQRESP_CODES, /* that we answer with */
};

void reqresp_encode_request(struct bytes ssz, struct buffer *output);
void reqresp_encode_response(enum reqresp_code code, struct bytes payload, struct buffer *output);
/* Decodes a whole request, as it stands when the peer's FIN has come, and appends to SSZ, which is
 * as it was on failure; LIMIT bounds the SSZ. */
bool reqresp_decode_request(struct bytes input, size_t limit, struct buffer *ssz,
                            struct error *error);
/*
 * Decodes one response chunk at the start of INPUT, appends to PAYLOAD, and returns the bytes it
 * takes: 0 where more are needed, -1 with the error set where it is malformed or over LIMIT. With a
 * CODE other than success the payload is the peer's text, over REQRESP_ERROR_TEXT_MAX is malformed,
 * and any code is given back: those above 3 mean an error too. An answer whose code was left out is
 * malformed.
 */
long reqresp_decode_response(struct bytes input, size_t limit, uint8_t *code,
                             struct buffer *payload, struct error *error);
/* What is to be said of an answer with another CODE than success: with its text, as far as there is
 * one and it may be printed. Freed with free(). */
char *reqresp_refusal_text(uint8_t code, struct bytes payload);
/* The most bytes that a request or one response chunk of LIMIT uncompressed bytes, or an error, may
 * take: buffer no more. */
size_t reqresp_encoded_max(size_t limit);

#endif
