#!/usr/bin/env bats
# devnet-node: every option, every exit status, its events and its API.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

secret=1111111111111111111111111111111111111111111111111111111111111111
topic=/leanconsensus/12345678/block/ssz_snappy

setup() {
    use_programs
}

teardown() {
    end_all
}

# ---- starting ----

@test "the ready line comes first, with peer id, real ports and the API's address" {
    start_node a
    ready a '.event == "ready"'
    ready a '.peer_id | startswith("16Uiu2HA")'
    ready a '(.listen | length) == 1 and
             (.listen[0] | test("^/ip4/127.0.0.1/udp/[1-9][0-9]*/quic-v1/p2p/16Uiu2HA"))'
    ready a ".peer_id as \$id | .listen[0] | endswith(\"/p2p/\" + \$id)"
    api a /health | jq -e --arg id "$(peer_id a)" '.status == "ok" and .peer_id == $id'
}

@test "several --listen, IPv6 among them, are all dialled" {
    start_node a --listen /ip4/127.0.0.1/udp/0/quic-v1 --listen /ip6/::1/udp/0/quic-v1 \
        --listen /ip4/127.0.0.2/udp/0/quic-v1
    ready a '(.listen | length) == 3 and (.listen[1] | startswith("/ip6/::1/udp/"))'
    for i in 0 1 2; do
        start_node "b$i" --bootnode "$(ready a ".listen[$i]")"
        await "b$i" '.event == "status"'
    done
}

@test "a node that listens anywhere is dialled by the very address that it prints" {
    start_node a --listen /ip4/0.0.0.0/udp/0/quic-v1 --listen /ip6/::/udp/0/quic-v1
    for i in 0 1; do
        start_node "b$i" --bootnode "$(ready a ".listen[$i]")"
        await "b$i" '.event == "status"'
    done
}

@test "a node on IPv4 alone dials IPv6 from a port of its own" {
    start_node a --listen /ip6/::1/udp/0/quic-v1
    start_dialler b a
    await_mesh a b
}

@test "--key makes a file that only its owner reads, and takes it again" {
    start_node a --key a.key
    [ "$(stat -c %a a.key)" = 600 ]
    grep -Exq '[0-9a-f]{64}' a.key
    first=$(peer_id a)
    end a
    start_node a --key a.key
    [ "$(peer_id a)" = "$first" ]
}

@test "--key-hex is the identity itself" {
    start_node a --key-hex "$secret"
    first=$(peer_id a)
    end a
    (umask 077 && echo "$secret" > a.key)
    start_node a --key a.key
    [ "$(peer_id a)" = "$first" ]
}

@test "a bad key file is named, and not written over" {
    echo nonsense > a.key
    run -2 "$BIN/devnet-node" --key a.key
    [[ $output == *"--key a.key: "* ]]
    [ "$(cat a.key)" = nonsense ]
    run -2 "$BIN/devnet-node" --key missing/a.key
    [[ $output == *"missing/a.key"*"No such file"* ]]
}

@test "usage errors end with 2 and name the option" {
    usage() {
        run -2 timeout 5 "$BIN/devnet-node" "$@"
        [[ $output == *"$1"* && $output == *"try: devnet-node --help"* ]] ||
            { echo "$*: $output"; return 1; }
    }
    usage --listen nonsense
    usage --listen /ip4/127.0.0.1/tcp/1
    usage --bootnode /ip4/127.0.0.1/udp/x/quic-v1
    usage --bootnode /ip4/127.0.0.1/udp/1/quic-v1/p2p/16Uiu2HAnonsense
    usage --key-hex 12
    usage --key-hex xyz
    usage --key-hex 0000000000000000000000000000000000000000000000000000000000000000
    usage --key-hex "$secret" --key a.key
    usage --network ''
    usage --network a/b
    usage --head nonsense
    usage --finalized "${secret}:x"
    usage --heartbeat 5
    usage --heartbeat 1ms
    usage --d x
    usage --log-level loud
    usage --log-format xml
    usage --fault nonsense
    usage --no-such-option
    run -2 "$BIN/devnet-node" --d 2
    [[ $output == *"try: devnet-node --help"* ]]
    run -2 "$BIN/devnet-node" operand
    [ ! -e a.key ]
}

@test "a port that is taken ends it with 1, the address and the reason" {
    start_node a
    taken=$(address a)
    run -1 "$BIN/devnet-node" --listen "${taken%/p2p/*}"
    [[ $output == *"${taken%/p2p/*}"*"Address already in use"* ]]
    [[ $output != *'"ready"'* ]]
}

@test "an address that is not ours to listen on ends it with 1" {
    run -1 "$BIN/devnet-node" --listen /ip4/192.0.2.1/udp/0/quic-v1
    [[ $output == *"/ip4/192.0.2.1/udp/0/quic-v1"*"Cannot assign requested address"* ]]
}

