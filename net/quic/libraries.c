#include "net/quic/libraries.h"

#include <gnutls/gnutls.h>

#include "net/quic/compat.h"

const char *quic_ngtcp2_version(void)
{
    return ngtcp2_version(0)->version_str;
}

const char *quic_gnutls_version(void)
{
    return gnutls_check_version(NULL);
}
