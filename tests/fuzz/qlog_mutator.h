/* Mutation of QUIC logs by record: bytes mutated at random are mostly logs that end at the first
 * bad record. */
#ifndef TESTS_FUZZ_QLOG_MUTATOR_H
#define TESTS_FUZZ_QLOG_MUTATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Duplicates, moves, swaps or drops records of the log in DATA, or changes one of them, and keeps
 * what holds the records together; seldom, any bytes. What it returns is the new size, at most
 * LIMIT. As LLVMFuzzerCustomMutator has it.
 */
size_t qlog_mutate(uint8_t *data, size_t size, size_t limit, unsigned seed);
/* Puts records of OTHER into those of DATA. As LLVMFuzzerCustomCrossOver has it. */
size_t qlog_splice(const uint8_t *data, size_t size, const uint8_t *other, size_t other_size,
                   uint8_t *output, size_t limit, unsigned seed);
/* Whether any input was mutated yet: until then they are seeds, or what is run again. */
bool qlog_was_mutated(void);

/* libFuzzer's own mutation. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);

#endif
