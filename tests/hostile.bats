#!/usr/bin/env bats
# What strangers and broken peers may send: the node goes on, its other peers stay in the mesh and
# get messages, its memory stays bounded, and it says what happened.
# shellcheck disable=SC2154 # victim.bash sets victim, port and meshsub
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load helpers.bash
load victim.bash

status=/leanconsensus/req/status/1/ssz_snappy
identify=/ipfs/id/1.0.0
push=/ipfs/id/push/1.0.0
ping=/ipfs/ping/1.0.0

udp() {
    "$TOOLS/udp" "$1" 127.0.0.1 "$port" "${@:2}" 3>&-
}

# Header and proposal as they are on the wire.
proposal() {
    printf '\x13/multistream/1.0.0\n' | hex_of
    printf "\\x$(printf %02x $((${#1} + 1)))%s\n" "$1" | hex_of
}

# ---- datagrams ----

@test "empty, short, truncated and garbage datagrams are not answered" {
    start_victim
    run -0 udp raw 100 '' 00 40 80 c0 ff c0000000 c000000001 c00000000114 4011 ffffffffff \
        c00000000108112233 c0000000010811223344556677880811223344556677880000+1200 \
        e0000000010811223344556677880811223344556677880000+1200 \
        f0000000010811223344556677880811223344556677880000+1200 ''
    [ "$output" = "" ]
}

@test "thousands of random datagrams with the look of QUIC do nothing" {
    start_victim
    before=$(memory_of a)
    for seed in 1 2 3; do udp noise 2000 "$seed"; done
    check_victim
    grew_less_than 4000 "$before"
    run ! has_printed a '.event == "accept_failed"'
}

@test "an unknown QUIC version is answered with those we speak" {
    start_victim
    initial=c0babababa0811223344556677880411223344
    run -0 udp raw 200 "$initial+1200"
    # First byte arbitrary, version 0, their ids the other way round, version 1.
    [ "${output:2}" = 000000000411223344081122334455667788"00000001" ]
    run -0 udp raw 100 "$initial+1199" # might be forged to flood a third party
    [ "$output" = "" ]
}

