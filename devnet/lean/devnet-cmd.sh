# lean-quickstart's client-cmds/devnet-cmd.sh: devnet-node as a client, in binary mode. It runs for
# nodes that are called devnet_0, devnet_1 and so on; DEVNET_NODE is where the program is.
# shellcheck shell=bash disable=SC2034,SC2154 # what is set and used is lean-quickstart's
aggregator_flag=""
if [ "$isAggregator" == "true" ]; then aggregator_flag="--is-aggregator"; fi
node_binary="${DEVNET_NODE:-devnet-node} --agent devnet-node-without-chain --custom-network-config-dir $configDir --node-id $item \
      --node-key $configDir/$item.key --api-port $apiPort --metrics-port $metricsPort \
      ${attestationCommitteeCount:+--attestation-committee-count $attestationCommitteeCount} $aggregator_flag"
node_setup="binary"
