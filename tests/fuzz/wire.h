/*
 * What lies between an attacker and a host: it knows how far the attacker's packets have come, puts
 * frames of the fuzzer's into them or writes packets in their stead, and has datagrams lost,
 * doubled, delayed or damaged on the way.
 */
#ifndef TESTS_FUZZ_WIRE_H
#define TESTS_FUZZ_WIRE_H

#include "tests/fuzz/packets.h"
#include "tests/fuzz/virtual_net.h"

enum wire_fate { FATE_LOST, FATE_TWICE, FATE_LATE, FATE_CUT, FATE_DAMAGED, FATE_MOVED, FATES };

/* The two ends; of all other datagrams nothing is known, and they pass. */
void wire_begin(const struct sockaddr_in *attacker, const struct sockaddr_in *host);
void wire_end(void);
/* A new connection begins: what is known is that of the old one. */
void wire_connection(void);

/* To be in the attacker's next packet of that level, before its own frames or, ALONE, without
 * them. What is too much for one packet is left out. */
void wire_frames(enum packet_level level, struct bytes frames, bool alone);
/* The same for CRYPTO data, which follows what was sent at that level so far. */
void wire_crypto(enum packet_level level, struct bytes data);
/* Whether such frames are still waiting for a packet. */
bool wire_waiting(enum packet_level level);
/* Sends them in a packet of the wire's own. */
void wire_force(enum packet_level level);
/* Acknowledges all that the host has sent at that level, if anything. */
void wire_acknowledge(enum packet_level level);

/* As given, from the attacker's address or (SOURCE not 0) another one. */
void wire_raw(struct bytes datagram, uint8_t source);
/* The attacker's INDEXth datagram again, with other connection ids (VARIANT not 0). */
void wire_replay(size_t index, uint8_t variant, uint8_t source);
/* What becomes of the next datagram that has no fate yet. */
void wire_fate(bool from_host, enum wire_fate fate, uint16_t argument);

#endif
