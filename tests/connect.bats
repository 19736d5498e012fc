#!/usr/bin/env bats
# devnet-connect: every option and exit status, dialling, waiting to be dialled, and over an API.
# shellcheck disable=SC2016 # for jq and other shells to expand
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

BLOCK=/leanconsensus/12345678/block/ssz_snappy

# Runs it with --json: $output is the object, for `shows`. connect STATUS [ARGUMENT...].
connect() {
    local expected=$1
    shift
    run "-$expected" --separate-stderr "$BIN/devnet-connect" --json "$@"
    jq -e --argjson exit "$expected" '.exit == $exit' <<< "$output" > /dev/null
}

# Whether a jq condition holds for the object.
shows() {
    jq -e "$@" <<< "$output" > /dev/null || { echo "$output" && return 1; }
}

# The same for what a background one printed at its end: it ended with STATUS, and a condition holds.
ended_with() {
    local name=$1 expected=$2 condition=$3 status=0
    ended "$name" || status=$?
    output=$(cat "$name.out")
    if [ "$status" -ne "$expected" ]; then
        echo "ended with $status: $output" "$(cat "$name.err")"
        return 1
    fi
    shows "$condition"
}

# Runs with --accept in the background and waits until it listens: start_accept NAME [OPTION...].
# Where is in $listening.
start_accept() {
    local name=$1
    shift
    : > "$name.err"
    launch "$name" "$BIN/devnet-connect" --json --accept "$@"
    eventually grep -q "listening on" "$name.err"
    listening=$(sed -n 's/^devnet-connect: listening on //p' "$name.err" | tail -n 1)
}

# ---- the steps ----

@test "the JSON object tells every step in order, and all that was learned" {
    start_node a --agent tester/1 --head "0x$(printf 'ab%.0s' {1..32}):7"
    connect 0 "$(address a)"
    [ -z "$stderr" ]
    shows --arg target "$(address a)" --arg peer_id "$(peer_id a)" '
        .target == $target and .reached == "mesh" and .exit == 0 and .error == null and
        .peer_id == $peer_id and .rtt_ms > 0'
    shows '[.steps[].step] - ["identify"] == ["handshake", "confirmed", "status", "streams", "mesh"]'
    shows '(.steps | all(.ok)) and ([.steps[].ms] | . == sort and .[0] > 0)'
    shows --arg peer_id "$(peer_id a)" '.steps[0] | .peer_id == $peer_id and
        .key_type == "secp256k1" and (.cipher | startswith("AES-")) and .tls_version == "1.3" and
        .quic_version == "0x00000001" and .direction == "dialled" and (.remote | contains("/udp/"))'
    shows '.steps[] | select(.step == "status") | .role == "asked" and .received.head.slot == 7 and
        (.received.head.root | startswith("0xabab")) and .sent.head.slot == 0'
    shows '.steps[] | select(.step == "streams") |
        .outbound.stream_id % 4 == 0 and .inbound.stream_id % 4 == 1 and
        .outbound.protocol == "/meshsub/1.2.0" and .inbound.protocol == "/meshsub/1.2.0"'
    shows --arg topic "$BLOCK" '.steps[] | select(.step == "mesh") | .topic == $topic and
        (.grafted_by == "peer" or .grafted_by == "us")'
    shows '.steps[] | select(.step == "identify") | .agent == "tester/1" and
        (.protocols | index("/meshsub/1.2.0"))'
    shows --arg topic "$BLOCK" '.topics == {ours: [$topic], theirs: [$topic]}'
}

@test "statuses that cannot both be true are reported, and end nothing" {
    ours=0x$(printf 'ab%.0s' {1..32}) theirs=0x$(printf 'cd%.0s' {1..32})
    start_node a --finalized "$theirs:7" --head "$theirs:9"
    connect 0 --finalized "$ours:7" --head "$ours:8" "$(address a)"
    shows '.steps[] | select(.step == "status") | .ok and
        (.contradiction | contains("other roots are finalized at one slot"))'
    run -0 --separate-stderr "$BIN/devnet-connect" --finalized "$ours:7" "$(address a)"
    [[ $output == *"ok     status "*"cannot both be true: other roots are finalized at one slot (ours: $ours)"* ]]
    for claim in "$theirs:7" "$ours:6" "0x$(printf '00%.0s' {1..32}):7"; do
        connect 0 --until status --finalized "$claim" "$(address a)"
        shows '.steps[] | select(.step == "status") | has("contradiction") | not'
    done
}

