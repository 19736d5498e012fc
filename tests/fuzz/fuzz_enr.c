#include "common/memory.h"
#include "net/address/enr.h"
#include "tests/fuzz/fuzz.h"

/* What a record says is read from within it, whatever it says; its text means it again. */
static void survives(const struct enr *record)
{
    char text[ENR_TEXT_SIZE];
    struct enr again;
    struct bytes bytes;
    struct multiaddr address;
    struct enr_fork fork;
    uint8_t id[ENR_NODE_ID_SIZE];
    uint16_t port;
    uint64_t subnets;
    enr_text(record, text);
    require(enr_parse(text, &again, NULL) && again.sequence == record->sequence);
    require(again.size == record->size && memcmp(again.rlp, record->rlp, record->size) == 0);
    require(!enr_ip4(record, &bytes) || bytes.data + bytes.size <= record->rlp + record->size);
    if (enr_multiaddr(record, &address, NULL))
        require(enr_port(record, "quic", &port) || enr_port(record, "udp", &port));
    if (enr_verify(record, NULL))
        require(enr_node_id(record, id));
    enr_fork(record, &fork);
    enr_attestation_subnets(record, &subnets);
    enr_is_aggregator(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct enr record;
    struct error error = {.text = ""};
    if (enr_decode(bytes_of(data, size), &record, &error))
        survives(&record);
    else
        require(error.text[0] != '\0');
    char *text = memory_new(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    if (enr_parse(text, &record, NULL))
        survives(&record);
    free(text);
    return 0;
}