@test "--api: off, a fixed port, IPv6, and nothing but loopback" {
    start_node off --api off
    ready off 'has("api") | not'
    start_node a
    url=$(ready a .api)
    end a
    start_node a --api "${url#http://}"
    [ "$(ready a .api)" = "$url" ]
    start_node six --api '[::1]:0'
    api six /health | jq -e '.status == "ok"'
    run -1 "$BIN/devnet-node" --api "${url#http://}"
    [[ $output == *"--api ${url#http://}: the API cannot listen there: Address already in use" ]]
    run -2 "$BIN/devnet-node" --api 0.0.0.0:0
    [[ $output == *"--api 0.0.0.0:0"*"loopback only"* ]]
    run -2 "$BIN/devnet-node" --api nonsense
    [[ $output == *"--api nonsense"* ]]
}

@test "a node listens at an IPv4 address that is written as IPv6, and at one with its own peer id" {
    start_node a --key a.key --listen /ip6/::ffff:127.0.0.1/udp/0/quic-v1
    [[ $(address a) == /ip4/127.0.0.1/udp/* ]]
    port=$(address a) port=${port#*/udp/}
    run -0 "$BIN/devnet-connect" "/ip6/::ffff:127.0.0.1/udp/$port"
    id=$(peer_id a)
    end a
    start_node a --key a.key --listen "/ip4/127.0.0.1/udp/0/quic-v1/p2p/$id"
    [ "$(peer_id a)" = "$id" ]
}

@test "an address of --listen that cannot be one is bad usage" {
    run -2 "$BIN/devnet-node" --listen /dns4/localhost/udp/0/quic-v1
    [[ $output == *"--listen /dns4/localhost/udp/0/quic-v1: listening needs an IP address, not a name"* ]]
    run -2 "$BIN/devnet-connect" --accept --listen /dns4/localhost/udp/0/quic-v1
    [[ $output == *"--listen /dns4/localhost/udp/0/quic-v1: listening needs an IP address"* ]]
    local other=/ip4/127.0.0.1/udp/0/quic-v1/p2p/16Uiu2HAmGnGDGaPpd5bDfDsdhaAporRfauSwzu5hqpA7XJsJvopa
    run -2 "$BIN/devnet-node" --listen "$other"
    [[ $output == *"--listen $other: that is another's peer id: ours is 16Uiu2HA"*"; leave out /p2p"* ]]
    run -2 "$BIN/devnet-connect" --accept --listen "$other"
    [[ $output == *"--listen $other: that is another's peer id: ours is "* ]]
    # One that is not this machine's is another's fault.
    run -1 "$BIN/devnet-node" --listen /ip4/192.0.2.1/udp/0/quic-v1
    [[ $output == *"Cannot assign requested address" ]]
}

@test "--fault is announced on stderr, and --help lists it" {
    start_node a --fault status-silent --fault prunes-everybody
    grep -F -- '--fault status-silent: this node misbehaves on purpose' a.err
    grep -F -- '--fault prunes-everybody: this node misbehaves on purpose' a.err
    run -0 "$BIN/devnet-node" --help
    [[ $output == *second-gossip-stream* && $output == *prunes-everybody* ]]
}

@test "nothing is printed on stderr by a node that has nothing to complain about" {
    start_node a
    start_dialler b a
    await_mesh a b
    end b
    end a
    [ ! -s a.err ]
    [ ! -s b.err ]
}

# ---- ending ----

# Far less than any of the timeouts that it could have waited for.
was_prompt() {
    ((${EPOCHREALTIME/./} - $1 < 4000000))
}

@test "SIGTERM and SIGINT end it with 0 and no waiting, and the peer is told" {
    start_node a
    for signal in TERM INT; do
        start_dialler b a
        await b '.event == "status"'
        before=$(lines_of a)
        started=${EPOCHREALTIME/./}
        end b "$signal"
        was_prompt "$started"
        await a '.event == "disconnected"' . "$before" > closed
        jq -e '.cause == "closed_by_peer" and .code == 0' closed
    done
}

@test "a node that is still dialling ends without waiting, too" {
    # A port that was ours a moment ago: nobody answers.
    start_node gone
    nowhere=$(address gone)
    end gone
    start_node a --bootnode "$nowhere"
    started=${EPOCHREALTIME/./}
    end a
    was_prompt "$started"
}

# ---- options that the peer sees ----

printed_times() {
    [ "$(grep -c "\"event\":\"$3\"" "$2.out")" -ge "$1" ]
}

@test "--bootnode comes back after the other node was killed, with the same key and port" {
    start_node a --key a.key
    listen=$(address a)
    start_dialler b a
    await_mesh a b
    end a KILL || true
    before=$(lines_of b)
    start_node a --key a.key --listen "${listen%/p2p/*}"
    # What b says next is answered by the new process with a stateless reset.
    api b /publish '{"topic":"lean:block","text":"anybody?"}'
    await b '.event == "disconnected"' .cause "$before" | grep -x stateless_reset
    await b '.event == "mesh_joined"' . "$before"
    await_mesh a b
}

@test "--bootnode dials again until the other node is there" {
    start_node a --key a.key
    listen=$(address a)
    end a
    start_node b --bootnode "$listen" --key b.key
    start_node a --key a.key --listen "${listen%/p2p/*}"
    DEADLINE=30 await_mesh a b
}

@test "--bootnode dials a node that turns it away ever more slowly" {
    start_node a --fault status-refused
    started=${EPOCHREALTIME/./}
    start_dialler b a
    eventually printed_times 4 b disconnected
    ((${EPOCHREALTIME/./} - started > 1700000)) # 250, 500 and 1000 ms between the dials
}

@test "--bootnode dials a node that came by itself as soon as it has gone" {
    start_node a --key a.key
    listen=$(address a)
    end a
    start_node b --bootnode "$listen"
    start_node a --key a.key --listen "${listen%/p2p/*}" --bootnode "$(address b)"
    await_mesh a b
    before=$(lines_of b)
    api a /disconnect "{\"peer_id\":\"$(peer_id b)\"}"
    await b '.event == "connected"' .direction "$before" | grep -x dialled
}

@test "--bootnode with another node's peer id is not accepted, and says whose it is" {
    start_node a
    start_node other
    wrong=$(address a)
    wrong=${wrong%/p2p/*}/p2p/$(peer_id other)
    start_node b --bootnode "$wrong"
    await b '.event == "dial_failed"' .reason > reason
    grep -F "peer id is $(peer_id a), not $(peer_id other) as dialled" reason
    await a '.event == "accept_failed"'
}

@test "--network and --topic: lean:NAME expands, everything else stays as it is" {
    start_node a --network devnet0 --topic lean:block --topic lean:attestation_3 --topic any/thing
    api a /mesh | jq -e '.network == "devnet0" and (.topics | keys) == [
        "/leanconsensus/devnet0/attestation_3/ssz_snappy",
        "/leanconsensus/devnet0/block/ssz_snappy", "any/thing"]'
    start_dialler b a --network devnet0 --topic any/thing
    await b '.event == "mesh_joined"' .topic > joined
    [ "$(cat joined)" = any/thing ]
}

@test "nodes of different networks connect and share no mesh" {
    start_node a --network one --heartbeat 50ms
    start_dialler b a --network two --heartbeat 50ms
    await a '.event == "subscribed"' .topic | grep -F /two/
    await b '.event == "subscribed"' .topic | grep -F /one/
    start_dialler c a --network one --heartbeat 50ms
    await_mesh a c
    run ! has_printed b '.event == "mesh_joined"'
}

@test "--finalized and --head are what the peer learns" {
    start_node a --finalized "$secret:7" --head "0x$secret:18446744073709551615"
    start_dialler b a --head "$secret:9"
    await b '.event == "status"' > status
    jq -e --arg root "0x$secret" '.role == "asked" and
        .received.finalized == {root: $root, slot: 7} and .received.head.root == $root' status
    jq -e '.received.head.slot > 18446744073709550000' status
    await a '.event == "status"' | jq -e '.role == "answered" and .received.head.slot == 9'
}

@test "--d, --d-low, --d-high: a full mesh takes no more" {
    start_node a --d 1 --d-low 1 --d-high 1 --heartbeat 50ms
    start_dialler b a --heartbeat 50ms
    await_mesh a b
    start_dialler c a --heartbeat 50ms
    await c '.event == "graft_refused" and .by == "peer"'
    api a /mesh | jq -e --arg topic "$topic" '.topics[$topic].mesh | length == 1'
}

@test "any D that the others allow is taken, whatever D_out would want" {
    for d in 1 2 3 4; do
        start_node "a$d" --d "$d" --d-low "$d" --d-high "$d"
    done
    start_node lowest --d 2 --d-low 0
}

@test "--fault prunes-everybody: every GRAFT is answered with PRUNE" {
    start_node a --fault prunes-everybody --heartbeat 50ms
    start_dialler b a --heartbeat 50ms
    await b '.event == "mesh_left"' | jq -e '.by == "peer"'
    run ! has_printed a '.event == "mesh_joined"'
    start_node c
    run -0 api c /connect "{\"addr\":\"$(address a)\",\"timeout\":\"2s\"}"
    tail -n 1 <<< "$output" | jq -e '.exit == 8 and .reached == "streams"'
}

@test "--agent is what identify says" {
    start_node a --agent 'tester/1'
    start_dialler b a
    [ "$(await b '.event == "identified"' .agent)" = tester/1 ]
    api a /health | jq -e '.agent == "tester/1"'
}

@test "--qlog writes a log of each connection, at both ends under one id" {
    start_node a --qlog logs/a
    start_dialler b a --qlog logs/b
    await_mesh a b
    end b
    await a '.event == "disconnected"'
    end a
    id=$(await b '.event == "connected"' .connection)
    ls logs/a/*"$id"* logs/b/*"$id"*
    cat logs/a/*"$id"* logs/b/*"$id"* | tr '\036' '\n' | jq -es 'length > 20' > /dev/null
}

@test "--qlog: a folder that cannot be written ends it with 2 and a clear message" {
    touch file
    run -2 "$BIN/devnet-node" --qlog file/logs
    [[ $output == *"--qlog file/logs: "* ]]
    run -2 "$BIN/devnet-node" --qlog file
    [[ $output == *"file"* ]]
    [[ $output != *'"ready"'* ]]
}

@test "--keylog and SSLKEYLOGFILE get TLS secrets in NSS' format" {
    start_node a --keylog a.keys
    export SSLKEYLOGFILE=$PWD/b.keys
    start_dialler b a
    unset SSLKEYLOGFILE
    await_mesh a b
    for file in a.keys b.keys; do
        grep -Ex 'CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} ([0-9a-f]{64}|[0-9a-f]{96})' "$file"
        grep -Ex 'SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} ([0-9a-f]{64}|[0-9a-f]{96})' "$file"
        run ! grep -Evx '[A-Z_0-9]+ [0-9a-f]{64} ([0-9a-f]{64}|[0-9a-f]{96})' "$file"
    done
    [ "$(grep ^CLIENT_TRAFFIC a.keys)" = "$(grep ^CLIENT_TRAFFIC b.keys)" ]
    [ "$(stat -c %a a.keys)" = 600 ]
    run -2 "$BIN/devnet-node" --keylog nowhere/keys
    [[ $output == *"nowhere/keys"*"No such file"* ]]
}

@test "--log-format json and --log-level: one object a line on stderr" {
    start_node gone
    nowhere=$(address gone)
    end gone
    start_node a --log-format json --log-level debug --fault status-silent --bootnode "${nowhere%/p2p/*}/p2p/$(peer_id gone)"
    eventually grep -q misbehaves a.err
    jq -es 'map(has("level") and has("message")) | all' a.err
    start_node quiet --log-level error --fault status-silent
    [ ! -s quiet.err ]
}

# ---- two nodes and three ----

@test "events come in order, with one gossipsub stream each way" {
    start_node a
    start_dialler b a
    await_mesh a b
    await b '.event == "identified"'
    await a '.event == "identified"'
    jq -r 'select(.event != "identified") | .event + " " + (.direction // .role // .by // "-")' \
        b.out > order
    [ "$(head -n 4 order)" = "ready -
connected dialled
confirmed -
status asked" ]
    [ "$(grep -c '^stream_opened outbound' order)" = 1 ]
    [ "$(grep -c '^stream_opened inbound' order)" = 1 ]
    [ "$(grep -c '^mesh_joined' order)" = 1 ]
    for name in a b; do
        api "$name" /peers | jq -e '(.peers | length) == 1 and (.peers[0] |
            .outbound_stream.state == "open" and (.inbound_streams | length) == 1 and
            (.connections | length) == 1)'
    done
    [ "$(api a /peers | jq .peers[0].outbound_stream.stream_id)" = \
        "$(api b /peers | jq .peers[0].inbound_streams[0].stream_id)" ]
}

@test "a message is delivered once, and a repeat is suppressed" {
    start_node a
    start_dialler b a
    await_mesh a b
    id=$(api a /publish '{"topic":"lean:block","text":"hello"}' | jq -r .id)
    await b '.event == "message"' > message
    jq -e --arg id "$id" --arg topic "$topic" \
        '.id == $id and .data == "68656c6c6f" and .size == 5 and .topic == $topic' message
    api a /publish '{"topic":"lean:block","text":"hello"}' | jq -e 'has("error")'
    api b /publish '{"topic":"lean:block","data":"68656c6c6f"}' | jq -e 'has("error")'
    api a /publish '{"topic":"lean:block","text":"second"}'
    await b '.event == "message" and .data == "7365636f6e64"'
    [ "$(grep -c '"event":"message"' b.out)" = 2 ]
    [ "$(grep -c '"event":"message"' a.out || true)" = 0 ]
}

@test "three nodes in a line forward a message, once to each" {
    start_node a
    start_dialler b a
    start_dialler c b
    await_mesh a b
    await_mesh b c
    api a /publish '{"topic":"lean:block","text":"along"}'
    await c '.event == "message"' | jq -e --arg id "$(peer_id b)" '.peer_id == $id'
    api c /publish '{"topic":"lean:block","text":"back"}'
    await a '.event == "message"' | jq -e --arg id "$(peer_id b)" '.peer_id == $id'
    [ "$(grep -c '"event":"message"' b.out)" = 2 ]
    [ "$(grep -c '"event":"message"' a.out)" = 1 ]
}

@test "two nodes that dial each other keep one gossipsub stream each way" {
    start_node a --key-hex "$secret" --heartbeat 50ms
    start_node b --key b.key --heartbeat 50ms
    b_address=$(address b)
    end b
    api a /connect "{\"addr\":\"$b_address\",\"until\":\"mesh\",\"timeout\":\"10s\"}" > steps &
    local asking=$!
    start_node b --key b.key --heartbeat 50ms --listen "${b_address%/p2p/*}" \
        --bootnode "$(address a)"
    wait "$asking"
    jq -es '.[-1] | .step == "done" and .exit == 0' steps
    await_mesh a b
    for name in a b; do
        api "$name" /peers | jq -e '.peers[0].inbound_streams | length == 1'
    done
    api a /publish '{"topic":"lean:block","text":"one"}'
    await b '.event == "message"'
    api b /publish '{"topic":"lean:block","text":"two"}'
    await a '.event == "message"'
}

# ---- the API ----

@test "GET /mesh and /peers tell of peers, topics and statistics" {
    start_node a
    start_dialler b a
    await_mesh a b
    api a /mesh | jq -e --arg topic "$topic" --arg b "$(peer_id b)" '
        .topics[$topic].mesh == [$b] and .topics[$topic].subscribers == [$b] and
        .topics[$topic].subscribed and .peers[0].peer_id == $b and .statistics.rpcs_in > 0'
    eventually api_has_agent
}

api_has_agent() {
    api a /peers | jq -e '.peers[0] | .key_type == "secp256k1" and
        (.agent | startswith("devnet-node/")) and (.protocols | length) == 10' > /dev/null
}

@test "POST /connect streams the steps, up to each goal" {
    start_node a
    for until in handshake identify status streams mesh; do
        start_node b
        api b /connect "{\"addr\":\"$(address a)\",\"until\":\"$until\"}" > steps
        jq -es '.[-1] | .step == "done" and .exit == 0 and .error == null' steps
        jq -es --arg until "$until" '.[0].step == "handshake" and any(.step == $until) and
            ([.[] | select(.step != "done")] | all(.ok) and (map(.ms) | . == sort))' steps
        end b
    done
}

# Sends a request as it stands, and prints the answer's status and body: raw NAME TEXT.
raw() {
    local port
    port=$(ready "$1" '.api | split(":") | last')
    exec {connection}<> "/dev/tcp/127.0.0.1/$port"
    # shellcheck disable=SC2059 # the text has escapes, and a place for the port
    printf "$2" "$port" >&"$connection"
    timeout "${DEADLINE:-15}" cat <&"$connection" | tr -d '\r' > answer
    exec {connection}>&-
    sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p; $p' answer
}

@test "every error of the API is JSON, what is refused before a route is looked for too" {
    start_node a
    run -0 api a /nowhere
    [ "$output" = '{"error":"no such path: /nowhere"}' ]
    head -c 23000000 /dev/zero > body
    malformed=', or the size of a chunk of it is malformed (chunk extensions are not read)'
    for header in "Expect:" "Expect: 100-continue"; do
        run -0 api a /publish @body --header "$header" --write-out '%{http_code} %{content_type}'
        [[ $output == '{"error":"the body is larger than 22020096 bytes'"$malformed"'"}'*"application/json" ]]
    done
    # evhttp says the same of a chunk whose size it cannot read.
    post='POST /connect HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n'
    for chunk in '2;a=b' zz; do
        run -0 raw a "${post}Transfer-Encoding: chunked\r\n\r\n$chunk\r\n"
        [ "$output" = $'413\n{"error":"the body is larger than 22020096 bytes, or the size of a chunk of it is malformed (chunk extensions are not read)"}' ]
    done
    run -0 raw a "${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
    [ "$output" = $'400\n{"error":"Content-Length is both 2 and 3"}' ]
    run -0 raw a "${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"
    [[ $output == *addr* ]]
    run -0 raw a 'OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n'
    [[ ${lines[0]} == 501 && ${lines[1]} == '{"error":"the request is not understood: 501 '* ]]
    run -0 raw a 'nonsense %s\r\n\r\n'
    jq -e 'has("error")' <<< "${lines[1]}"
}

@test "what was published before SIGTERM arrives" {
    start_node a --topic lean:block
    start_dialler b a --topic lean:block
    await_mesh a b
    random=$(head -c 1000000 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    for i in 1 2 3 4 5 6; do
        printf '{"topic":"lean:block","data":"%02d%s"}' "$i" "$random" > request
        id=$(api b /publish @request | jq -r .id)
    done
    end b
    await a ".event == \"message\" and .id == \"$id\"" > /dev/null
    [ "$(jq -c 'select(.event == "message")' a.out | wc -l)" = 6 ]
}

@test "a payload of 10 MiB is published, as text and in hexadecimal" {
    start_node a --topic lean:block
    start_dialler b a --topic lean:block
    await_mesh a b
    size=$((10 * 1024 * 1024))
    { printf '{"topic":"lean:block","text":"'; head -c "$size" /dev/zero | tr '\0' x; printf '"}'; } > request
    id=$(api b /publish @request | jq -re .id)
    await a ".event == \"message\" and .id == \"$id\" and .size == $size" > /dev/null
    { printf '{"topic":"lean:block","data":"'; head -c "$((2 * size))" /dev/zero | tr '\0' 5; printf '"}'; } > request
    id=$(api b /publish @request | jq -re .id)
    await a ".event == \"message\" and .id == \"$id\" and .size == $size" > /dev/null
}

@test "POST /connect to a peer that is connected tells what is" {
    start_node a
    start_dialler b a
    await_mesh a b
    api b /connect "{\"addr\":\"$(address a)\"}" > steps
    jq -es '.[-1] | .reached == "mesh" and .already_connected' steps
    api a /peers | jq -e '.peers[0].connections | length == 1'
}

@test "POST /connect fails with the step's exit code, within its timeout" {
    start_node gone
    nowhere=$(address gone)
    end gone
    start_node b
    api b /connect "{\"addr\":\"$nowhere\",\"timeout\":\"300ms\"}" > steps
    jq -es '.[-1] | .exit == 3 and .reached == "none" and (.error | contains("0.3 s"))' steps
    api b /peers | jq -e '.peers == []'
    start_node other --topic elsewhere
    api b /connect "{\"addr\":\"$(address other)\",\"timeout\":\"300ms\"}" > steps
    jq -es '.[-1] | .exit == 8 and .reached == "streams" and
        (.error | contains("no topic in common"))' steps
    wrong=$(address other)
    api b /connect "{\"addr\":\"${wrong%/p2p/*}/p2p/$(peer_id gone)\"}" > steps
    jq -es '.[-1] | .exit == 4 and (.error | contains("peer id"))' steps
    api b /connect "{\"addr\":\"$(address b)\"}" > steps
    jq -es '.[-1] | .exit == 3 and (.error | contains("ourselves"))' steps
}

@test "POST /connect ends when its client goes away" {
    start_node gone
    nowhere=$(address gone)
    end gone
    start_node b
    DEADLINE=0.3 api b /connect "{\"addr\":\"$nowhere\"}" || true
    await b '.event == "dial_failed"' | jq -e '.reason == "given up"'
    api b /health | jq -e '.status == "ok"'
}

@test "POST /disconnect closes the connection, and the peer is not dialled again" {
    start_node a
    start_dialler b a
    await_mesh a b
    api b /disconnect "{\"peer_id\":\"$(peer_id a)\"}" | jq -e 'has("error") | not'
    await a '.event == "disconnected"' | jq -e '.cause == "closed_by_peer"'
    await b '.event == "disconnected"' | jq -e '.cause == "closed_by_us"'
    [ "$(api b /disconnect "{\"peer_id\":\"$(peer_id a)\"}" --output /dev/null \
        --write-out '%{http_code}')" = 404 ]
    start_dialler c a
    await_mesh a c
    api b /peers | jq -e '.peers == []'
}

@test "POST /unsubscribe takes the peer out of the mesh, and /subscribe brings it back" {
    start_node a --heartbeat 50ms
    start_dialler b a --heartbeat 50ms
    await_mesh a b
    api b /unsubscribe '{"topic":"lean:block"}' | jq -e --arg topic "$topic" '.topic == $topic'
    await a '.event == "unsubscribed"'
    await a '.event == "mesh_left"'
    await b '.event == "mesh_left"'
    api a /publish '{"topic":"lean:block","text":"unheard"}' | jq -e '.receivers == 0'
    api b /subscribe '{"topic":"other"}'
    api a /subscribe '{"topic":"other"}'
    await a '.event == "mesh_joined" and .topic == "other"'
    api b /publish '{"topic":"other","text":"heard"}' | jq -e '.receivers == 1'
    await a '.event == "message"' | jq -e '.topic == "other"'
}

@test "POST /publish takes text or hexadecimal data, on topics subscribed or not" {
    start_node a
    start_dialler b a --topic lean:block --topic other
    await_mesh a b
    await a '.event == "subscribed" and .topic == "other"'
    api a /publish '{"topic":"other","data":"00ff"}' | jq -e '.receivers == 1'
    await b '.event == "message"' | jq -e '.data == "00ff" and .topic == "other"'
    api a /publish '{"topic":"lean:block","text":""}' | jq -e 'has("error") | not'
    # Larger than the event shows, smaller than the limit.
    head -c 2000000 /dev/zero | tr '\0' a > body
    printf '{"topic":"lean:block","text":"%s"}' "$(cat body)" > request
    api a /publish @request | jq -e 'has("error") | not'
    await b '.event == "message" and .size == 2000000' 'has("data")' | grep -x false
}

@test "the API refuses bad bodies with 400 and says what is wrong" {
    start_node a
    refused() {
        status=$(api a "$1" "$2" --output answer --write-out '%{http_code}')
        [ "$status" = 400 ] && jq -e --arg text "$3" '.error | contains($text)' answer ||
            { echo "$1 $2: $status"; cat answer; return 1; }
    }
    refused /connect 'nonsense' 'not JSON'
    refused /connect '[]' 'not a JSON object'
    refused /connect '{}' addr
    refused /connect '{"addr":7}' addr
    refused /connect '{"addr":"nonsense"}' addr
    refused /connect "{\"addr\":\"$(address a)\",\"until\":\"never\"}" until
    refused /connect "{\"addr\":\"$(address a)\",\"until\":7}" until
    refused /connect "{\"addr\":\"$(address a)\",\"timeout\":7}" timeout
    refused /connect "{\"addr\":\"$(address a)\",\"timeout\":\"7\"}" timeout
    refused /connect "{\"addr\":\"$(address a)\",\"timeout\":\"0s\"}" timeout
    refused /connect "{\"addr\":\"$(address a)\",\"topic\":7}" topic
    refused /disconnect '{}' peer_id
    refused /disconnect '{"peer_id":"nonsense"}' peer_id
    refused /publish '{"text":"x"}' topic
    refused /publish '{"topic":"lean:block"}' text
    refused /publish '{"topic":"lean:block","text":"x","data":"00"}' either
    refused /publish '{"topic":"lean:block","data":"0"}' hexadecimal
    refused /publish '{"topic":"","text":"x"}' topic
    refused /subscribe '{}' topic
    refused /subscribe '{"topic":7}' topic
    refused /subscribe '{"topic":""}' topic
    refused /subscribe "{\"topic\":\"$(head -c 300 /dev/zero | tr '\0' a)\"}" topic
    refused /subscribe '{"topic":"lean:a/b"}' slash
    refused /connect "{\"addr\":\"$(address a)\",\"topic\":\"lean:\"}" empty
    refused /unsubscribe '{}' topic
    api a /health | jq -e '.status == "ok"'
}

@test "the API says by its code what kind of failure it was" {
    start_node a
    code() {
        api a "$@" --output answer --write-out '%{http_code}'
    }
    message='{"topic":"lean:block","text":"once"}'
    [ "$(code /publish "$message")" = 200 ]
    [ "$(code /publish "$message")" = 409 ]
    jq -e '.error | contains("the same message was there")' answer
    url=$(ready a .api)/subscribe
    for ((i = 0; i < 1024; i++)); do
        printf 'url = %s\ndata = "{\\"topic\\":\\"t%d\\"}"\noutput = many\nnext\n' "$url" "$i"
    done | sed '$d' > subscriptions # there is none behind the last
    curl --silent --show-error --config subscriptions
    [ "$(code /subscribe '{"topic":"one-too-many"}')" = 429 ]
    jq -e '.error | contains("may not be more")' answer
    [ "$(code /ping "{\"peer_id\":\"$(peer_id a)\"}")" = 404 ]
}

@test "the API refuses a foreign Host, a foreign Origin, and bodies over its limit" {
    start_node a
    code() {
        api a "$@" --output answer --write-out '%{http_code}'
    }
    [ "$(code /health '' --get --header 'Host: evil.example')" = 403 ]
    jq -e '.error | contains("evil.example")' answer
    [ "$(code /publish '{"topic":"t","text":"x"}' --header 'Origin: http://evil.example')" = 403 ]
    [ "$(code /health '' --get --header "Origin: $(ready a .api)")" = 200 ]
    head -c 23000000 /dev/zero > large
    [ "$(code /publish @large)" = 413 ]
    [ "$(code /nowhere '' --get)" = 404 ]
    [ "$(code /publish '' --get)" = 405 ]
    api a /health | jq -e '.status == "ok"'
}

@test "what cannot be is laid to the option that asked for it, and ends with 2" {
    touch plain
    echo zz > bad.key
    chmod 600 bad.key
    for program in devnet-node "devnet-connect /ip4/127.0.0.1/udp/9/quic-v1"; do
        while IFS='|' read -r option value problem; do
            # shellcheck disable=SC2086 # words
            run -2 "$BIN/"$program "$option" "$value"
            [[ $output == "${program%% *}: "*"$option $value: "*"$problem"* ]] || { echo "$output"; false; }
        done << 'END'
--key|bad.key|not a key file
--key|.|not a plain file
--key|nowhere/key|cannot make the key file: No such file or directory
--qlog|plain|cannot make the folder: Not a directory
--keylog|nowhere/keys|cannot write TLS secrets: No such file or directory
--keylog|.|cannot write TLS secrets: Is a directory
--topic||must be 1 to 256 printable ASCII characters
--network|a/b|1 to 64 characters, no slash
--listen|nonsense|does not begin with a slash
--finalized|x|expected ROOT:SLOT
END
    done
    # An address that is not this machine's is no fault of whoever typed it; the option is named.
    run -1 "$BIN/devnet-node" --listen /ip4/192.0.2.1/udp/1/quic-v1
    [[ $output == "devnet-node: --listen /ip4/192.0.2.1/udp/1/quic-v1: cannot listen: "* ]]
}

# ---- its output ----

# A node whose stdout, `pipe`, nobody reads yet: start_unread_node STDERR [OPTION...].
start_unread_node() {
    local stderr=$1
    shift
    mkfifo pipe
    exec {reader}<> pipe
    # shellcheck disable=SC2016 # for the inner shell
    launch a bash -c 'exec "$@" > pipe 2> "$0"' "$stderr" "$BIN/devnet-node" "$@"
    head -n 1 <&"$reader" > a.out
}

# Sends N messages, of each of which a peer prints an event.
send_messages() {
    "$TOOLS/hostile" "$(address a)" open propose:/meshsub/1.2.0 wait:data "messages:$1" \
        fin wait:fin 3>&-
}

@test "a node that is told to end as soon as it is ready ends well" {
    for _ in {1..10}; do
        rm -f pipe
        start_unread_node a.err
        end a
    done
}

@test "a reader that sleeps stops neither the node nor its end" {
    start_unread_node pipe --log-level trace
    send_messages 2000
    api a /health | jq -e '.status == "ok"'
    status=0
    end a || status=$? # not all that it had to print was read
    [ "$status" -eq 1 ]
    dd bs=65536 count=1 <&"$reader" > late.out 2> /dev/null
    grep '^{.*}$' late.out | jq -es 'length > 100'
}

@test "a reader that sleeps for too long is told how many events it missed" {
    start_unread_node a.err
    send_messages 60000
    launch late cat pipe
    (($(await late '.event == "events_lost"' .count) > 0))
    seen=$(lines_of late)
    send_messages 1
    await late '.event == "message"' . "$seen"
}

lost_by_watcher() {
    jq -s 'map(select(.event == "events_lost").count) | add' < watcher.out
}

# What was told, with where something was not, and what was not: all that happened.
watcher_accounts_for_all() {
    local gaps
    gaps=$(grep -c '"event":"events_lost"' watcher.out)
    (($(lines_of watcher) - gaps + $(lost_by_watcher) == $(lines_of a)))
}

@test "a client of /events that sleeps for too long is told how many events it missed" {
    start_node a
    launch watcher curl --silent --no-buffer "$(ready a .api)/events"
    await watcher '.event == "ready"'
    send_signal watcher STOP
    send_messages 60000
    eventually grep -q 'api: a client reads too slowly' a.err
    send_signal watcher CONT
    (($(await watcher '.event == "events_lost"' .count) > 0))
    seen=$(lines_of watcher)
    send_messages 1
    await watcher '.event == "message"' . "$seen"
    # One that still reads too slowly loses some again.
    eventually watcher_accounts_for_all
    api a /metrics | grep -x "devnet_events_lost_total $(lost_by_watcher)"
    end watcher KILL || true
}

@test "an API without file descriptors to spare waits until there are some" {
    # shellcheck disable=SC2016 # for the inner shell
    launch a bash -c 'ulimit -n 24; exec "$0"' "$BIN/devnet-node"
    await a '.event == "ready"'
    port=$(ready a '.api | split(":") | last')
    for _ in {1..30}; do
        exec {fd}<> "/dev/tcp/127.0.0.1/$port"
        held+=("$fd")
    done
    eventually grep -q "cannot accept a connection: Too many open files" a.err
    for fd in "${held[@]}"; do exec {fd}>&-; done
    api a /health | jq -e '.status == "ok"'
    (($(wc -l < a.err) < 100))
}