@test "for people each step is a line on stdout" {
    start_node a
    run -0 --separate-stderr "$BIN/devnet-connect" "$(address a)"
    [ -z "$stderr" ]
    [[ ${lines[0]} =~ ^"ok     handshake "+[0-9.]+" ms  $(peer_id a) (secp256k1), TLS 1.3" ]]
    [[ ${lines[1]} == "ok     confirmed "* ]]
    [[ ${lines[2]} == "ok     status "*"we asked; theirs: finalized 0x00000000 slot 0"* ]]
    [[ ${lines[3]} == "ok     streams "*"ours 4 (/meshsub/1.2.0), theirs 1 (/meshsub/1.2.0)" ]]
    [[ ${lines[4]} == "ok     mesh "*"$BLOCK, grafted by "* ]]
    [[ $output != *$'\033'* ]]
}

@test "colour is for terminals, and never with NO_COLOR" {
    start_node a
    command="'$BIN/devnet-connect' --until handshake $(address a)"
    TERM=xterm run -0 script --quiet --return --command "$command" /dev/null < /dev/null
    [[ $output == *$'\033[32mok'* ]]
    TERM=xterm NO_COLOR=1 run -0 script --quiet --return --command "$command" /dev/null < /dev/null
    [[ $output == *"ok     handshake"* && $output != *$'\033'* ]]
}

@test "--until ends at each step, and identify is asked only where it is the goal or gossip is up" {
    start_node a
    connect 0 --until handshake "$(address a)"
    shows '.reached == "handshake" and ([.steps[].step] | .[0] == "handshake" and
        contains(["confirmed"]) and (contains(["identify"]) | not))'
    connect 0 --until identify "$(address a)"
    shows '.reached == "identify" and any(.steps[]; .step == "identify" and .ok)'
    connect 0 --until status "$(address a)"
    shows '.reached == "status" and .steps[-1].step == "status"'
    connect 0 --until streams "$(address a)"
    shows '.reached == "streams" and any(.steps[]; .step == "streams")'
    connect 0 --until mesh "$(address a)"
    shows '.reached == "mesh"'
    run -2 "$BIN/devnet-connect" --until breakfast "$(address a)"
}

@test "a target without peer id is met as whoever it is" {
    start_node a
    where=$(address a)
    connect 0 "${where%/p2p/*}"
    shows --arg peer_id "$(peer_id a)" '.peer_id == $peer_id'
}

