#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/output.h"
#include "net/address/enr_make.h"

static struct identity *key_of_genesis(const char *folder, const char *name, struct error *error)
{
    struct genesis genesis;
    struct identity *identity = NULL;
    if (genesis_load(folder, &genesis, error)) {
        const struct genesis_node *node = genesis_find(&genesis, name);
        if (node == NULL)
            error_set(error, "%s: neither a file nor a node of %s", name, folder);
        else if (node->identity == NULL)
            error_set(error, "%s: %s has its record, and not its key", name, folder);
        else
            identity = identity_from_secret(identity_secret(node->identity), error);
    }
    genesis_clear(&genesis);
    errno = EINVAL;
    return identity;
}

struct identity *devnet_load_key(const struct devnet_options *options, const char *path,
                                 struct error *error)
{
    bool shared = false;
    struct stat about;
    if (options->genesis != NULL && lstat(path, &about) != 0)
        return key_of_genesis(options->genesis, path, error);
    struct identity *identity = identity_load(path, &shared, error);
    if (identity != NULL && shared)
        log_warn("%s: others can use this key; where it is to be kept: chmod 600 %s", path, path);
    return identity;
}

/* A record of the key alone: where it is used is not known. */
static void make_enr(const struct identity *identity, char enr[ENR_TEXT_SIZE])
{
    const struct enr_draft draft = {0};
    struct enr record = {0};
    enr_draft_sign(&draft, identity, &record, NULL);
    enr_text(&record, enr);
}

static void print_identity(const struct identity *identity, bool json)
{
    char peer_id[PEER_ID_TEXT_SIZE], enr[ENR_TEXT_SIZE];
    struct public_key key;
    peer_id_text(identity_peer_id(identity), peer_id);
    make_enr(identity, enr);
    public_key_decode(identity_public_key(identity), &key, NULL);
    char *public_key = hex_text(key.data);
    json_t *result = json_pack("{s:s,s:s,s:s,s:s}", "enr", enr, "peer_id", peer_id, "key_type",
                               key_type_name(key.type), "public_key", public_key);
    if (json)
        output_json(result);
    else
        printf("peer id     %s\npublic key  %s %s\nenr         %s\n", peer_id,
               key_type_name(key.type), public_key, enr);
    json_decref(result);
    free(public_key);
}

int devnet_key_command(const struct devnet_options *options, const char *verb, const char *path)
{
    bool make = strcmp(verb, "new") == 0;
    struct stat about;
    bool present = lstat(path, &about) == 0; /* through a link to nothing, none is made */
    if (make && present) {
        log_error("%s: there is a file already, which is left as it is", path);
        return DEVNET_USAGE;
    }
    if (!make && !present && options->genesis == NULL) {
        log_error("%s: %s", path, strerror(errno));
        return DEVNET_USAGE;
    }
    struct error error;
    struct identity *identity =
        make ? identity_load_or_create(path, &error) : devnet_load_key(options, path, &error);
    if (identity == NULL) {
        int code = errno;
        log_error("%s", error.text);
        return file_path_is_to_blame(code) ? DEVNET_USAGE : DEVNET_FAILED;
    }
    print_identity(identity, options->json);
    identity_free(identity);
    return DEVNET_OK;
}
