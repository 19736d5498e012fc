#!/usr/bin/env bats
# A tap's API as a source of snapshots: nodes that tell nothing themselves, with the edges that went
# over the wire. A stand-in answers as a tap does.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2034 # tap.bash reads tap_rules
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load snapshots
load tap

TOPIC=/leanconsensus/12345678/block/ssz_snappy

setup() {
    use_programs
}

teardown() {
    end_all
}

# What a tap between NAME... answers (cmd/tap/mesh_json.h), all connected with each other and all in
# each other's mesh.
heard() {
    jq -nc --arg topic $TOPIC '$ARGS.positional as $names | {format: "devnet-tap", version: 1, left_out: 0,
        nodes: [$names[] as $own | [$names[] | select(. != $own)] as $others
        | {name: $own, peer_id: "id-\($own)", address: "/ip4/127.0.0.1/udp/9/quic-v1/p2p/id-\($own)",
           real: "127.0.0.1:1", agent: "\($own)/1", status: null,
           topics: {($topic): {subscribed: true, mesh: [$others[] | "id-\(.)"], fanout: [], backoff: [],
                               subscribers: [$others[] | "id-\(.)"]}},
           peers: [$others[] as $other | ([$own, $other] | sort) as $ends
               | {peer_id: "id-\($other)", name: $other, agent: "\($other)/1", status: null, subscriptions: [$topic],
                  counts: {rpcs: 1, messages: 0, grafts: 1, prunes: 0},
                  connections: [{id: ($ends | join("-")), age_ms: 5000,
                                 direction: (if $own == $ends[0] then "dialled" else "accepted" end)}],
                  outbound_stream: {connection: ($ends | join("-")), protocol: "/meshsub/1.2.0",
                                    stream_id: (if $own == $ends[0] then 0 else 1 end)},
                  inbound_streams: [{connection: ($ends | join("-")), protocol: "/meshsub/1.2.0",
                                     stream_id: (if $own == $ends[0] then 1 else 0 end)}]}]}]}' --args "$@"
}

# stand_in NAME ANSWER
stand_in() {
    launch "$1" python3 "$BATS_TEST_DIRNAME/lean_api.py" mesh="$2"
    await "$1" '.event == "ready"' > /dev/null
}

@test "nodes that a tap stands between are in the snapshot, and it says so" {
    stand_in tap "$(heard a b c)"
    run -0 "$BIN/devnet-mesh" dump -o mesh.json "$(ready tap .api)"
    valid mesh.json
    jq -e --arg topic $TOPIC '[.nodes[].name] == ["a", "b", "c"] and all(.nodes[]; .sources == {"*": "tap"})
        and (.nodes[0] | .agent == "a/1" and .network == "12345678"
            and .topics[$topic].subscribers == ["id-b", "id-c"] and .topics[$topic].mesh == ["id-b", "id-c"]
            and .peers[0].subscriptions == [$topic] and .peers[0].outbound_stream.state == "open")' mesh.json
    run -0 "$BIN/devnet-mesh" check mesh.json
    [ "$output" = "sound: 3 nodes (3 known from a tap), 1 topic" ]
    run -0 "$BIN/devnet-mesh" dump --text mesh.json
    [[ $output == *"node id-a, a/1, network 12345678, by a tap, which calls it a"* ]]
    run -0 "$BIN/devnet-mesh" graph mesh.json
    [[ $output == *'label="a\na/1\nby a tap"'* ]]
    run -0 "$BIN/devnet-mesh" diff mesh.json "$(ready tap .api)"
}

