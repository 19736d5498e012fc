/*
 * SSZ of types that tables describe: whether bytes are a value of a type, and that value's hash
 * tree root. Consensus specification: ssz/simple-serialize.md. Unions and bitvectors are left out:
 * no message of ours has them.
 */
#ifndef COMMON_SSZ_H
#define COMMON_SSZ_H

#include "common/bytes.h"
#include "common/error.h"

enum { SSZ_ROOT_SIZE = 32, SSZ_OFFSET_SIZE = 4 };

enum ssz_kind {
    SSZ_UINT,      /* little-endian, of `size` bytes */
    SSZ_BYTES,     /* `size` of them */
    SSZ_LIST,      /* of at most `limit` elements */
    SSZ_BITLIST,   /* of at most `limit` bits, and one behind them that ends it */
    SSZ_CONTAINER, /* of `fields` */
};

struct ssz_type {
    enum ssz_kind kind;
    size_t size;
    size_t limit;
    const struct ssz_type *element;
    const struct ssz_field *fields; /* ends with a NULL name */
};

struct ssz_field {
    const char *name;
    const struct ssz_type *type;
};

/* Bytes of every value of the type; 0 where they vary. */
size_t ssz_fixed_size(const struct ssz_type *type);
/* Whether SSZ is the encoding of a value of the type: there is only one of each. */
bool ssz_check(const struct ssz_type *type, struct bytes ssz, struct error *error);
/* The number of SIZE bytes, at most 8, at POSITION, which are there. */
uint64_t ssz_number(struct bytes ssz, size_t position, size_t size);
/* hash_tree_root of what ssz_check accepts. */
void ssz_root(const struct ssz_type *type, struct bytes ssz, uint8_t root[SSZ_ROOT_SIZE]);

#endif
