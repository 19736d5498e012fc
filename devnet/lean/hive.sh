#!/bin/sh
# devnet-node as a client of hive's lean simulator: what hive says by its environment, as options.
# DEVNET_NODE is where the program is. It listens where hive looks for a client, UDP port 9000 and
# HTTP port 5052; QUIC_PORT and HIVE_CHECK_LIVE_PORT say otherwise.
set -eu

set -- --agent "devnet-node (keeps no chain)" --network "${HIVE_LEAN_FORK_DIGEST:-12345678}" \
    --listen "/ip4/0.0.0.0/udp/${QUIC_PORT:-9000}/quic-v1" \
    --api-public "0.0.0.0:${HIVE_CHECK_LIVE_PORT:-5052}" \
    --attestation-committee-count "${HIVE_ATTESTATION_COMMITTEE_COUNT:-1}"
if [ -n "${HIVE_CLIENT_PRIVATE_KEY:-}" ]; then set -- "$@" --key-hex "$HIVE_CLIENT_PRIVATE_KEY"; fi
case ${HIVE_IS_AGGREGATOR:-} in 1 | true) set -- "$@" --is-aggregator ;; esac
if [ "${HIVE_BOOTNODES:-none}" != none ]; then
    IFS=,
    for bootnode in $HIVE_BOOTNODES; do set -- "$@" --bootnode "$bootnode"; done
    unset IFS
fi
exec "${DEVNET_NODE:-devnet-node}" "$@"
