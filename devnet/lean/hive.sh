#!/bin/sh
# devnet-node as a client of hive's lean simulator: what hive says by its environment, as options. It
# keeps no chain: of a checkpoint source it takes what head and what finalized block are there, and how
# many validators (by curl and jq); without one, that number is the genesis' own.
# DEVNET_NODE is where the program is. It listens where hive looks for a client, UDP port 9000 and
# HTTP port 5052; QUIC_PORT and HIVE_CHECK_LIVE_PORT say otherwise. What hive has made ready for it is in
# /tmp/KIND-runtime; HIVE_ASSETS says otherwise. __HIVE_LOCAL_IP__ in there becomes our address.
set -eu

for assets in "${HIVE_ASSETS:-}" /tmp/*-runtime ""; do
    if [ -d "$assets" ]; then break; fi
done
if [ -n "$assets" ] && placeholders=$(grep -rl __HIVE_LOCAL_IP__ "$assets"); then
    ip=$(hostname -I | tr ' ' '\n' | grep -m 1 '^[0-9.]*$') || {
        echo "hive.sh: this machine has no IPv4 address for __HIVE_LOCAL_IP__ in $assets" >&2
        exit 1
    }
    printf '%s\n' "$placeholders" | while read -r file; do sed -i "s/__HIVE_LOCAL_IP__/$ip/g" "$file"; done
fi

set -- --agent "devnet-node (keeps no chain)" --network "${HIVE_LEAN_FORK_DIGEST:-12345678}" \
    --listen "/ip4/0.0.0.0/udp/${QUIC_PORT:-9000}/quic-v1" \
    --api-public "0.0.0.0:${HIVE_CHECK_LIVE_PORT:-5052}" \
    --attestation-committee-count "${HIVE_ATTESTATION_COMMITTEE_COUNT:-1}"
if [ -n "${HIVE_CLIENT_PRIVATE_KEY:-}" ]; then
    set -- "$@" --key-hex "${HIVE_CLIENT_PRIVATE_KEY#0x}"
elif [ -f "$assets/node.key" ]; then
    set -- "$@" --node-key "$assets/node.key"
fi
if [ -n "${HIVE_CHECKPOINT_SYNC_URL:-}" ]; then
    source=${HIVE_CHECKPOINT_SYNC_URL%%/lean/v0/*}/lean/v0/fork_choice
    checkpoints=$(curl -sSf --max-time 10 "$source" | jq -r '.head as $head | .finalized as $finalized |
        "\(.validator_count // 0)" as $validators | first((.nodes[] | select(.root == $head)), $finalized) |
        "\(.root):\(.slot) \($finalized.root):\($finalized.slot) \($validators)"') || checkpoints=
    if [ -z "$checkpoints" ]; then
        echo "hive.sh: $source does not say what is finalized" >&2
        exit 1
    fi
    validators=${checkpoints##* } checkpoints=${checkpoints% *}
    set -- "$@" --head "${checkpoints% *}" --finalized "${checkpoints#* }" --validator-count "$validators"
elif [ -f "$assets/config.yaml" ]; then # as many as there are at the genesis
    validators=$(grep -m 1 -x '\(VALIDATOR_COUNT\|NUM_VALIDATORS\): *[0-9]*' "$assets/config.yaml" | tr -dc 0-9)
    set -- "$@" --validator-count "${validators:-0}"
fi
case ${HIVE_IS_AGGREGATOR:-} in 1 | true) set -- "$@" --is-aggregator ;; esac
if [ "${HIVE_BOOTNODES:-none}" != none ]; then
    IFS=,
    for bootnode in $HIVE_BOOTNODES; do set -- "$@" --bootnode "$bootnode"; done
    unset IFS
fi
exec "${DEVNET_NODE:-devnet-node}" "$@"
