# Snapshots for shell tests, which a test file loads.
# shellcheck shell=bash

# A sound snapshot of nodes that are in each other's mesh where they are no more than REACH places
# apart (default 1: one to the next), in sound.json: snapshot NODES [REACH]. Made, so that it is the
# same each time; the peer ids are n1, n2 and so on.
snapshot() {
    jq -n --argjson count "$1" --argjson reach "${2:-1}" '
        def name: "n\(.)";
        def neighbours: [range(. - $reach; .), range(. + 1; . + $reach + 1)] |
            map(select(. >= 1 and . <= $count));
        def peer($node): . as $peer | "c\([$node, $peer] | min)" as $connection |
            {peer_id: name, agent: "x", protocols: ["/meshsub/1.2.0"], subscriptions: ["t"],
             status: null, connections: [],
             outbound_stream: {state: "open", connection: $connection, stream_id: $node},
             inbound_streams: [{connection: $connection, stream_id: $peer}]};
        {format: "devnet-mesh-snapshot", version: 1, unreachable: [],
         nodes: [range(1; $count + 1) | . as $node | {
             peer_id: name, network: "devnet0", listen: [],
             gossipsub: {d: 8, d_low: 6, d_high: 12},
             status: {finalized: {root: "aa", slot: 1}, head: {root: "bb", slot: 2}},
             topics: {t: {subscribed: true, mesh: (neighbours | map(name)),
                          subscribers: (neighbours | map(name)), fanout: [], backoff: []}},
             peers: (neighbours | map(peer($node)))}]}' > sound.json
}

# The system's own Python comes first, as its packages do.
run_python() {
    local python=/usr/bin/python3
    if ! "$python" -c 'import jsonschema' 2> /dev/null; then python=python3; fi
    "$python" "$@"
}

# Whether a snapshot is valid by the schema.
valid() {
    run_python -c '
import json, sys, jsonschema
schema, snapshot = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(snapshot)
' "$BATS_TEST_DIRNAME/../net/mesh/snapshot.schema.json" "$1"
}