@test "a packet of no connection draws a stateless reset smaller than itself, or none" {
    start_victim
    size_of_reset() {
        local answer
        answer=$(udp raw 100 "40112233445566778899+$1")
        echo $((${#answer} / 2))
    }
    [ "$(size_of_reset 1200)" -le 43 ]
    [ "$(size_of_reset 43)" = 42 ]
    [ "$(size_of_reset 22)" = 21 ]
    [ "$(size_of_reset 21)" = 0 ]
}

@test "many handshakes at once must prove their address by a Retry, and succeed" {
    start_victim
    run -0 hostile --times 60 "$victim" wait:connected:60 rest:1000
    [ "$(grep -c ^connected <<< "$output")" = 60 ]
    [ "$(api a /mesh | jq .statistics.retries_sent)" -gt 0 ]
    [[ $output == *"too many connections"* ]]
}

@test "noise leaves no QUIC logs behind" {
    start_victim --qlog logs
    udp noise 2000 4
    check_victim
    [ "$(find logs -type f | wc -l)" = 1 ]
}

@test "a ClientHello of two datagrams is understood, whichever comes first" {
    start_victim
    run -0 hostile --long-hello "$victim" open "propose:$ping" zeros:32 wait:data
    launch relay "$BIN/devnet-relay" --to "127.0.0.1:$port" --drop 1
    eventually [ -s relay.out ]
    relay=$(head -n 1 relay.out | grep -Eo '/ip4/127.0.0.1/udp/[0-9]+|127.0.0.1:[0-9]+' | head -n 1)
    run -0 hostile --long-hello "/ip4/127.0.0.1/udp/${relay##*[:/]}/quic-v1" open "propose:$ping" \
        zeros:32 wait:data
    [ "$(api a /mesh | jq .statistics.retries_sent)" = 1 ]
    run ! has_printed a '.event == "accept_failed"'
}

# ---- who they are ----

# A dialler with OPTION hears CODE: is_refused OPTION CODE.
is_refused() {
    start_victim
    run -0 hostile "$1" "$victim" wait:closed
    [[ $output == *"closed by the peer: transport error $2"* ]]
    await a '.event == "accept_failed"' | jq -e '.cause == "tls_failed"'
}

@test "a peer without a certificate is refused" {
    start_victim
    run -0 hostile --no-certificate "$victim" wait:closed
    [[ $output == *"Certificate is required"* ]]
    await a '.event == "accept_failed"' | jq -e '.cause == "tls_failed"'
}

@test "a certificate that names no libp2p peer is refused, with the reason" {
    start_victim
    run -0 hostile --bare-certificate "$victim" wait:closed
    [[ $output == *"Certificate is bad"* ]]
    await a '.event == "accept_failed"' | jq -e '.cause == "tls_failed" and
        (.reason | contains("extension"))'
}

@test "a peer without ALPN is refused" {
    is_refused --no-alpn 0x178
}

@test "a peer without transport parameters is refused, as RFC 9001 has it" {
    is_refused --no-parameters 0x16d
}

@test "a listener without transport parameters is not accepted, and ends nobody who dials it" {
    start_victim
    launch bare "$TOOLS/hostile" --no-parameters --listen wait:closed
    eventually [ -s bare.out ]
    run -4 "$BIN/devnet-connect" "$(head -n 1 bare.out)"
    [[ $output == *"the peer sent no transport parameters of QUIC"* ]]
    ended bare
    grep -F "closed by the peer: transport error 0x16d" bare.out
    launch bare "$TOOLS/hostile" --no-parameters --listen wait:closed
    eventually [ -s bare.out ]
    api a /connect "{\"addr\":\"$(head -n 1 bare.out)\"}" > answer
    tail -n 1 answer | jq -e '.exit == 4 and (.error | contains("transport parameters"))'
    ended bare
}

@test "a listener without a certificate of libp2p's is not accepted" {
    start_victim
    launch bare "$TOOLS/hostile" --bare-certificate --listen wait:closed
    eventually [ -s bare.out ]
    run -0 api a /connect "{\"addr\":\"$(head -n 1 bare.out)\",\"timeout\":\"5s\"}"
    tail -n 1 <<< "$output" | jq -e '.exit == 4 and .reached == "none"'
}

@test "a listener that selects no application protocol is no libp2p peer: devnet-connect ends with 4" {
    launch mute "$TOOLS/hostile" --no-alpn --listen wait:closed
    eventually [ -s mute.out ]
    target=$(head -n 1 mute.out)
    run -4 --separate-stderr "$BIN/devnet-connect" --timeout 3s "$target"
    [[ $stderr == *"the peer selected no application protocol (ALPN): expected libp2p"* ]]
    [[ $output != *"ok     handshake"* ]]
    eventually grep -q "^closed: .*transport error 0x178" mute.out
}

@test "a listener that asks for no certificate cannot know who we are: devnet-connect ends with 4" {
    launch blind "$TOOLS/hostile" --no-request --listen wait:closed
    eventually [ -s blind.out ]
    target=$(head -n 1 blind.out)
    run -4 --separate-stderr "$BIN/devnet-connect" --timeout 3s "$target"
    [[ $stderr == *"the peer did not ask for our certificate: the peer cannot know who we are"* ]]
    [[ $output != *"ok     handshake"* ]]
}

@test "peers that are killed in the middle of things are forgotten in time" {
    start_victim
    for steps in "die" "open hex:13 rest:20 die" "open propose:$meshsub rest:20 die" \
        "open propose:$meshsub hex:ffff01 rest:20 die"; do
        # shellcheck disable=SC2086 # several steps
        run -137 attack $steps
    done
    [ "$(api a /peers | jq '.peers | length')" -le 5 ]
}

# ---- negotiation ----

@test "an unknown protocol is answered \`na\`, and the stream is ended by us" {
    start_victim
    run -0 attack open propose:/nonsense/1 wait:data wait:end
    [[ $output == *036e610a* && $output == *"0 reset"* ]]
    run -0 attack open propose:/nonsense/1 fin wait:fin
    [[ $output == *036e610a* ]]
}

@test "after \`na\` another protocol may follow on the same stream" {
    start_victim
    name=$(printf '\x11%s\n' "$ping" | hex_of)
    run -0 attack open propose:/nonsense/1 wait:data "hex:$name" zeros:32 rest:100
    [[ $output == *"$name"* ]]
}

@test "negotiation that is oversized, endless or nonsense resets that stream alone" {
    start_victim
    for bytes in ff7f 8108 00 01 "$(printf '\x05GET /' | hex_of)" \
        "$(printf '\x13/multistream/2.0.0\n' | hex_of)"; do
        run -0 attack open "hex:$bytes" wait:end open "propose:$ping" zeros:32 wait:data
        [[ $output == *"0 reset"* ]] || { echo "$bytes: $output"; return 1; }
    done
    before=$(memory_of a)
    # Proposal after proposal: 16 are answered.
    run -0 attack open "hex:$(printf '\x13/multistream/1.0.0\n' | hex_of)" \
        "repeat:2000000:$(printf '\x03/x\n' | hex_of)" wait:end
    [[ $output == *"0 fin"* ]]
    grew_less_than 20000 "$before"
}

@test "what an optimistic opener sends behind a refused proposal does not cost it our \`na\`" {
    start_victim
    run -0 attack open propose:/nonsense/1 hex:50ff060000734e fin wait:end
    [[ $output == *036e610a* && $output == *"0 fin"* && $output != *"0 reset"* ]]
}

@test "\`na\` with STOP_SENDING and FIN, as others send it, is \`na\`" {
    start_victim
    na=$(printf '\x13/multistream/1.0.0\n\x03na\n' | hex_of)
    launch listener "$TOOLS/hostile" --listen accept stop "hex:$na" fin accept "answer:$meshsub" \
        rest:300
    eventually [ -s listener.out ]
    api a /connect "{\"addr\":\"$(head -n 1 listener.out)\",\"timeout\":\"1s\"}" > steps
    jq -se 'any(.step == "status" and .not_spoken)' steps
}

@test "one byte at a time is as good as all at once" {
    start_victim
    run -0 attack open "drip:$(proposal "$ping")$(printf '%064d' 7)" wait:data rest:200
    [[ $output == *07* ]]
    run -0 attack open "drip:$(proposal "$meshsub")070a050801120174" rest:100
    await a '.event == "subscribed" and .topic == "t"'
}

@test "a negotiation that stops is ended after its time" {
    start_victim
    run -0 attack open hex:13 wait:end
    [[ $output == *"0 reset"* ]]
}

@test "reset and FIN in every state of every protocol end that stream, and nothing else" {
    start_victim
    for protocol in "$status" "$identify" "$push" "$ping" "$meshsub" /nonsense; do
        steps=()
        for end in fin reset; do
            steps+=(open hex:13 "$end" open "hex:$(printf '\x13/multistream/1.0.0\n' | hex_of)"
                "$end" open "propose:$protocol" "$end" open "propose:$protocol" wait:answer "$end"
                open "propose:$protocol" hex:50 "$end" open "propose:$protocol" hex:50ff06
                wait:answer "$end")
        done
        run -0 attack "${steps[@]}" rest:50 open "propose:$ping" zeros:32 wait:data
    done
}

@test "more streams than are allowed are not opened, and those before do their work" {
    start_victim
    steps=()
    for _ in $(seq 130); do steps+=(open hex:13); done
    run -0 attack "${steps[@]}" rest:100
    [ "$(grep -c 'no stream left' <<< "$output")" -ge 2 ]
    [[ $output != *closed*peer* ]]
}

# ---- gossipsub ----

@test "a fifth gossipsub stream is reset, and the four before are read" {
    start_victim
    steps=()
    for _ in 1 2 3 4 5; do steps+=(open "propose:$meshsub" wait:answer); done
    run -0 attack "${steps[@]}" wait:end rest:100
    [[ $output == *"16 reset"* && $output != *"12 reset"* ]]
    grep -F 'gossipsub stream 16 reset: 4 are open' a.err
}

@test "an RPC over the limit is refused by its length, before it is collected" {
    start_victim
    before=$(memory_of a)
    # 10 MiB and one byte.
    run -0 attack open "propose:$meshsub" hex:81808005 zeros:1000000 wait:closed
    [[ $output == *"gossipsub RPC of an illegal length"* ]]
    grep -F 'gossipsub RPC of an illegal length' a.err
    run -0 attack open "propose:$meshsub" hex:ffffffffffffffffffff01 wait:closed
    [[ $output == *"gossipsub RPC of an illegal length"* ]]
    grew_less_than 4000 "$before"
}

@test "an RPC of exactly the limit is taken" {
    start_victim
    before=$(memory_of a)
    # An unknown field 15 of 10485754 bytes: skipped, as every unknown field is.
    run -0 attack open "propose:$meshsub" hex:80808005 hex:7afaffff04 zeros:10485754 rest:500 \
        open "propose:$ping" zeros:32 wait:data
    [[ $output != *"closed by the peer"* ]]
    check_victim
    grew_less_than 40000 "$before"
}

@test "a malformed RPC costs its stream, and the peer may open another" {
    start_victim
    ping=/ipfs/ping/1.0.0
    for rpc in 01ff 020aff 03ffffff 0253ff; do
        run -0 attack open "propose:$meshsub" wait:data "hex:$rpc" wait:reset \
            open "propose:$meshsub" wait:answer open "propose:$ping" zeros:32 wait:data
        [[ $output != *"closed by the peer"* ]]
    done
    grep -F 'is reset: malformed gossipsub RPC' a.err
    await a '.event == "stream_closed" and .direction == "inbound" and .cause == "malformed" and
        .reason == "malformed gossipsub RPC"' > /dev/null
    api a /mesh | jq -e '.statistics.rpcs_malformed == 4'
    api a /metrics | grep -x 'devnet_gossipsub_rpcs_malformed_total 4'
}

@test "a peer of malformed RPCs without end is dropped, with the reason" {
    start_victim --heartbeat 2s
    steps=()
    for _ in {1..40}; do steps+=(open "propose:$meshsub" wait:data hex:020aff); done
    run -0 attack "${steps[@]}" wait:closed
    [[ $output == *"closed by the peer"*"it exceeds the limits of gossipsub"* ]]
}

@test "an endless stream of small RPCs costs no memory" {
    start_victim
    before=$(memory_of a)
    run -0 attack open "propose:$meshsub" repeat:2000000:00 rest:500 open "propose:$ping" zeros:32 \
        wait:data
    check_victim
    grew_less_than 20000 "$before"
}

good_has_told() {
    (($(lines_of good) >= $1))
}

@test "gossip without end to a peer that reads nothing costs no more than its queue" {
    start_victim
    subscription=2e0a2c08011228$(printf %s /leanconsensus/12345678/block/ssz_snappy | hex_of)
    launch silent "$TOOLS/hostile" --no-credit "$victim" open "propose:$meshsub" "hex:$subscription" \
        accept "answer:$meshsub" rest:50000
    await a '.event == "mesh_joined" and .peer_id != "'"$(peer_id good)"'"'
    await a '.event == "stream_opened" and .direction == "outbound" and
        .peer_id != "'"$(peer_id good)"'"'
    # 36 MB that cannot be compressed; 32 MiB may wait.
    random=$(head -c 750000 /dev/urandom | base64 -w 0)
    for i in $(seq 36); do
        printf '{"topic":"lean:block","text":"%04d%s"}' "$i" "$random" > "request$i"
    done
    before=$(memory_of a) told=$(lines_of good)
    for i in $(seq 36); do # no more than the good one reads
        api a /publish "@request$i" >> answers
        eventually good_has_told $((told + i))
    done
    # What does not fit any more is left out, for the one that reads nothing alone, and counted.
    taken=$(jq -s 'map(select(.receivers == 2)) | length' answers)
    jq -es 'length == 36 and all(.receivers >= 1)' answers
    [ "$taken" -ge 30 ]
    api a /mesh | jq -e --argjson left_out $((36 - taken)) \
        '.peers | map(.left_out.messages) | sort == [0, $left_out]'
    check_victim
    grew_less_than 70000 "$before"
    end silent KILL || true
}

# ---- requests and answers ----

@test "an endless status request is cut off" {
    start_victim
    run -0 attack open "propose:$status" zeros:3000000 wait:end
    [[ $output == *"0 reset"* ]]
}

@test "a malformed status request is answered with code 1, and told" {
    start_victim
    run -0 attack open "propose:$status" hex:50ffff fin wait:fin
    await a '.event == "status_failed"' | jq -e 'has("reason") and .role == "answered"'
}

@test "a ping that never reads and an identify push without end are cut off" {
    start_victim
    before=$(memory_of a)
    run -0 attack open "propose:$push" zeros:5000000 wait:end
    [[ $output == *"0 reset"* ]]
    run -0 attack open "propose:$ping" zeros:3200000 rest:300
    check_victim
    grew_less_than 20000 "$before"
}

# A node with a fault is dialled by the victim, and the answer's last line held against a condition:
# connect_to FAULT UNTIL TIMEOUT CONDITION.
connect_to() {
    start_node faulty --fault "$1" --heartbeat 100ms
    api a /connect "{\"addr\":\"$(address faulty)\",\"until\":\"$2\",\"timeout\":\"$3\"}" > steps
    tail -n 1 steps | jq -e "$4" || { cat steps; return 1; }
}

@test "status answers that are refused, malformed or endless fail with 6 and say why" {
    start_victim
    connect_to status-refused mesh 5s \
        '.exit == 6 and (.error | contains("refused with code 2: no status yet"))'
    await a '.event == "status_failed" and .role == "asked"' .reason | grep -F "no status yet"
    end faulty
    before=$(lines_of a)
    connect_to status-malformed mesh 5s '.exit == 6 and .error != ""'
    await a '.event == "disconnected"' . "$before"
    end faulty
    connect_to status-endless mesh 5s '.exit == 6 and .error != ""'
    end faulty
    connect_to status-silent mesh 500ms \
        '.exit == 6 and (.error | contains("no answer within 0.5 s"))'
}

@test "what is not spoken is passed over, unless it is what was asked for" {
    start_victim
    connect_to status-not-spoken mesh 5s '.exit == 0 and .reached == "mesh"'
    jq -se 'any(.step == "status" and .not_spoken)' steps
    end faulty
    connect_to status-not-spoken status 5s '.exit == 5'
    end faulty
    connect_to identify-not-spoken mesh 5s '.exit == 0 and .reached == "mesh"'
    end faulty
    connect_to identify-not-spoken identify 5s '.exit == 5'
    end faulty
    connect_to gossipsub-not-spoken mesh 5s '.exit == 5 and (.error | contains("gossipsub"))'
}

@test "a peer that resets our gossipsub stream is tried again, and stays connected" {
    start_victim
    connect_to gossipsub-reset mesh 5s '.exit == 7'
    for _ in 1 2 3; do
        await a '(.event == "stream_closed" or .event == "stream_refused") and
            .direction == "outbound"' .cause "$(lines_of a)" | grep reset
    done
    api a /peers | jq -e --arg id "$(peer_id faulty)" \
        '.peers | map(.peer_id) | contains([$id])'
}

@test "a peer that answers nothing at all leaves nothing behind" {
    start_victim
    launch silent "$TOOLS/hostile" --listen rest:19000
    eventually [ -s silent.out ]
    address=$(head -n 1 silent.out)
    run -0 api a /connect "{\"addr\":\"$address\",\"timeout\":\"1s\"}"
    tail -n 1 <<< "$output" | jq -e '.exit == 6'
    end silent KILL || true
}

# shellcheck disable=SC2030 # each test is a subshell, as it should be
@test "a listener that resets or ends our streams in every state is got over" {
    start_victim
    half=$(printf '\x13/multistream/1.0.0\n' | hex_of)
    for steps in "accept reset" "accept fin" "accept hex:$half reset" "accept hex:$half fin" \
        "accept answer:$status reset" "accept answer:$status fin" "accept answer:$status hex:00 fin" \
        "accept answer:$status hex:0050 reset" "accept answer:/other fin" "accept hex:ffff" \
        "accept wait:fin status accept reset" "accept wait:fin status accept fin" \
        "accept wait:fin status accept hex:$half fin" \
        "accept wait:fin status accept answer:$meshsub rest:50 reset" \
        "accept wait:fin status accept answer:$meshsub rest:50 fin"; do
        # shellcheck disable=SC2086 # several steps
        launch listener "$TOOLS/hostile" --listen $steps rest:200
        eventually [ -s listener.out ]
        api a /connect "{\"addr\":\"$(head -n 1 listener.out)\",\"timeout\":\"400ms\"}" > connecting
        tail -n 1 connecting | jq -e '.exit | . == 5 or . == 6 or . == 7' > /dev/null ||
            { echo "$steps"; cat connecting; return 1; }
        ended listener || true
    done
}

# A status of so many bytes, each 0, in snappy's framing format.
declare -gA zeros=( # global: bats loads this from within a function
    [80]=ff060000734e6150705901540000432bbb66$(printf '00%.0s' {1..80})
    [79]=ff060000734e61507059015300007ba84a59$(printf '00%.0s' {1..79})
)

# What devnet-connect makes of a status answer: says_of_status TEXT STEP... [-- OPTION...].
says_of_status() {
    local text=$1 steps=() protocol=/leanconsensus/req/status/1/ssz_snappy
    shift
    while (($# > 0)) && [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    launch listener "$TOOLS/hostile" --listen accept wait:fin "answer:$protocol" \
        "${steps[@]}" rest:19000
    eventually [ -s listener.out ]
    run -6 --separate-stderr "$BIN/devnet-connect" --timeout 8s "${@:2}" "$(head -n 1 listener.out)"
    [[ $stderr == *": status: $text" ]] || { echo "not '$text': $stderr"; return 1; }
    # shellcheck disable=SC2031 # of this very shell
    [[ $output == *"FAILED status "*"$text"* ]]
    end listener KILL || true
}

@test "a status answer that is none is named as what it is" {
    local whole=0050${zeros[80]}
    says_of_status "the answer is empty: the stream was ended before its first byte" fin
    says_of_status "status: 79 bytes of SSZ, expected 80" "hex:004f${zeros[79]}" fin
    says_of_status "the answer ended early: request/response: 80 bytes announced, 79 uncompressed" \
        "hex:0050${zeros[79]}" fin
    says_of_status "the answer ended early: snappy frame: ends within a chunk" "hex:${whole::100}" fin
    says_of_status "request/response: no code before the length" "hex:${whole:2}" fin
    says_of_status "3 bytes came behind the answer" "hex:${whole}ffffff" fin
    says_of_status "a second answer came behind the first (100 bytes)" "hex:$whole$whole" fin
    says_of_status "3 bytes came behind the answer" "hex:${whole}ffffff" fin -- --until status
}

@test "what comes behind a status that was taken already is named, too" {
    launch listener "$TOOLS/hostile" --listen accept wait:fin "answer:$status" \
        "hex:0050${zeros[80]}" rest:300 "hex:0050${zeros[80]}" fin rest:19000
    eventually [ -s listener.out ]
    run -6 --separate-stderr "$BIN/devnet-connect" --json --timeout 8s "$(head -n 1 listener.out)"
    jq -e '[.steps[] | select(.step == "status") | .ok] == [true, false]' <<< "$output"
    [[ $stderr == *": status: a second answer came behind the first "* ]]
}

@test "a status answered one byte at a time is an answer" {
    start_victim
    launch listener "$TOOLS/hostile" --listen accept wait:fin status rest:500
    eventually [ -s listener.out ]
    api a /connect "{\"addr\":\"$(head -n 1 listener.out)\",\"until\":\"status\"}" > steps
    tail -n 1 steps | jq -e '.exit == 0 and .reached == "status"'
}
