#include "net/host/options.h"

#include "common/hex.h"

static struct identity *identity_of_hex(const char *hex, struct error *error)
{
    struct buffer secret = {0};
    struct identity *identity = NULL;
    if (hex_read(hex, &secret))
        identity = identity_from_secret(buffer_bytes(&secret), error);
    else
        error_set(error, "not hexadecimal");
    buffer_clear(&secret);
    if (identity == NULL)
        error_prefix(error, "--key-hex");
    return identity;
}

struct identity *identity_option(const char *file, const char *hex, bool *usage,
                                 struct error *error)
{
    *usage = false;
    if (file != NULL)
        return identity_load_or_create(file, error);
    if (hex == NULL)
        return identity_generate();
    *usage = true;
    return identity_of_hex(hex, error);
}

bool status_option_checkpoint(const char *option, const char *text,
                              struct status_checkpoint *checkpoint, struct error *error)
{
    return text == NULL || status_checkpoint_parse(text, checkpoint, error) ||
           error_prefix(error, "%s %s", option, text);
}
