#include "net/host/options.h"

#include <errno.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/options.h"

const char *const sign_policies[] = {"none", "strict", NULL};

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
    if (file != NULL) {
        struct identity *identity = identity_load_or_create(file, error);
        *usage = identity == NULL && file_path_is_to_blame(errno);
        if (identity == NULL)
            options_blame(error, "--key", file);
        return identity;
    }
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
