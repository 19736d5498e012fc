#!/usr/bin/env bats
# devnet-tap: what it tells of what nodes say to each other.
# shellcheck disable=SC2034 # tap.bash reads tap_rules

bats_require_minimum_version 1.5.0
load helpers.bash
load tap.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# What of the mesh NODE has by the tap: on_wire NODE FILTER.
on_wire() {
    api tap /mesh | jq -c --arg name "$1" ".nodes[] | select(.name == \$name) | $2"
}

# eventually on the wire: on_wire_is NODE FILTER EXPECTED
on_wire_is() {
    eventually eval "[ \"\$(on_wire '$1' '$2')\" = '$3' ]"
}

@test "protocols, statuses, RPCs and the mesh are told by the nodes' names" {
    topic=/leanconsensus/12345678/block/ssz_snappy
    TAP_OPTIONS='--trace rpc --qlog logs' tap_nodes a b
    tap_dial a b
    await_mesh a b
    # What each has shown, and what of it the other was not.
    await tap '.event == "connected" and (.certificates | .dialler, .listener |
        .key_type == "secp256k1" and .signature == "ECDSA-SHA256" and .high_s == false and
        .extension_critical == false and .valid_from < "2100" and .valid_until > .valid_from) and
        (.not_kept | map([.of, .what]) | index([["dialler", "idle_timeout_ms"]]) != null) and
        all(.not_kept[]; .of == "dialler" and .said != .shown)'
    await tap '.event == "agreed" and .protocol == "/meshsub/1.2.0" and .from == "b" and .to == "a"' .stream > stream
    await tap '.event == "status" and .from == "a" and .contradicts == false and .head.slot == 0 and (.t | endswith("Z"))'
    await tap '.event == "agent" and .from == "b" and (.agent | startswith("devnet-node/"))'
    await tap '.event == "rpc" and .graft[0].topic == "'$topic'"'
    api b /publish '{"topic":"lean:block","text":"hello"}' > answer
    await tap '.event == "rpc" and .from == "b" and .messages[0].topic == "'$topic'" and
        .messages[0].id == "'"$(jq -r .id answer)"'"'
    # Counted by who said it, and a second.
    api tap /metrics > metrics
    grep -x 'devnet_tap_messages_total{node="b"} 1' metrics
    grep -Ex 'devnet_tap_messages_per_second\{node="b"\} 0(\.1)?' metrics
    grep -x 'devnet_tap_seen_total{event="malformed",node="a"} 0' metrics
    grep -x 'devnet_tap_rpcs_over_limit_total{node="b",bytes="65536"} 0' metrics
    # Each stands on the dashboard.
    jq -r '.panels[].targets[]?.expr' "$BATS_TEST_DIRNAME/../devnet/grafana-dashboard.json" |
        grep -o '\bdevnet_tap_[a-z_]*' | sort -u > shown
    [ "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' metrics | sort | comm -23 - shown)" = '' ]
    # As text, with Lean's topics in short.
    eventually grep -qx "[-0-9]*T[0-9:.]*Z b -> a stream [0-9]* /meshsub/1.2.0: message block [0-9]* bytes" tap.err
    grep -q 'Z a -> b stream 0 /leanconsensus/req/status/1/ssz_snappy: sends its status: finalized 0x00000000 slot 0' tap.err
    # In the QUIC logs of both legs.
    end a
    await tap '.event == "closed" and .side == "dialler"'
    for log in logs/*; do
        grep 'tap:stream_negotiated' "$log" | grep -q '"stream_id":'"$(cat stream)"',"opener":"a","protocol":"/meshsub/1.2.0"'
        grep 'tap:node_agent' "$log" | grep -q '"node":"b","agent":"devnet-node/'
    done
}

@test "the mesh on the wire is what the nodes have, through prunes, backoffs and departures" {
    topic=/leanconsensus/12345678/block/ssz_snappy
    tap_nodes a b
    a=$(ready a .peer_id) b=$(ready b .peer_id)
    tap_dial a b
    await_mesh a b
    on_wire_is a ".topics[\"$topic\"] | [.subscribed, .mesh, .subscribers, .backoff]" "[true,[\"$b\"],[\"$b\"],[]]"
    on_wire_is b ".topics[\"$topic\"].mesh" "[\"$a\"]"
    [ "$(on_wire a '.peers[0] | [.name, (.connections | length), .outbound_stream.protocol, (.inbound_streams | length)]')" = \
        '["b",1,"/meshsub/1.2.0",1]' ]
    # One goes, is told so, and waits before it comes back.
    api b /unsubscribe '{"topic":"lean:block"}'
    on_wire_is a ".topics[\"$topic\"] | [.mesh, .subscribers]" '[[],[]]'
    on_wire_is b ".topics[\"$topic\"] | [.subscribed, .mesh, .subscribers]" "[false,[],[\"$a\"]]"
    on_wire_is b ".topics[\"$topic\"].backoff | [length, .[0].peer_id]" "[1,\"$a\"]"
    end b
    # What it told of itself holds on.
    on_wire_is a '[.peers, (.topics[] | .subscribed, .subscribers)]' '[[],true,[]]'
}

@test "what a node says is held until the other has done something, or as long as may be" {
    tap_rules=(--hold 'echo gossipsub from b until b proposes gossipsub plus 50ms'
        --hold 'answer status from b until b opens /nothing limit 100ms')
    tap_nodes a b
    tap_dial a b
    await_mesh a b
    # In this order: the status' answer by the limit, and the echo behind b's own proposal.
    await tap '.event == "held" and (.rule | startswith("answer"))' .stream > status
    await tap '.event == "released" and .limit' .stream | cmp - status
    await tap '.event == "released" and .limit == false and .from == "b"'
    jq -s --exit-status 'map(select(.event == "held" or .event == "proposed" or .event == "released")) |
        [.[] | select((.rule // "" | startswith("echo")) or (.from == "b" and .protocol == "/meshsub/1.2.0")) | .event]
        == ["held", "proposed", "released"]' tap.out
    # A held echo is no orphan's sign once it has come: what the nodes have is sound.
    "$BIN/devnet-mesh" check "$(ready a .api)" "$(ready b .api)"
}

# A message of multistream-select, hexadecimal.
message() {
    printf '%02x' $((${#1} + 1))
    printf '%s\n' "$1" | od -An -v -tx1 | tr -d ' \n'
}

@test "streams are refused and reset, and echoes lost, on purpose" {
    tap_rules=(--refuse 'status from a' --reset 'identify from a code 77' --drop-echo 'gossipsub from b')
    tap_nodes a b
    api a /connect "{\"addr\":\"$(tapped b)\",\"timeout\":\"3s\"}" > /dev/null # in vain
    # The one is shown another name, and refuses what the other has proposed.
    await tap '.event == "renamed" and .from == "a" and .rule == "status from a"' .stream > stream
    await tap '.event == "refused" and .from == "b" and (.protocol | startswith("/leanconsensus/req/status/"))' .stream |
        cmp - stream
    await tap '.event == "reset" and .from == "a" and .rule == "identify from a code 77"'
    await tap '.event == "held" and .rule == "gossipsub from b" and .lost'
    # Of a proposal that comes byte by byte the name is handed on before it is whole: it is reset.
    HOSTILE_KEY=a.key "$TOOLS/hostile" "$(tapped b)" open "drip:$(message /multistream/1.0.0
        message /leanconsensus/req/status/1/ssz_snappy)" wait:reset
    await tap '.event == "reset" and .from == "a" and .rule == "status from a"'
    node=a=a.key,127.0.0.1:0,$(address a)
    run -2 --separate-stderr "$BIN/devnet-tap" --hold 'echo status from c until a opens *' "$node"
    # shellcheck disable=SC2154 # bats sets it
    [ "${stderr_lines[0]}" = "devnet-tap: --hold: 'c' is none of the nodes" ]
    run -2 --separate-stderr "$BIN/devnet-tap" --hold 'echo status' "$node"
    [ "${stderr_lines[0]}" = "devnet-tap: --hold 'echo status': it ends where from should follow" ]
    # A rule goes into events as it is.
    run -2 --separate-stderr "$BIN/devnet-tap" --hold $'echo * from a until a proposes /\xff' "$node"
    [ "${stderr_lines[0]}" = "devnet-tap: --hold 'echo * from a until a proposes /�': byte 33 is 0xff: a rule is of printable ASCII characters" ]
}

@test "who listens and asks for no certificate is dialled as without a tap, and that is told" {
    "$BIN/devnet" key new a.key > /dev/null
    "$BIN/devnet" key new b.key > /dev/null
    start_node a --key a.key --topic lean:block
    HOSTILE_KEY=b.key launch b "$TOOLS/hostile" --no-request --listen wait:closed
    eventually [ -s b.out ]
    launch tap "$BIN/devnet-tap" "a=a.key,127.0.0.1:0,$(address a)" "b=b.key,127.0.0.1:0,$(head -n 1 b.out)"
    await tap '.event == "ready"' > /dev/null
    tap_dial a b handshake
    await tap '.event == "connected" and .listener_asks == false'
    end tap
    tap_rules=()
    tap_nodes c d
    tap_dial c d
    await tap '.event == "connected" and .listener_asks'
}

# A new key, and a node with it: start_keyed NAME [OPTION...].
start_keyed() {
    "$BIN/devnet" key new "$1.key" > /dev/null
    start_node "$1" --key "$1.key" --topic lean:block "${@:2}"
}

# The tap before nodes that are there, and before b, which is nothing but a key: start_tap_for NAME...
start_tap_for() {
    local name nodes=()
    "$BIN/devnet" key new b.key > /dev/null
    for name in "$@"; do nodes+=("$name=$name.key,127.0.0.1:0,$(address "$name")"); done
    launch tap "$BIN/devnet-tap" "${nodes[@]}" b=b.key,127.0.0.1:0,127.0.0.1:9
    await tap '.event == "ready"' > /dev/null
}

@test "what a node says of itself that the other is not shown is told" {
    start_keyed a
    start_tap_for a
    HOSTILE_KEY=b.key "$TOOLS/hostile" --odd-certificate --uni-streams "$(tapped a)" \
        open propose:/ipfs/ping/1.0.0 zeros:32 wait:data close
    await tap '.event == "connected" and .dialler == "b" and
        (.certificates | (.dialler | .high_s and .extension_critical) and
            (.listener | .high_s == false and .extension_critical == false)) and
        [.not_kept[] | select(.of == "dialler") | [.what, .said, .shown]] ==
            [["high_s", true, false], ["extension_critical", true, false], ["uni_streams_max", 5, 0]]'
}

@test "an orphan is told of from a tap's logs while the tap and both nodes go on" {
    for name in a b c; do "$BIN/devnet" key new "$name.key" > /dev/null; done
    start_node a --key a.key --topic lean:block
    start_node b --key b.key --topic lean:block
    start_node c --key c.key --topic lean:block --fault second-gossip-stream
    launch watcher "$BIN/devnet-orphans" --follow --json --until-orphan --grace 50ms logs
    TAP_OPTIONS='--qlog logs' start_tap a b c
    # Who opens one stream is no orphan's owner, however long it is watched.
    tap_dial b a
    await_mesh b a
    await watcher '.event == "verdict" and .stream.verdict == "live" and .names.client == "b"'
    tap_dial c a
    await watcher '.event == "verdict" and .stream.orphan and .names == {client: "c", server: "a"} and
        .stream.opened_by == "client" and .stream.protocol == "/meshsub/1.2.0"'
    status=0
    ended watcher || status=$?
    [ "$status" -eq 1 ]
    [ "$(jq -s '[.[] | select(.event == "verdict" and .stream.orphan) | .names.client] | unique == ["c"]' watcher.out)" = true ]
    await_mesh c a
    [ "$(api tap /connections | jq '.connections | length')" -eq 2 ]
}

@test "what is malformed, signed, too large or contradicts is told and counted, by who said it" {
    start_keyed a --finalized "$(printf '1%.0s' {1..64}):0"
    start_keyed c --finalized "$(printf '2%.0s' {1..64}):0"
    start_tap_for a c
    tap_dial a c handshake
    await tap '.event == "status" and .contradicts' .from > contradicts
    # A message with an author, a number, a signature and a key; one of 1,100,000 bytes; and no protobuf.
    HOSTILE_KEY=b.key "$TOOLS/hostile" "$(tapped a)" \
        open propose:/leanconsensus/req/status/1/ssz_snappy wait:data hex:ff fin wait:end \
        open propose:/meshsub/1.2.0 wait:data hex:1412120a01611201611a01612201742a0161320161 \
        hex:eb914312e7914312e09143 zeros:1100000 hex:220174 hex:020aff wait:end
    await tap '.event == "rpc" and .from == "b" and .malformed' > /dev/null
    jq -es 'map(select(.from == "b" and .to == "a")) |
        any(.[]; .event == "malformed" and .problem == "no request with a status") and
        (map(select(.event == "rpc")) | map([.bytes, .signed, .over_limits, .malformed]) == [[20, 1, null, null],
            [1100011, null, ["rust-libp2p by default", "go-libp2p by default"], null], [2, null, null, true]])' tap.out
    # Of so much data nobody knows the id.
    jq -es 'map(select(.event == "rpc" and .bytes == 1100011)) | map(.messages[] | has("id")) == [false]' tap.out
    api tap /metrics > metrics
    for line in 'seen_total{event="malformed",node="b"} 1' 'malformed_rpcs_total{node="b"} 1' \
        'signed_messages_total{node="b"} 1' 'rpcs_over_limit_total{node="b",bytes="65536"} 1' \
        'rpcs_over_limit_total{node="b",bytes="1048576"} 1' 'rpcs_over_limit_total{node="b",bytes="10485760"} 0' \
        "contradictions_total{node=\"$(cat contradicts)\"} [1-9]" 'malformed_rpcs_total{node="a"} 0'; do
        grep -x "devnet_tap_$line" metrics
    done
}

@test "an RPC over a limit is told and counted where its receiver refuses it" {
    "$BIN/devnet" key new a.key > /dev/null
    "$BIN/devnet" key new b.key > /dev/null
    # a wants no more of the first, and closes the connection at the second.
    HOSTILE_KEY=a.key launch a "$TOOLS/hostile" --listen accept wait:data answer:/meshsub/1.2.0 wait:bytes:300000 stop \
        accept wait:data answer:/meshsub/1.2.0 wait:bytes:300000 close
    eventually [ -s a.out ]
    launch tap "$BIN/devnet-tap" "a=a.key,127.0.0.1:0,$(head -n 1 a.out)" b=b.key,127.0.0.1:0,127.0.0.1:9
    await tap '.event == "ready"' > /dev/null
    HOSTILE_KEY=b.key "$TOOLS/hostile" "$(tapped a)" open propose:/meshsub/1.2.0 wait:data part:600000 wait:end \
        open propose:/meshsub/1.2.0 wait:data part:600000 wait:closed
    await tap '.event == "closed"' > /dev/null
    jq -es '[.[] | select(.event == "malformed")] | length == 2 and all(.[]; .from == "b" and
        .problem == "ends within an RPC" and .bytes > 10000000 and .over_limits[0] == "rust-libp2p by default" and
        .over_limits[1] == "go-libp2p by default")' tap.out
    api tap /metrics > metrics
    grep -x 'devnet_tap_rpcs_over_limit_total{node="b",bytes="1048576"} 2' metrics
}

@test "a reader that sleeps for too long is told how many events it missed, and when" {
    start_keyed a
    "$BIN/devnet" key new b.key > /dev/null
    mkfifo pipe
    exec {reader}<> pipe
    # shellcheck disable=SC2016 # for the inner shell
    launch tap bash -c 'exec "$@" > pipe' tap "$BIN/devnet-tap" "a=a.key,127.0.0.1:0,$(address a)" \
        b=b.key,127.0.0.1:0,127.0.0.1:9
    head -n 1 <&"$reader" > tap.out
    # An event of each is more than is kept.
    HOSTILE_KEY=b.key "$TOOLS/hostile" "$(tapped a)" open propose:/meshsub/1.2.0 wait:data messages:15000 \
        fin wait:fin 3>&-
    launch late cat pipe
    await late '.event == "events_lost" and .count > 0' .t | grep -E '^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z$'
}
