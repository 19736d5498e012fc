# A snapshot of a sound mesh of $nodes nodes, at least 17, in a ring: each is connected to the 8 next
# on either side, and has the 4 next in its mesh for each of $topics topics. $shift moves all that is
# volatile, and breaks the mesh at every 50th node where it is not 0.
# jq -n --argjson nodes 1000 --argjson topics 3 --argjson shift 0 -f snapshot.jq
def digits: tostring | ("000000" + .)[-6:];
def name: "16Uiu2HAm7d1mWpWYvHvXhVVbqKRzQtfrPgSMyKaPN6Jx\(digits)";
def at($offset): (. + $offset + $nodes) % $nodes;
def neighbours($reach): . as $node |
    [range(1; $reach + 1) | ., -. | . as $offset | $node | at($offset)];
def topic: "/leanconsensus/devnet0/attestation_\(.)/ssz_snappy";
def topics: [range($topics) | topic];
def root: "0x" + ("\(digits)" * 11)[:64];
def status: {finalized: {root: (7 | root), slot: 7}, head: {root: (9 | root), slot: 9}};
def protocols: ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0",
    "/leanconsensus/req/status/1/ssz_snappy", "/meshsub/1.0.0", "/meshsub/1.1.0", "/meshsub/1.2.0"];
def connection($node): ([., $node] | min | digits) + ([., $node] | max | digits) + "ffff";
def peer($node):
    connection($node) as $connection |
    {peer_id: name, key_type: "secp256k1", agent: "devnet-node/0.1.0", protocols: protocols,
     status: status, subscriptions: topics,
     connections: [{id: $connection, direction: (if . < $node then "accepted" else "dialled" end),
                    remote: "/ip4/127.0.0.1/udp/\(10000 + .)/quic-v1"}],
     outbound_stream: {connection: $connection, protocol: "/meshsub/1.2.0", state: "open",
                       stream_id: (if . < $node then 1 else 4 end)},
     inbound_streams: [{connection: $connection, protocol: "/meshsub/1.2.0",
                        stream_id: (if . < $node then 4 else 1 end)}]};
def broken: $shift > 0 and . % 50 == 0;
def node:
    . as $node | (neighbours(8) | map(name) | sort) as $peers | (neighbours(4) | map(name) | sort) as $mesh |
    {peer_id: name, agent: "devnet-node/0.1.0", network: "devnet0",
     gossipsub: {d: 8, d_low: 6, d_high: 12, heartbeat_ms: 700},
     listen: ["/ip4/127.0.0.1/udp/\(10000 + .)/quic-v1/p2p/\(name)"], status: status,
     topics: (topics | map({(.): {subscribed: true, backoff: [], fanout: [], subscribers: $peers,
         mesh: (if $node | broken then $mesh[1:] else $mesh end)}}) | add),
     peers: (neighbours(8) | map(peer($node)) | sort_by(.peer_id)),
     sources: {"*": "api"},
     volatile: {api: "http://127.0.0.1:\(10000 + .)",
                peers: (neighbours(8) | map({(name): {
                    connections: {(connection($node)): {age_ms: (1000 + $shift), rtt_us: (300 + $shift),
                        bytes_in: (4000 + $shift), bytes_out: (5000 + $shift)}}}}) | add),
                statistics: {rpcs_in: (70 + $shift), rpcs_out: (71 + $shift)}}};
{format: "devnet-mesh-snapshot", version: 1, unreachable: [], nodes: [range($nodes) | node]}