@test "a target may be a name" {
    start_node a
    port=$(address a)
    port=${port#*/udp/}
    port=${port%%/*}
    connect 0 --until handshake "/dns4/localhost/udp/$port/quic-v1/p2p/$(peer_id a)"
    connect 3 --timeout 2s "/dns4/no-such-name.invalid/udp/$port/quic-v1"
    shows '.reached == "none" and (.error | contains("name"))'
}

# Runs with a hosts file of its own: with_hosts LINE... -- COMMAND [ARGUMENT...].
with_hosts() {
    : > hosts
    while [ "$1" != -- ]; do
        echo "$1" >> hosts
        shift
    done
    shift
    "${in_hosts[@]}" "$@"
}

# As with_hosts, with the lines of the last time.
# shellcheck disable=SC2016 # for the inner shell
in_hosts=(unshare --mount --map-root-user bash -c 'mount --bind hosts /etc/hosts && exec "$@"' -)

@test "all addresses of a name are tried, and the error names each" {
    unshare --mount --map-root-user true || skip "no mount namespaces here"
    start_node a
    port=$(address a)
    port=${port#*/udp/} port=${port%%/*}
    for lines in "::1 both|127.0.0.1 both" "127.0.0.9 both|127.0.0.1 both" "127.0.0.1 both|::1 both"; do
        run -0 --separate-stderr with_hosts "${lines%|*}" "${lines#*|}" -- \
            "$BIN/devnet-connect" "/dns/both/udp/$port/quic-v1/p2p/$(peer_id a)"
        [[ $output == *"ok     mesh "* && -z $stderr ]]
    done
    run -3 --separate-stderr with_hosts "::1 both" "127.0.0.1 both" -- \
        "$BIN/devnet-connect" --timeout 1s /dns/both/udp/9/quic-v1
    [[ $stderr == *"; /ip6/::1/udp/9/quic-v1, /ip4/127.0.0.1/udp/9/quic-v1: no answer; ICMP came back: Connection refused)" ]]
    run -4 --separate-stderr with_hosts "::1 both" "127.0.0.1 both" -- "$BIN/devnet-connect" \
        --timeout 15s "/dns/both/udp/$port/quic-v1/p2p/16Uiu2HAmGnGDGaPpd5bDfDsdhaAporRfauSwzu5hqpA7XJsJvopa"
    [[ $stderr == *"/ip6/::1/udp/$port/quic-v1: no answer; ICMP"*": peer id is "* ]]
}

@test "a name that has no address of the kind asked for is said to have none" {
    unshare --mount --map-root-user true || skip "no mount namespaces here"
    run -3 --separate-stderr with_hosts "127.0.0.1 four" "::1 six" -- \
        "$BIN/devnet-connect" --timeout 1s /dns6/four/udp/9/quic-v1
    [ "$stderr" = "devnet-connect: /dns6/four/udp/9/quic-v1: the name cannot be resolved: it has no IPv6 address" ]
    run -3 --separate-stderr with_hosts "127.0.0.1 four" "::1 six" -- \
        "$BIN/devnet-connect" --timeout 1s /dns4/six/udp/9/quic-v1
    [[ $stderr == *": the name cannot be resolved: it has no IPv4 address" ]]
    launch a "${in_hosts[@]}" "$BIN/devnet-node" --bootnode /dns6/four/udp/9/quic-v1
    eventually grep -F '/dns6/four/udp/9/quic-v1: the name cannot be resolved: it has no IPv6 address' a.err
}

@test "addresses of a name beyond those that an error has room for are counted" {
    unshare --mount --map-root-user true || skip "no mount namespaces here"
    start_node a
    port=$(address a)
    port=${port#*/udp/} port=${port%%/*}
    # The last of many is reached.
    mapfile -t dead < <(seq -f '127.0.1.%g many' 12)
    run -0 --separate-stderr with_hosts "${dead[@]}" "127.0.0.1 many" -- "$BIN/devnet-connect" \
        --timeout 20s "/dns4/many/udp/$port/quic-v1/p2p/$(peer_id a)"
    [[ $output == *"ok     mesh "* && -z $stderr ]]
    run -3 --separate-stderr with_hosts "${dead[@]}" -- \
        "$BIN/devnet-connect" --timeout 10s /dns4/many/udp/9/quic-v1
    named=$(grep -o /udp/9/quic-v1 <<< "${stderr#*timed out}" | wc -l)
    [[ $stderr == *"/ip4/127.0.1.1/udp/9/quic-v1, "*" and $((12 - named)) more: no answer; ICMP came back: Connection refused)" ]]
    # No more than 64.
    mapfile -t dead < <(seq -f '127.0.1.%g many' 66)
    run -3 --separate-stderr with_hosts "${dead[@]}" -- \
        "$BIN/devnet-connect" --timeout 300ms --json /dns4/many/udp/9/quic-v1
    [[ $stderr == *" more: not dialled yet; 2 more were not tried, over the limit of 64)" ]]
    jq -e '.error | contains("; 2 more were not tried, over the limit of 64)")' <<< "$output"
}

@test "--topic is the one to mesh on, as it is or by its Lean name" {
    start_node a --topic lean:block --topic elsewhere
    connect 0 --topic elsewhere "$(address a)"
    shows '.steps[] | select(.step == "mesh") | .topic == "elsewhere"'
    shows '.topics.ours == ["elsewhere"]'
    connect 8 --timeout 300ms --topic lean:attestation_3 "$(address a)"
    shows '.reached == "streams"'
    [[ $stderr == *"mesh: no topic in common within 0.3 s (ours: /leanconsensus/12345678/attestation_3/ssz_snappy; the peer's: "* ]]
}

@test "another --network ends with 8 and names the topics of both sides" {
    start_node a --network devnet0
    connect 8 --timeout 300ms "$(address a)"
    shows '.reached == "streams" and .steps[-1] == (.steps[-1] + {step: "mesh", ok: false})'
    [[ $stderr == "devnet-connect: $(address a): mesh: no topic in common"*"ours: $BLOCK; the peer's: /leanconsensus/devnet0/block/ssz_snappy"* ]]
    connect 0 --network devnet0 "$(address a)"
}

@test "--key, --key-hex, --agent, --finalized and --head are what the peer sees of us" {
    start_node a
    connect 0 --key our.key --agent mine/2 --finalized "0x$(printf '11%.0s' {1..32}):3" \
        --head "0x$(printf '22%.0s' {1..32}):4" "$(address a)"
    ours=$("$BIN/devnet" key show --json our.key | jq -r .peer_id)
    await a ".event == \"connected\" and .peer_id == \"$ours\""
    await a '.event == "status"' .received > status
    jq -e '.finalized.slot == 3 and .head.slot == 4' status
    await a '.event == "identified" and .agent == "mine/2"'
    connect 0 --key-hex "$(cat our.key)" --until handshake "$(address a)"
    await a ".event == \"connected\" and .peer_id == \"$ours\"" . 8 > /dev/null
    run -2 "$BIN/devnet-connect" --key-hex 12 "$(address a)"
    run -2 "$BIN/devnet-connect" --head 0x12:1 "$(address a)"
    echo nonsense > bad.key
    connect 2 --key bad.key "$(address a)"
    [[ $stderr == *"--key bad.key: "* ]]
}

@test "--qlog and --keylog are written, and refused where they cannot be" {
    start_node a
    connect 0 --qlog logs --keylog keys "$(address a)"
    id=$(jq -r '.steps[0].connection' <<< "$output")
    ls "logs/$id"*
    grep -q ^CLIENT_TRAFFIC_SECRET_0 keys
    touch file
    connect 2 --qlog file/logs "$(address a)"
    [[ $stderr == "devnet-connect: $(address a): "*file/logs* ]]
    shows '.reached == "none" and .steps == [] and .exit == 2 and (.error | startswith("--qlog file/logs: "))'
    connect 2 --keylog nowhere/keys "$(address a)"
    [[ $stderr == *nowhere/keys*"No such file"* ]]
}

# ---- what may fail, and where ----

@test "nothing there ends with 3, and says so in one line" {
    run -3 --separate-stderr "$BIN/devnet-connect" --timeout 400ms /ip4/127.0.0.1/udp/9
    [ "$stderr" = "devnet-connect: /ip4/127.0.0.1/udp/9: no QUIC answer within 0.4 s (handshake timed out; ICMP came back: Connection refused)" ]
    [[ ${lines[0]} =~ ^"FAILED handshake "+[0-9.]+" ms  no QUIC answer within 0.4 s" ]]
    connect 3 --timeout 100ms /ip4/127.0.0.1/udp/9
    shows '.target == "/ip4/127.0.0.1/udp/9/quic-v1" and .reached == "none" and
        .error == "no QUIC answer within 0.1 s (handshake timed out; ICMP came back: Connection refused)" and
        .steps == [.steps[0] + {step: "handshake", ok: false, error}] and .steps[0].ms >= 90'
}

@test "the default timeout is five seconds" {
    run -3 --separate-stderr "$BIN/devnet-connect" /ip4/127.0.0.1/udp/9
    [ "$stderr" = "devnet-connect: /ip4/127.0.0.1/udp/9: no QUIC answer within 5 s (handshake timed out; ICMP came back: Connection refused)" ]
}

@test "where no packet can be sent at all is said at once" {
    connect 3 --timeout 1m /ip4/255.255.255.255/udp/9
    shows '.reached == "none" and .steps[0].ms < 5000 and
        (.error | startswith("there is no way to that address: "))'
}

# With no more descriptors than LIMIT, of which the shell has some: connect_within LIMIT.
connect_within() {
    # shellcheck disable=SC2016 # for the inner shell
    bash -c 'ulimit -n "$1" && exec "${@:2}"' - "$1" "$BIN/devnet-connect" --timeout 1ms /ip4/127.0.0.1/udp/9
}

@test "where no socket is to be had it is not the peer that is unreachable" {
    local limit=5 code=0 told=
    until [ "$code" -eq 3 ] || [ "$limit" -gt 99 ]; do
        code=0
        connect_within "$limit" > out 2> err || code=$?
        if grep -F 'cannot make a UDP socket: Too many open files' err; then told="$told$code"; fi
        limit=$((limit + 1))
    done
    [[ $told =~ ^1+$ ]]
    grep -F 'no QUIC answer within ' err
}

@test "what answers, and is no QUIC, is unreachable" {
    launch echo "$TOOLS/udp" echo 127.0.0.1
    eventually [ -s echo.out ]
    connect 3 --timeout 300ms "/ip4/127.0.0.1/udp/$(cat echo.out)/quic-v1"
    shows '.error | test("^no QUIC answer within 0.3 s \\(handshake timed out; [0-9]+ packets? came " +
        "that (is|are) of no connection of ours\\)$")'
}

@test "what comes in place of an answer is said beside the timeout" {
    launch blank "$TOOLS/udp" blank 127.0.0.1 48656c6c6f
    eventually [ -s blank.out ]
    connect 3 --timeout 300ms "/ip4/127.0.0.1/udp/$(cat blank.out)/quic-v1"
    shows '.error | test("handshake timed out; [0-9]+ datagrams? came that (is|are) not QUIC\\)$")'
    # An Initial packet's header with our connection id, and nothing that can be decrypted.
    launch garbled "$TOOLS/udp" garble 127.0.0.1
    eventually [ -s garbled.out ]
    connect 3 --timeout 300ms "/ip4/127.0.0.1/udp/$(cat garbled.out)/quic-v1"
    shows '.error | test("handshake timed out; [0-9]+ bytes came, and none were understood\\)$")'
    start_node a
    connect 3 --from "$(ready a .api)" --timeout 300ms /ip6/::1/udp/9/quic-v1
    shows '.error | endswith("(handshake timed out; ICMP came back: Connection refused)")'
}

@test "a wrong peer id ends with 4, and names who was met" {
    start_node a
    start_node b
    where=$(address a)
    connect 4 "${where%/p2p/*}/p2p/$(peer_id b)"
    shows '.reached == "none"'
    [[ $stderr == *"$(peer_id a)"* ]]
}

@test "a peer that does not speak status or identify is passed over, unless that is the goal" {
    start_node a --fault status-not-spoken --fault identify-not-spoken
    connect 0 "$(address a)"
    shows '[.steps[] | select(.not_spoken)] | map(.step) == ["status", "identify"] and all(.ok)'
    connect 5 --until status "$(address a)"
    shows '.reached == "handshake"'
    [ "$stderr" = "devnet-connect: $(address a): status: the peer does not speak it (\`na\`)" ]
    connect 5 --until identify "$(address a)"
    [ "$stderr" = "devnet-connect: $(address a): identify: the peer does not speak it (\`na\`)" ]
    run -0 "$BIN/devnet-connect" "$(address a)"
    [[ $output == *"passed status "*"the peer does not speak status: passed over"* ]]
}

# What go- and js-libp2p do with a request that came with the proposal: their `na` can be lost by it.
@test "a peer that resets a status or identify stream without an answer is passed over, too" {
    start_node a --fault status-not-spoken --fault identify-not-spoken --fault not-spoken-reset
    connect 0 "$(address a)"
    shows '[.steps[] | select(.not_spoken)] | map(.step) == ["status", "identify"] and all(.ok)'
    shows '.reached == "mesh"'
    local why="the peer does not speak it (not answered, but reset by the peer)"
    connect 5 --until status "$(address a)"
    [ "$stderr" = "devnet-connect: $(address a): status: $why" ]
    connect 5 --until identify "$(address a)"
    [ "$stderr" = "devnet-connect: $(address a): identify: $why" ]
}

@test "a status that is refused, malformed, endless or never given ends with 6" {
    expect() {
        start_node "$1" --fault "$1"
        connect 6 --timeout 500ms "$(address "$1")"
        shows '.reached == "handshake" and .steps[-1].step == "status" and .steps[-1].ok == false'
        # shellcheck disable=SC2053 # a pattern
        [[ $stderr == "devnet-connect: $(address "$1"): status: "$2 ]] || { echo "$stderr"; false; }
    }
    expect status-refused "refused with code 2: no status yet"
    expect status-malformed "*"
    expect status-endless "*"
    expect status-silent "no answer within 0.5 s"
    connect 0 --until handshake "$(address status-refused)"
    connect 0 --until handshake "$(address status-silent)"
    connect 0 --until identify "$(address status-silent)"
}

@test "a peer that does not speak gossipsub ends with 5" {
    start_node a --fault gossipsub-not-spoken
    connect 5 "$(address a)"
    shows '.reached == "status" and .steps[-1].step == "streams"'
    [ "$stderr" = "devnet-connect: $(address a): streams: the peer does not speak gossipsub (\`na\`)" ]
    connect 0 --until status "$(address a)"
}

@test "a peer that resets our gossipsub stream ends with 7" {
    start_node a --fault gossipsub-reset
    connect 7 "$(address a)"
    shows '.reached == "status" and .steps[-1].step == "streams"'
    [[ $stderr == *": streams: our gossipsub stream"*"reset by the peer" ]]
}

@test "a peer that answers GRAFT with PRUNE ends with 8" {
    start_node a --fault prunes-everybody
    connect 8 "$(address a)"
    shows '.reached == "streams" and .steps[-1].step == "mesh"'
    [[ $stderr == *": mesh: the peer answered PRUNE on $BLOCK: "* ]]
}

@test "the failing step is told to people too" {
    start_node a --fault status-refused
    run -6 --separate-stderr "$BIN/devnet-connect" "$(address a)"
    [[ ${lines[-1]} == "FAILED status "*"ms  refused with code 2: no status yet" ]]
}

@test "a peer that goes in the middle ends it with the code of the step that was awaited" {
    start_node a --fault status-silent
    launch one "$BIN/devnet-connect" --json "$(address a)"
    await a '.event == "confirmed"' > /dev/null
    end a
    ended_with one 6 '.reached == "handshake" and .peer_id != null and
        (.error | startswith("status: connection lost: closed by the peer"))'
    start_node b --network devnet0
    launch two "$BIN/devnet-connect" --json "$(address b)"
    await b '.event == "identified"' > /dev/null
    end b
    ended_with two 8 '.reached == "streams" and
        (.error | startswith("mesh: connection lost: closed by the peer")) and
        .topics.theirs == ["/leanconsensus/devnet0/block/ssz_snappy"]'
}

@test "a peer that is killed before it could answer is unreachable" {
    start_node a
    kill -s STOP "${pid_of[a]}"
    connect 3 --timeout 300ms "$(address a)"
    end a KILL || [ "$?" -eq 137 ]
}

@test "a mesh that is full ends with 8" {
    start_node a --d 1 --d-low 1 --d-high 1 --d-lazy 1
    start_dialler b a
    await_mesh a b
    connect 8 "$(address a)"
    [[ $stderr == *": mesh: the peer answered PRUNE on $BLOCK: its mesh is full"* ]]
}

# ---- waiting to be dialled ----

@test "--accept tells the steps from the listening side" {
    start_accept listener --timeout 10s
    connect 0 --head "0x$(printf '22%.0s' {1..32}):4" "$listening"
    dialler=$(jq -r .topics <<< "$output")
    ended_with listener 0 '.target == null and .reached == "mesh" and
        (.steps[0] | .step == "handshake" and .direction == "accepted") and
        ([.steps[].step] | contains(["confirmed", "status", "streams", "mesh"])) and
        ([.steps[].ms] | . == sort)'
    shows '.steps[] | select(.step == "status") | .role == "answered" and .received.head.slot == 4'
    shows '.steps[] | select(.step == "streams") |
        .outbound.stream_id % 4 == 1 and .inbound.stream_id % 4 == 0'
    [ "$(jq -r .topics <<< "$output")" = "$dialler" ]
}

@test "--accept is dialled by a node's POST /connect, at each --until" {
    for until in handshake identify status streams mesh; do
        start_node "node-$until"
        start_accept "$until" --until "$until" --timeout 10s
        api "node-$until" /connect "{\"addr\":\"$listening\"}" > /dev/null
        ended_with "$until" 0 ".reached == \"$until\""
    done
}

@test "--accept waits in vain with 3, and a stray datagram is not the peer" {
    start_accept listener --timeout 500ms
    port=${listening#*/udp/}
    port=${port%%/*}
    "$TOOLS/udp" send 127.0.0.1 "$port" 3 50
    ended_with listener 3 '.reached == "none" and .error == "nobody dialled within 0.5 s"'
    [[ $(tail -n 1 listener.err) == "devnet-connect: --accept: nobody dialled within 0.5 s" ]]
}

@test "--accept tells a peer that refuses our identity: 4" {
    start_accept listener --timeout 10s
    start_node other
    connect 4 "${listening%/p2p/*}/p2p/$(peer_id other)"
    ended_with listener 4 '.reached == "none" and .steps[-1].ok == false'
}

@test "--accept --listen takes several addresses, IPv6 too, and a port that is taken ends with 1" {
    start_accept listener --listen /ip4/127.0.0.1/udp/0/quic-v1 --listen /ip6/::1/udp/0/quic-v1 \
        --timeout 10s
    [[ $listening == /ip6/::1/udp/* ]]
    run -1 --separate-stderr "$BIN/devnet-connect" --accept --listen "${listening%/p2p/*}"
    [[ $stderr == *"Address already in use"* ]]
    connect 0 "$listening"
    ended_with listener 0 '.reached == "mesh"'
    run -2 "$BIN/devnet-connect" --accept --listen nonsense
}

# ---- over a node's API ----

@test "--from asks a running node to dial, and tells the same steps" {
    start_node a
    start_node b
    connect 0 --from "$(ready b .api)" "$(address a)"
    shows --arg target "$(address a)" --arg from "$(ready b .api)" '
        .target == $target and .from == $from and .reached == "mesh" and .error == null and
        ([.steps[].step] | contains(["handshake", "status", "streams", "mesh"])) and
        ([.steps[].ms] | . == sort)'
    run -0 --separate-stderr "$BIN/devnet-connect" --from "$(ready b .api)" "$(address a)"
    [[ $output == *"ok     mesh "*"$BLOCK, grafted earlier" ]]
}

@test "--from --until, --topic and --timeout are the node's to keep" {
    start_node a --topic lean:block --topic elsewhere
    start_node b --topic lean:block --topic elsewhere
    connect 0 --from "$(ready b .api)" --until status "$(address a)"
    shows '.reached == "status"'
    connect 0 --from "$(ready b .api)" --topic elsewhere "$(address a)"
    shows '.steps[] | select(.step == "mesh") | .topic == "elsewhere"'
    connect 8 --from "$(ready b .api)" --topic nowhere --timeout 300ms "$(address a)"
    [[ $stderr == *": mesh: no topic in common within 0.3 s"*"asked for nowhere"* ]]
    connect 3 --from "$(ready b .api)" --timeout 300ms /ip4/127.0.0.1/udp/9/quic-v1
    shows '.error | startswith("no QUIC answer within 0.3 s (handshake timed out")'
}

@test "--from over an address without peer id, to a peer that is connected, tells what stands" {
    start_node a
    start_node b
    where=$(address a)
    connect 0 --from "$(ready b .api)" "$where"
    connect 0 --from "$(ready b .api)" --timeout 2s "${where%/p2p/*}"
    shows '.reached == "mesh" and (.steps[] | select(.step == "mesh") | .grafted_by == "earlier")'
    api b /peers | jq -e '.peers | length == 1'
}

@test "--from to a peer that has dialled the node, and speaks no status" {
    start_node a
    start_node b --bootnode "$(address a)"
    await_mesh a b
    connect 0 --from "$(ready a .api)" "$(address b)"
    shows '.already_connected and .reached == "mesh" and .steps[0].direction == "accepted"'
}

@test "--from to a peer that is connected says so, once it has answered a ping" {
    start_node a
    start_dialler b a
    await_mesh a b
    connect 0 --from "$(ready b .api)" "$(address a)"
    shows '.already_connected and .steps[0].already_connected'
    await b '.event == "pong"' > /dev/null
    run -0 "$BIN/devnet-connect" --from "$(ready b .api)" "$(address a)"
    [[ ${lines[0]} == "ok     handshake "*"; was connected already, and answers" ]]
    connect 0 "$(address a)"
    shows '.steps[0] | has("already_connected") | not'
}

@test "--from to a peer that was killed a moment ago is no success" {
    start_node a
    start_dialler b a
    await_mesh a b
    where=$(address a)
    end a KILL || true
    api b /peers | jq -e '.peers | length == 1'
    connect 3 --from "$(ready b .api)" --timeout 1s "$where"
    shows '.already_connected and .reached == "none" and ([.steps[] | .ok] == [false])'
    [[ $stderr == *": already connected, but the peer did not answer a ping"* ]]
}

@test "an API that fails ends with 9 and says how" {
    connect 9 --from http://127.0.0.1:1 /ip4/127.0.0.1/udp/9/quic-v1
    shows '.reached == "none" and .steps == [] and (.error | startswith("http://127.0.0.1:1: "))'
    start_node a
    start_node b --fault status-silent
    launch one "$BIN/devnet-connect" --json --from "$(ready a .api)" "$(address b)"
    await b '.event == "confirmed"' > /dev/null
    end a
    ended_with one 9 '.steps[0].step == "handshake" and (.error | length > 0)'
}

# ---- staying ----

@test "--hold stays connected for a while, and then leaves politely" {
    start_node a
    before=$(date +%s%3N)
    connect 0 --until streams --hold 400ms "$(address a)"
    [ $(($(date +%s%3N) - before)) -ge 400 ]
    await a '.event == "disconnected" and .cause == "closed_by_peer" and .code == 0' > /dev/null
}

@test "a peer that is lost during --hold ends it with 7" {
    start_node a
    launch holder "$BIN/devnet-connect" --json --hold 30s "$(address a)"
    await a '.event == "mesh_joined"' > /dev/null
    await a '.event == "identified"' > /dev/null
    end a
    ended_with holder 7 '.reached == "mesh" and (.error | startswith("lost during --hold: ")) and
        (.error | contains("closed by the peer"))'
    grep "lost during --hold" holder.err
}

@test "another peer that leaves does not end a --hold" {
    start_accept listener --hold 600ms --timeout 10s
    launch first "$BIN/devnet-connect" --hold 10s "$listening"
    eventually grep -q "^ok     identify" first.out
    launch second "$BIN/devnet-connect" --json "$listening"
    ended_with second 0 '.reached == "mesh"'
    ended_with listener 0 '.reached == "mesh"'
    ended first || [ "$?" -eq 7 ] # it is the listener that leaves
}

@test "a signal ends an attempt with 128 and its number, a --hold with 0" {
    start_node a --fault status-silent
    launch interrupted "$BIN/devnet-connect" --json "$(address a)"
    await a '.event == "confirmed"' > /dev/null
    kill -s INT "${pid_of[interrupted]}"
    ended_with interrupted 130 '.reached == "handshake" and .exit == 130 and
        .error == "status: interrupted (SIGINT)" and .steps[-1].step == "status"'
    await a '.event == "disconnected" and .cause == "closed_by_peer"' > /dev/null
    launch terminated "$BIN/devnet-connect" --json --timeout 60s --accept
    eventually grep -q listening terminated.err
    kill -s TERM "${pid_of[terminated]}"
    ended_with terminated 143 '.reached == "none" and .error == "stopped (SIGTERM)"'
    start_node b
    launch holder "$BIN/devnet-connect" --hold 60s "$(address b)"
    eventually grep -q identify holder.out
    end holder INT
}

# ---- output ----

@test "a stdout that is closed makes it 1, and nothing else gets what was to be printed" {
    start_node a
    run -1 bash -c '"$1" --json --key our.key "$2" >&-' - "$BIN/devnet-connect" "$(address a)"
    [ "$output" = "devnet-connect: standard output: Bad file descriptor" ]
    run ! grep -q steps our.key
}

@test "a stdout that is full ends with 1" {
    start_node a
    run -1 bash -c '"$1" "$2" > /dev/full' - "$BIN/devnet-connect" "$(address a)"
    [[ $output == *"standard output: No space left on device"* ]]
    run -1 bash -c '"$1" --json "$2" > /dev/full' - "$BIN/devnet-connect" "$(address a)"
    [[ $output == *"standard output: No space left on device"* ]]
}

@test "what a peer calls itself does not reach the terminal as it is" {
    start_node a --agent $'\033[31mred'
    run -0 "$BIN/devnet-connect" --until identify "$(address a)"
    [[ $output != *$'\033'* ]]
    [[ $output == *"identify "*"[31mred"* ]]
}

@test "usage errors end with 2 and say what to do" {
    refuses() {
        run -2 --separate-stderr "$BIN/devnet-connect" "${@:2}"
        # shellcheck disable=SC2053 # a pattern
        [[ $stderr == "devnet-connect: "$1$'\n'"try: devnet-connect --help" ]] || {
            echo "$stderr"
            return 1
        }
        [ -z "$output" ]
    }
    target=/ip4/127.0.0.1/udp/9/quic-v1
    refuses "a target is needed: a multiaddr or an ENR, or --accept"
    refuses "nonsense: *" nonsense
    refuses "/ip4/127.0.0.1/udp/0/quic-v1: port 0 cannot be dialled" /ip4/127.0.0.1/udp/0/quic-v1
    refuses "unexpected operand*" "$target" "$target"
    refuses "--timeout: *" --timeout 5 "$target"
    refuses "--timeout: *" --timeout 0s "$target"
    refuses "--timeout: *" --timeout 11m "$target"
    refuses "--hold: *" --hold 25h "$target"
    refuses "--accept waits to be dialled*" --accept "$target"
    refuses "--accept waits to be dialled*" --accept --from 127.0.0.1:1
    refuses "--from nonsense: *" --from nonsense "$target"
    # Each option that is not of the asking itself.
    for option in $("$BIN/devnet-connect" --help | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -e '--[a-z-]+'); do
        case $option in
            --from | --until | --timeout | --topic | --json | --log-level | --help | --version) continue ;;
            --accept) refuses "--accept waits to be dialled*" --from 127.0.0.1:1 --accept "$target" ;;
            --save) refuses "--save: nothing is to be fetched*" --from 127.0.0.1:1 --save x "$target" ;;
            --count) refuses "--count: it is of the messages of --listen-gossip" --from 127.0.0.1:1 --count 1 "$target" ;;
            --qlog-limit) refuses "--qlog-limit: it is of the logs of --qlog" --from 127.0.0.1:1 --qlog-limit 1M "$target" ;;
            --record-*) refuses "$option: it is of the blocks of --record" --from 127.0.0.1:1 "$option" 9 "$target" ;;
            --listen-gossip) refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 "$option" "$target" ;;
            --hold) refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 --hold 1s "$target" ;;
            --sign) refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 --sign strict "$target" ;;
            --trace) refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 --trace rpc "$target" ;;
            *) refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 "$option" x "$target" ;;
        esac
    done
    refuses "with --from it is the other node that dials: *" --from 127.0.0.1:1 --topic a --topic b "$target"
    refuses "--sign: *" --sign loosely "$target"
    refuses "--key and --key-hex exclude each other" --key a --key-hex b "$target"
    refuses "--network a/b: 1 to 64 characters, no slash" --network a/b "$target"
    refuses "--head x: *" --head x "$target"
    refuses "--finalized x: *" --finalized x "$target"
    refuses "*--nonsense*" --nonsense "$target"
}

@test "help, manual page, completion and version come on stdout with status 0" {
    for form in --help -h --help=man --help=bash --version; do
        run -0 --separate-stderr "$BIN/devnet-connect" "$form"
        [ -n "$output" ]
        [ -z "$stderr" ]
    done
}

# ---- bad paths ----

# A relay in front of node a: $relayed is what to dial. start_relay [OPTION...].
start_relay() {
    local where
    where=$(address a)
    launch relay "$BIN/devnet-relay" --to "${where%/p2p/*}" "$@"
    await relay '.event == "ready"' > /dev/null
    relayed=$(ready relay .listen)/p2p/$(peer_id a)
}

@test "loss, reordering and duplicates only cost time" {
    start_node a
    for seed in 1 2 3; do
        start_relay --delay 5ms --jitter 5ms --loss 15 --reorder 20 --duplicate 10 --seed "$seed"
        connect 0 --timeout 30s "$relayed"
        end relay
    done
}

@test "a peer that is connected and meshed before our own dial gets through is met as it stands" {
    start_node a
    start_relay --delay 300ms
    launch slow "$BIN/devnet-connect" --json --timeout 10s --listen /ip4/127.0.0.1/udp/0/quic-v1 \
        "$relayed"
    eventually grep -q "listening on" slow.err
    api a /connect "{\"addr\":\"$(sed -n 's/.*listening on //p' slow.err)\"}" > /dev/null
    ended_with slow 0 '.reached == "mesh" and .steps[0].direction == "dialled" and
        .steps[0].ms >= 600 and (.steps[] | select(.step == "mesh") | .grafted_by == "earlier")'
    [ "$(grep -c '"stream_opened"' a.out)" -eq 2 ]
}

@test "both are in each other's mesh after three round trips" {
    start_node a
    start_relay --delay 50ms
    connect 0 "$relayed"
    # The relay's own round trip is 100 ms and what its timers add, as any datagram through it takes.
    shows '([.steps[] | select(.step == "mesh")][0].ms) / .rtt_ms < 3.6'
}