@test "an edge that a node has by itself is found, as is one that came or went" {
    stand_in before "$(heard a b)"
    stand_in after "$(heard a b | jq -c --arg topic $TOPIC '.nodes[1].topics[$topic].mesh = []')"
    run -1 "$BIN/devnet-mesh" check "$(ready after .api)"
    [[ $output == *"edge_mutual"*"it is not in the peer's mesh (known from a tap)"* ]]
    [[ $output == *"unsound: 2 nodes (2 known from a tap), 1 topic" ]]
    run -1 "$BIN/devnet-mesh" diff --json "$(ready before .api)" "$(ready after .api)"
    jq -e '[.changes[] | [.kind, .node, .peer, .known_from]] == [["mesh", "id-b", "id-a", "tap"]]' <<< "$output"
    # One that tells of itself now is not known from the tap alone any more, but was.
    "$BIN/devnet-mesh" dump -o before.json "$(ready before .api)"
    "$BIN/devnet-mesh" dump "$(ready after .api)" | jq '.nodes[1].sources = {"*": "api"}' > after.json
    run -1 "$BIN/devnet-mesh" diff before.json after.json
    [ "$output" = "- mesh $TOPIC: id-b -> id-a (known from a tap)" ]
    jq '.nodes[1].sources = {"*": "api"}' before.json > own.json
    run -1 "$BIN/devnet-mesh" diff own.json after.json
    [ "$output" = "- mesh $TOPIC: id-b -> id-a" ]
}

# rests: the findings of mesh.json, and whether each is said to rest on a tap, in both of its words.
rests() {
    "$BIN/devnet-mesh" check --json mesh.json > found.json || true
    jq -e 'all(.findings[]; (.message | endswith(" (known from a tap)")) == (.known_from == "tap"))' found.json &&
        jq -c '[.tapped, ([.findings[] | [.invariant, .node, .peer, .known_from == "tap"]] | sort)]' found.json |
        sed 's/null/-/g; s/"//g'
}

