#include "common/memory.h"
#include "net/address/enr_make.h"
#include "net/address/node_address.h"
#include "tests/fuzz/fuzz.h"

/* What a record says is read from within it, whatever it says; its text means it again. */
static void is_made_again(const struct enr *record);

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
    is_made_again(record);
}

static struct identity *some_identity(void)
{
    static struct identity *identity;
    static const uint8_t secret[IDENTITY_SECRET_SIZE] = {1};
    if (identity == NULL)
        identity = identity_from_secret(bytes_of(secret, sizeof(secret)), NULL);
    return identity;
}

/* What another record says, signed by our key: it verifies, and says all of that. */
static void is_made_again(const struct enr *record)
{
    struct enr_draft draft = {.sequence = record->sequence};
    struct enr made;
    struct error error = {.text = ""};
    struct bytes rest = enr_pairs(record), key, value, found;
    while (enr_next_pair(&rest, &key, &value)) {
        char *name = text_format("%.*s", (int)key.size, (const char *)key.data);
        if (!enr_draft_set(&draft, name, value, &error))
            require(error.text[0] != '\0');
        free(name);
    }
    if (enr_draft_sign(&draft, some_identity(), &made, &error)) {
        require(enr_verify(&made, NULL));
        require(made.sequence == (record->sequence > 0 ? record->sequence : 1));
        for (size_t i = 0; i < draft.count; i++)
            require(enr_value(&made, draft.pairs[i].key, &found) &&
                    bytes_equal(found, buffer_bytes(&draft.pairs[i].value)));
    } else {
        require(error.text[0] != '\0');
    }
    enr_draft_clear(&draft);
}

/* KEY=VALUE, as people write it. */
static void try_pair(char *text)
{
    struct enr_draft draft = {0};
    struct error error = {.text = ""};
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return;
    *equals = '\0';
    bool set = enr_draft_set_text(&draft, text, equals + 1, &error);
    require(set == (draft.count == 1) && (set || error.text[0] != '\0'));
    enr_draft_clear(&draft);
}

static void try_address(const char *text)
{
    struct node_address address;
    struct error error = {.text = ""};
    if (node_address_parse(text, &address, &error))
        require(address.count >= 1 && address.count <= NODE_ADDRESS_MAX);
    else
        require(error.text[0] != '\0');
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
    try_address(text);
    try_pair(text);
    free(text);
    return 0;
}
