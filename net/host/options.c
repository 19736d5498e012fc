#include "net/host/options.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"

const char *const node_option_sign[] = {"none", "strict", NULL};
const char *const node_option_traces[] = {"none", "rpc", NULL};

/* How much to write, where nothing is written. */
static bool check_limits(const struct node_options *options, struct error *error)
{
    static const struct block_recorder_settings none = BLOCK_RECORDER_DEFAULT;
    const struct block_recorder_settings *record = &options->record;
    if (options->qlog_limit != 0 && options->qlog == NULL)
        return error_set(error, "--qlog-limit: it is of the logs of --qlog");
    if (record->folder != NULL)
        return true;
    if (record->blocks_max != none.blocks_max)
        return error_set(error, "--record-blocks: it is of the blocks of --record");
    return record->bytes_max == none.bytes_max ||
           error_set(error, "--record-bytes: it is of the blocks of --record");
}

bool node_options_check(const struct node_options *options, struct error *error)
{
    if (options->key != NULL && options->key_hex != NULL)
        return error_set(error, "--key and --key-hex exclude each other");
    if (*options->network == '\0' || strlen(options->network) > HOST_NETWORK_SIZE_MAX ||
        strchr(options->network, '/') != NULL)
        return error_set(error, "--network %s: 1 to %d characters, no slash", options->network,
                         HOST_NETWORK_SIZE_MAX);
    return check_limits(options, error);
}

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

struct identity *node_options_identity(const struct node_options *options, bool *usage,
                                       struct error *error)
{
    *usage = false;
    if (options->key != NULL) {
        struct identity *identity = identity_load_or_create(options->key, error);
        *usage = identity == NULL && file_path_is_to_blame(errno);
        if (identity == NULL)
            options_blame(error, "--key", options->key);
        return identity;
    }
    if (options->key_hex == NULL)
        return identity_generate();
    *usage = true;
    return identity_of_hex(options->key_hex, error);
}

/* CHECKPOINT of OPTION's ROOT:SLOT; untouched where TEXT is NULL. */
static bool read_checkpoint(const char *option, const char *text,
                            struct status_checkpoint *checkpoint, struct error *error)
{
    return text == NULL || status_checkpoint_parse(text, checkpoint, error) ||
           error_prefix(error, "%s %s", option, text);
}

bool node_options_apply(const struct node_options *options, struct host_settings *host,
                        struct error *error)
{
    host->agent = options->agent;
    host->network = options->network;
    host->qlog_folder = options->qlog;
    host->qlog_limit = options->qlog_limit;
    host->keylog_path = options->keylog;
    host->sign = options->sign == 1;
    return read_checkpoint("--finalized", options->finalized, &host->status.finalized, error) &&
           read_checkpoint("--head", options->head, &host->status.head, error);
}

bool node_options_blame(const struct node_options *options, struct error *error)
{
    return options_blame(error, "--qlog", options->qlog) ||
           options_blame(error, "--keylog", options->keylog);
}
