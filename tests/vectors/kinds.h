/* A check for each kind of vector; the kind is the name of its file without ".json". */
#ifndef TESTS_VECTORS_KINDS_H
#define TESTS_VECTORS_KINDS_H

#include "tests/vectors/case.h"

void check_decode_failure(struct vector_case *test, const json_t *vector);
void check_enr(struct vector_case *test, const json_t *vector);
void check_gossip_message_id(struct vector_case *test, const json_t *vector);
void check_gossip_topic(struct vector_case *test, const json_t *vector);
void check_gossipsub_handler(struct vector_case *test, const json_t *vector);
void check_gossipsub_rpc(struct vector_case *test, const json_t *vector);
void check_peer_id(struct vector_case *test, const json_t *vector);
void check_reqresp_request(struct vector_case *test, const json_t *vector);
void check_reqresp_response(struct vector_case *test, const json_t *vector);
void check_reqresp_response_stream(struct vector_case *test, const json_t *vector);
void check_snappy_block(struct vector_case *test, const json_t *vector);
void check_snappy_frame(struct vector_case *test, const json_t *vector);
void check_ssz(struct vector_case *test, const json_t *vector);
void check_varint(struct vector_case *test, const json_t *vector);

#endif