@test "what is found says whether it is known from a tap" {
    stand_in tap "$(heard a b c | jq -c '{root: "0xaa", slot: 8} as $its
        | .nodes[1].status = {finalized: $its, head: $its}')"
    "$BIN/devnet-mesh" dump -o heard.json "$(ready tap .api)"
    # c, which tells of itself: what is found of it alone rests on no tap, but where it is held against
    # what one told, and where a topic hangs by it.
    jq --arg topic $TOPIC '{root: "0xbb", slot: 8} as $its
        | .nodes[2] *= {sources: {"*": "api"}, status: {finalized: $its, head: $its}}
        | .nodes[0, 2].topics[$topic].mesh = ["id-b"]
        | .nodes[2].peers[0].inbound_streams |= . + .' heard.json > mesh.json
    run -0 rests
    [ "$output" = 'true
[2,[[degree,id-c,-,false],[inbound_stream,id-c,id-a,false],[no_bridge,id-a,id-b,true],[no_bridge,id-b,id-c,true],'\
'[no_cut_node,id-b,-,true],[status_compatible,id-c,-,true]]]' ] || { echo "$output"; return 1; }
}

@test "what a node says of itself goes before what a tap heard, whose silence accuses it of nothing" {
    start_node own --topic lean:block
    start_dialler other own --topic lean:block
    await_mesh own other
    local id other
    id=$(peer_id own) other=$(peer_id other)
    # Of the one it knows nothing but that it is there.
    stand_in tap "$(heard a b | jq -c --arg id "$id" --arg other "$other" '.nodes[0].peer_id = $id
        | .nodes[1].peer_id = $other | .nodes[].peers = [] | .nodes[].topics = {}')"
    run -0 "$BIN/devnet-mesh" dump -o mesh.json "$(ready tap .api)" "$(ready own .api)"
    valid mesh.json
    jq -e --arg id "$id" --arg other "$other" '[.nodes[] | {(.peer_id): .sources["*"]}] | add
        == {($id): "api", ($other): "tap"}' mesh.json
    run -0 "$BIN/devnet-mesh" check mesh.json
    run -0 "$BIN/devnet-mesh" graph --json mesh.json
    jq -e '[.edges[].direction] == ["untold"]' <<< "$output"
}

@test "a connection that one end knows to be over is none, whatever the tap has not heard yet" {
    start_node own --topic lean:block
    start_dialler other own --topic lean:block
    await_mesh own other
    local real
    real=$(api own /mesh | jq -r '.peers[0].connections[0].id')
    # What the tap has of the other's: a connection that is over, alone or beside the one that is.
    for ids in '"dead"' "\"dead\", \"$real\""; do
        stand_in tap "$(heard a b | jq -c --arg own "$(peer_id own)" --arg other "$(peer_id other)" "
            (.. | strings | select(. == \"id-a\")) = \$own | (.. | strings | select(. == \"id-b\")) = \$other
            | .nodes[1].peers[0].connections |= [[$ids][] as \$id | .[0] + {id: \$id}]
            | .nodes[1].peers[0].outbound_stream.connection = [$ids][-1]
            | .nodes[1].peers[0].inbound_streams |= [[$ids][] as \$id | .[0] + {connection: \$id}]")"
        run -0 "$BIN/devnet-mesh" dump -o mesh.json "$(ready tap .api)" "$(ready own .api)"
        valid mesh.json
        jq -c --arg other "$(peer_id other)" '.nodes[] | select(.peer_id == $other) | [[.topics[].mesh[]],
            [.peers[] | [[.connections[].id], .outbound_stream.state, [.inbound_streams[].connection]]]]' mesh.json
        end tap || true
    done > found
    [ "$(cat found)" = "[[],[]]
[[\"$(peer_id own)\"],[[[\"$real\"],\"open\",[\"$real\"]]]]" ]
}

@test "a tap's answer that is none is named" {
    stand_in later "$(heard a b | jq -c '.version = 2')"
    stand_in broken "$(heard a b | jq -c 'del(.nodes[1].address)')"
    run -1 --separate-stderr "$BIN/devnet-mesh" dump -o mesh.json "$(ready later .api)" "$(ready broken .api)"
    [[ $stderr == *"/mesh: version 2 of what a tap answers; this program reads version 1"* ]]
    [[ $stderr == *"/mesh: "*"nodes[1].address"* ]] || { echo "$stderr"; return 1; }
}

# What the nodes of a snapshot have: subscriptions, mesh and streams, of each.
haves() {
    jq -c '[.nodes[] | {peer_id, status, topics: (.topics | map_values({subscribed, mesh, subscribers})),
        peers: [.peers[] | {peer_id, subscriptions, status, connections: [.connections[] | {id, direction}],
            outbound: (.outbound_stream | {connection, stream_id, protocol}),
            inbound: [.inbound_streams[] | {connection, stream_id, protocol}]}]}]' "$1"
}

same_haves() {
    "$BIN/devnet-mesh" dump -o by_tap.json "$(ready tap .api)" &&
        "$BIN/devnet-mesh" dump -o own.json "$(ready a .api)" "$(ready b .api)" &&
        [ "$(haves by_tap.json)" = "$(haves own.json)" ]
}

@test "what went over the wire is what the nodes say that they have" {
    tap_nodes a b
    tap_dial a b
    await_mesh a b
    eventually same_haves
    valid by_tap.json
    run -0 "$BIN/devnet-mesh" check by_tap.json
    [ "$output" = "sound: 2 nodes (2 known from a tap), 1 topic" ]
}

@test "what a tap has not seen is no sign that all is well" {
    tap_nodes a b
    local tap
    tap=$(ready tap .api)
    run -1 "$BIN/devnet-mesh" check "$tap"
    [[ $output == *"error seen_by_tap: $(peer_id a): no connection of it goes through the tap: "*\
"unsound: 2 nodes (2 known from a tap), 0 topics" ]] || { echo "$output"; return 1; }
    # It waits for what is to come, and does not take what is over for all there is.
    launch waiter "$BIN/devnet-mesh" check --wait 15s "$tap"
    tap_dial a b
    await_mesh a b
    ended waiter
    [ "$(cat waiter.out)" = "sound: 2 nodes (2 known from a tap), 1 topic" ]
    api a /disconnect "{\"peer_id\":\"$(peer_id b)\"}" > /dev/null
    await tap '.event == "closed"' > /dev/null
    run -1 "$BIN/devnet-mesh" check --json "$tap"
    jq -e '.topics == 1 and .counts == {seen_by_tap: 2, topic_connected: 2} and
        all(.findings[]; .known_from == "tap")' <<< "$output"
    run -0 "$BIN/devnet-mesh" dump --text "$tap"
    [[ $output == *"topic $TOPIC: subscribed, 0 in the mesh, 0 subscribed"* ]]
    # Their own word goes first; who was stopped on purpose is not missed.
    run -1 "$BIN/devnet-mesh" check --json "$tap" "$(ready a .api)" "$(ready b .api)"
    jq -e '.tapped == 0 and .counts == {topic_connected: 2}' <<< "$output"
    end b
    "$BIN/devnet-mesh" dump "$tap" | jq --arg b "$(peer_id b)" '.stopped = [$b]' > stopped.json
    run -1 "$BIN/devnet-mesh" check --json stopped.json
    jq -e --arg a "$(peer_id a)" '[.findings[] | select(.invariant == "seen_by_tap").node] == [$a]' <<< "$output"
}

# The tap alone finds so many of an invariant: found COUNT INVARIANT
found() {
    "$BIN/devnet-mesh" check --json "$(ready tap .api)" > found.json || true
    jq -e ".counts.$2 == $1 and (.sound | not)" found.json > /dev/null
}

@test "what a rule withholds from a node is not in the mesh" {
    tap_rules=(--drop-echo 'gossipsub from b')
    tap_nodes a b
    tap_dial a b handshake
    await tap '.event == "held" and .lost' > /dev/null
    # As a says itself: the peer has not accepted its stream.
    eventually found 1 outbound_stream
    end tap
    tap_rules=(--hold 'rpc gossipsub from d until c proposes /nothing limit 20s')
    tap_nodes c d
    tap_dial c d handshake
    await tap '.event == "rpc" and .from == "d"' > /dev/null
    eventually found 1 mesh_not_empty
    run -0 jq -r '.findings[].node' found.json
    [ "$output" = "$(peer_id c)" ]
    [ "$(api tap /mesh | jq -c '[.nodes[] | .topics[].mesh[]]')" = '[]' ]
}

@test "a stream that its opener has ended carries nothing any more" {
    "$BIN/devnet" key new a.key > /dev/null
    "$BIN/devnet" key new b.key > /dev/null
    # As leanSpec does, a leaves the stream open that the other has ended.
    HOSTILE_KEY=a.key launch a "$TOOLS/hostile" --listen accept wait:data answer:/meshsub/1.2.0 wait:fin wait:closed
    eventually [ -s a.out ]
    launch tap "$BIN/devnet-tap" "a=a.key,127.0.0.1:0,$(head -n 1 a.out)" b=b.key,127.0.0.1:0,127.0.0.1:9
    await tap '.event == "ready"' > /dev/null
    local subscription
    subscription=$(printf %s $TOPIC | od -An -v -tx1 | tr -d ' \n')
    subscription=$(printf '0a%02x080112%02x%s' $((${#TOPIC} + 4)) ${#TOPIC} "$subscription")
    HOSTILE_KEY=b.key launch b "$TOOLS/hostile" "$(tapped a)" open propose:/meshsub/1.2.0 wait:data \
        "hex:$(printf '%02x' $((${#subscription} / 2)))$subscription" fin wait:closed
    await tap '.event == "subscribed" and .from == "b"' > /dev/null
    await tap '.event == "ended" and .from == "b" and .how == "fin"' > /dev/null
    api tap /mesh | jq -e '.nodes[0].peers[0] | (.subscriptions | length) == 1 and .inbound_streams == []'
    run -1 "$BIN/devnet-mesh" check "$(ready tap .api)"
    [[ $output == *"error outbound_stream: $(ready tap '.nodes[1].peer_id') -> "*"no gossipsub stream of its own is open"* ]]
    [ "$(api tap /connections | jq '.connections[0].streams')" -eq 1 ]
}

@test "more than a tap keeps of two nodes is told, and no mesh is called sound without it" {
    "$BIN/devnet" key new a.key > /dev/null
    "$BIN/devnet" key new b.key > /dev/null
    local topics
    mapfile -t topics < <(seq -f '--topic=/t/%g' 300)
    start_node a --key a.key "${topics[@]}"
    start_node b --key b.key "${topics[@]}"
    start_tap a b
    tap_dial a b
    all_meshed() {
        [ "$(api a /mesh | jq '[.topics[].mesh[]] | length')" -eq 300 ]
    }
    eventually all_meshed
    eventually grep -q 'a -> b: of the mesh more came than is kept of two nodes: 256 topics' tap.err
    [ "$(wc -l < tap.err)" -eq 1 ]
    api tap /metrics > metrics
    grep -E '^devnet_tap_mesh_left_out_total [1-9]' metrics
    run -1 "$BIN/devnet-mesh" check "$(ready tap .api)"
    [[ $output == *"error seen_by_tap: $(peer_id a) -> $(peer_id b): the tap left out "* ]]
    [[ $output == *"unsound: 2 nodes (2 known from a tap), 256 topics" ]]
    "$BIN/devnet-mesh" dump -o mesh.json "$(ready tap .api)"
    valid mesh.json
    jq -e 'all(.nodes[].volatile.peers[]; .not_seen > 0)' mesh.json
    # Their own word goes first.
    run -0 "$BIN/devnet-mesh" check --wait 10s "$(ready tap .api)" "$(ready a .api)" "$(ready b .api)"
}

# Lines of watch for which a pattern holds, in time: shown NAME PATTERN...
shown() {
    local name=$1 pattern
    shift
    for pattern in "$@"; do
        eventually grep -q "Z $pattern" "$name.out" || { cat "$name.out" >&2; return 1; }
    done
}

watch_all_three() {
    grep -q watching w.err && [ "$(grep -c watching both.err)" -eq 3 ]
}

@test "watch follows a tap in the words of diff, and tells once what nodes tell themselves" {
    tap_nodes a b
    launch w "$BIN/devnet-mesh" watch "$(ready tap .api)"
    launch j "$BIN/devnet-mesh" watch --json "$(ready tap .api)"
    launch both "$BIN/devnet-mesh" watch "$(ready tap .api)" "$(ready a .api)" "$(ready b .api)"
    await j '.event == "ready"' > /dev/null
    eventually watch_all_three
    tap_dial a b
    await_mesh a b
    local by_tap=' (known from a tap)$'
    shown w "+ connection: a -> b [0-9a-f]*$by_tap" "+ stream: a -> b /meshsub/1.2.0 [0-9a-f]*$by_tap" \
        '+ stream: b -> a /meshsub/' "+ subscriber $TOPIC: [ab] <- [ab]$by_tap" "+ mesh $TOPIC: [ab] -> [ab]$by_tap"
    api b /unsubscribe '{"topic":"lean:block"}'
    shown w "- subscriber $TOPIC: a <- b$by_tap" "- mesh $TOPIC: [ab] -> [ab]$by_tap"
    await j '.event == "mesh_joined" and .known_from == "tap" and (.node_name + .peer_name | . == "ab" or . == "ba")
        and (.node, .peer_id | length) > 20' > /dev/null
    end b
    shown w '- connection: a -> b .*'
    run ! grep -E ' ~ ' w.out
    # Of two that are watched, what both tell is theirs alone to tell.
    shown both "+ mesh $TOPIC: $(peer_id a) -> $(peer_id b) by" "- connection: $(peer_id a) -> $(peer_id b)"
    run ! grep -E '(mesh|subscriber|connection).*: [ab] ' both.out
    end w
    end j
    end both || true # as b has gone
}

@test "watch of a tap takes back what ends with a connection" {
    tap_nodes a b
    launch w "$BIN/devnet-mesh" watch "$(ready tap .api)"
    eventually grep -q watching w.err
    local by_tap=' (known from a tap)$'
    tap_dial a b
    await_mesh a b
    shown w '+ stream: a -> b ' '+ stream: b -> a ' '+ mesh '
    api a /disconnect "{\"peer_id\":\"$(peer_id b)\"}" > /dev/null
    shown w "- connection: a -> b .*$by_tap"
    # What goes with it goes before it.
    shown w "- stream: a -> b /meshsub/1.2.0 [0-9a-f]*$by_tap" "- stream: b -> a /meshsub/1.2.0 [0-9a-f]*$by_tap" \
        "- mesh $TOPIC: [ab] -> [ab]$by_tap"
    [ "$(grep -c 'Z - ' w.out)" -eq 4 ]
    tail -n 1 w.out | grep -q 'Z - connection: '
    jq -es '[.[] | select(.event == "gossip_opened" or .event == "gossip_ended") | [.event, .from]] | .[:4] | sort ==
        [["gossip_ended", "a"], ["gossip_ended", "b"], ["gossip_opened", "a"], ["gossip_opened", "b"]]' tap.out
    end w
}
