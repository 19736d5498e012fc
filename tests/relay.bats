#!/usr/bin/env bats
# devnet-relay: every option, every exit status.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr_lines

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    TOOLS=${BUILD:-$BATS_TEST_DIRNAME/../build}/tests/tools
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    local pid
    for pid in $relay_pid $echo_pid; do
        if kill "$pid" 2> /dev/null; then wait "$pid" || true; fi
    done
}

# Waits up to ten seconds for the first line of a file.
first_line() {
    local line deadline=$((SECONDS + 10))
    until { read -r line < "$1"; } 2> /dev/null; do
        if ((SECONDS > deadline)); then
            echo "$1: no line came" >&2
            return 1
        fi
        sleep 0.01
    done
    echo "$line"
}

# Starts a server that echoes what it gets: $server.
start_echo() {
    "$TOOLS/udp" echo "${1:-127.0.0.1}" > echo.out 3>&- &
    echo_pid=$!
    server=$(first_line echo.out)
}

# Starts a relay to the server: $port, with what it prints in relay.out.
start_relay() {
    rm -f relay.out # a second relay's line is not to be taken for the first's
    "$BIN/devnet-relay" --to "127.0.0.1:$server" "$@" > relay.out 2> relay.err 3>&- &
    relay_pid=$!
    port=$(first_line relay.out | field '.*"address":"[^"]*:\([0-9]*\)".*')
}

field() {
    sed -n "s|$1|\1|p"
}

# The answers to COUNT datagrams, without their times.
answers() {
    "$TOOLS/udp" send "${2:-127.0.0.1}" "$port" "$1" "1000" > answers.out
    cut -d ' ' -f 1 answers.out | paste -s -d ' '
}

# Stops the relay by a signal: $stopped is its exit status.
stop_relay() {
    kill -s "${1:-TERM}" "$relay_pid"
    stopped=0
    wait "$relay_pid" || stopped=$?
    relay_pid=
}

# A count of a direction, once the relay has stopped.
count() {
    tail -n 1 relay.out | field ".*\"$1\":{[^}]*\"$2\":\([0-9]*\).*"
}

@test "a clean path carries every datagram both ways in order" {
    start_echo
    start_relay
    [ "$(answers 10)" = "1 2 3 4 5 6 7 8 9 10" ]
    stop_relay
    [ "$stopped" -eq 0 ]
    [ "$(tail -n 1 relay.out)" = '{"client":{"bytes":11,"dropped":0,"duplicated":0,"failed":0,"forwarded":10,"pending":0,"received":10,"reordered":0},"event":"stopped","server":{"bytes":11,"dropped":0,"duplicated":0,"failed":0,"forwarded":10,"pending":0,"received":10,"reordered":0}}' ]
}

@test "the first line says where to dial" {
    start_echo
    start_relay
    [ "$(head -n 1 relay.out)" = "{\"address\":\"127.0.0.1:$port\",\"event\":\"ready\",\"listen\":\"/ip4/127.0.0.1/udp/$port/quic-v1\"}" ]
}

@test "who is named in the server's address is named in the one to dial" {
    local id=16Uiu2HAmJb2e28qLXxT5kZxVUUoJt72EMzNGXB47Rxx5hw3q4YjS
    start_echo
    start_relay --to "/ip4/127.0.0.1/udp/$server/quic-v1/p2p/$id"
    [ "$(head -n 1 relay.out | jq -r .listen)" = "/ip4/127.0.0.1/udp/$port/quic-v1/p2p/$id" ]
    stop_relay
    record=enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8
    start_relay --to "$record"
    [ "$(head -n 1 relay.out | jq -r '.listen | contains("/p2p/16Uiu2HA")')" = true ]
}

# Asks the API of the relay: ask PATH [BODY].
ask() {
    curl --silent "$api$1" ${2:+--data "$2"}
}

# Where FROM is to dial TO, as $port.
open_link() {
    ask /links "{\"links\":[{\"from\":\"$1\",\"to\":\"$2\",\"address\":\"127.0.0.1:$server\"}]}" > opened
    port=$(jq -r '.links[0].listen | split("/")[4]' opened)
}

@test "with --api it is many paths, which are changed and cut while they are in use" {
    start_echo
    "$BIN/devnet-relay" --api 127.0.0.1:0 --path all:loss=100 --path b,a:loss=0 > relay.out 3>&- &
    relay_pid=$!
    api=$(first_line relay.out | jq -r .api)
    open_link a c
    [ "$(answers 3)" = "" ]
    open_link a b
    [ "$(wait_ms=2000 answers 3)" = "1 2 3" ]
    before=$port
    open_link b a
    [ "$port" != "$before" ]
    open_link a b
    [ "$port" = "$before" ] # the same link
    moved=$(ask /links '{"links":[{"from":"a","to":"b","address":"127.0.0.1:9"}]}' | jq -r '.links[0].listen')
    [ "$moved" = "/ip4/127.0.0.1/udp/$before/quic-v1" ] # though the node is elsewhere
    open_link a b
    ask /partition '{"groups":["a","b,c"]}' > told
    [ "$(jq -c .partition told)" = '["a","b,c"]' ]
    [ "$(answers 3)" = "" ]
    ask /heal '{}' > told
    ask /paths '{"path":"a,b:duplicate=100"}' > told
    [ "$(jq -r '.paths[0].text' told)" = duplicate=100 ]
    [ "$(answers 1)" = "1 1 1 1" ]
    [ "$(ask /paths '{"path":"a,b:los=1"}' | jq -r .error)" = "a,b:los=1: 'los' is no key: there are delay, jitter, loss, duplicate, reorder and seed" ]
    [ "$(ask /partition '{"groups":["a","b,a"]}' | jq -r .error)" = "a is in two groups: 'a' and 'b,a'" ]
    [ "$(curl --silent --header 'Origin: http://example.org' --output told --write-out '%{http_code}' "$api/paths")" = 403 ]
    ask /links > told
    [ "$(jq -c '[.links[] | [.from, .to]]' told)" = '[["a","c"],["a","b"],["b","a"]]' ]
    stop_relay
    [ "$stopped" -eq 0 ]
    [ "$(jq -r 'select(.event != "ready") | .event' relay.out | paste -s -d ' ')" = "partition heal path stopped" ]
    [ "$(tail -n 1 relay.out | jq '.links[1].client | .dropped == 3 and .received == 4')" = true ]
}

@test "SIGINT stops it with status 0 too" {
    start_echo
    start_relay
    stop_relay INT
    [ "$stopped" -eq 0 ]
    [ "$(count client received)" -eq 0 ]
}

@test "it listens and dials over IPv6" {
    start_echo ::1
    "$BIN/devnet-relay" --listen '[::1]:0' --to "/ip6/::1/udp/$server/quic-v1" > relay.out 3>&- &
    relay_pid=$!
    port=$(first_line relay.out | field '.*"listen":"/ip6/::1/udp/\([0-9]*\)/quic-v1".*')
    [ "$(answers 3 ::1)" = "1 2 3" ]
}

@test "it listens at a multiaddr and dials a name" {
    start_echo
    "$BIN/devnet-relay" --listen /ip4/127.0.0.1/udp/0/quic-v1 --to "localhost:$server" \
        > relay.out 3>&- &
    relay_pid=$!
    port=$(first_line relay.out | field '.*"address":"127.0.0.1:\([0-9]*\)".*')
    [ -n "$port" ]
}

@test "--delay is one way and exact to a few milliseconds" {
    start_echo
    start_relay --delay 50ms
    # Whoever else wants the processor makes many come late, but not all, and none comes early.
    for _ in {1..100}; do
        [ "$(answers 1)" = "1" ]
        cut -d ' ' -f 2 answers.out >> milliseconds
        quickest=$(sort -n milliseconds | head -n 1)
        if ((${quickest%.*} < 105)); then break; fi
    done
    [ "${quickest%.*}" -ge 100 ]
    [ "${quickest%.*}" -lt 105 ]
}

@test "--jitter delays unevenly and keeps the order" {
    start_echo
    start_relay --jitter 40ms
    [ "$(answers 10)" = "1 2 3 4 5 6 7 8 9 10" ]
    [ "$(cut -d ' ' -f 2 answers.out | sort -u | wc -l)" -gt 1 ]
    last=$(tail -n 1 answers.out | cut -d ' ' -f 2)
    [ "${last%.*}" -ge 10 ]
}

@test "--loss 100 drops all and --loss 0 none" {
    start_echo
    start_relay --loss 100
    [ "$(answers 10)" = "" ]
    stop_relay
    [ "$(count client dropped)" -eq 10 ]
    [ "$(count client forwarded)" -eq 0 ]
    start_relay --loss 0
    [ "$(answers 10)" = "1 2 3 4 5 6 7 8 9 10" ]
}

@test "--loss loses the same datagrams with the same seed and others with another" {
    start_echo
    start_relay --loss 30 --seed 5
    first=$(answers 60)
    stop_relay
    start_relay --loss 30 --seed 5
    second=$(answers 60)
    stop_relay
    start_relay --loss 30 --seed 6
    third=$(answers 60)
    [ "$first" = "$second" ]
    [ "$first" != "$third" ]
}

@test "--duplicate 100 sends each datagram twice in each direction" {
    start_echo
    start_relay --duplicate 100
    [ "$(answers 2)" = "1 1 1 1 2 2 2 2" ]
    stop_relay
    [ "$(count client duplicated)" -eq 2 ]
    [ "$(count server duplicated)" -eq 4 ]
    [ "$(count server forwarded)" -eq 8 ]
}

@test "--reorder lets datagrams overtake and loses none" {
    start_echo
    start_relay --reorder 30
    reordered=$(answers 20)
    [ "$reordered" != "$(seq -s ' ' 20)" ]
    [ "$(tr ' ' '\n' <<< "$reordered" | sort -n | paste -s -d ' ')" = "$(seq -s ' ' 20)" ]
    stop_relay
    [ "$(count client reordered)" -gt 0 ]
}

@test "--drop drops the datagrams listed in their direction" {
    start_echo
    start_relay --drop client:3 --drop 5 --drop server:1
    [ "$(answers 6)" = "2 4 6" ]
    stop_relay
    [ "$(count client dropped)" -eq 2 ]
    [ "$(count server dropped)" -eq 1 ]
}

@test "each client gets its own answers" {
    start_echo
    start_relay --delay 20ms
    "$TOOLS/udp" send 127.0.0.1 "$port" 5 1000 > other.out 3>&- &
    other=$!
    [ "$(answers 3)" = "1 2 3" ]
    wait "$other"
    [ "$(cut -d ' ' -f 1 other.out | paste -s -d ' ')" = "1 2 3 4 5" ]
}

@test "clients beyond the limit are ignored with one warning" {
    start_echo
    start_relay
    for _ in {1..600}; do # some may have the same port again
        "$TOOLS/udp" send 127.0.0.1 "$port" 1 0
    done > answers.out
    answers 1 # by now the relay has seen them all
    stop_relay
    [ "$(count client forwarded)" -ge 512 ]
    [ "$(count client failed)" -gt 0 ]
    [ "$(($(count client forwarded) + $(count client failed)))" -eq "$(count client received)" ]
    [ "$(cat relay.err)" = "devnet-relay: warn: a client is ignored, with 512 relayed: as many as can be are relayed already" ]
}

@test "datagrams still delayed when it stops are counted as pending" {
    start_echo
    start_relay --delay 30s
    [ "$(answers 4)" = "" ]
    stop_relay
    [ "$stopped" -eq 0 ]
    [ "$(count client pending)" -eq 4 ]
}

@test "a server that is not there does no harm" {
    start_echo
    kill "$echo_pid"
    wait "$echo_pid" || true
    start_relay
    [ "$(answers 5)" = "" ]
    stop_relay
    [ "$stopped" -eq 0 ]
    [ "$(count client received)" -eq 5 ]
}

@test "an address that is taken fails with status 1" {
    start_echo
    run -1 --separate-stderr "$BIN/devnet-relay" --listen "127.0.0.1:$server" --to 127.0.0.1:9
    [ "$stderr" = "devnet-relay: cannot listen at 127.0.0.1:$server: Address already in use" ]
    [ -z "$output" ]
}

# Expects the arguments that follow MESSAGE to be refused with it.
refuses() {
    local message=$1
    shift
    run -2 --separate-stderr "$BIN/devnet-relay" "$@"
    [ "${stderr_lines[0]}" = "devnet-relay: $message" ]
    [ "${stderr_lines[1]}" = "try: devnet-relay --help" ]
    [ -z "$output" ]
}

@test "bad usage is named and exits 2" {
    refuses "--to is missing: where the server is"
    refuses "unexpected operand 'x'" --to 127.0.0.1:9 x
    refuses "--loss: '101' is over the maximum of 100" --to 127.0.0.1:9 --loss 101
    refuses "--delay: '50' is not a duration such as 500ms, 4s or 2m" --delay 50
    refuses "--drop: 'up:1' is not a datagram such as client:3, server:1 or 3" \
        --to 127.0.0.1:9 --drop up:1
    refuses "--to: '127.0.0.1:0': the port is 0" --to 127.0.0.1:0
    refuses "--to: '127.0.0.1': expected HOST:PORT or a multiaddr" --to 127.0.0.1
    refuses "--to: '::1:9': write an IPv6 address as [ADDRESS]:PORT" --to ::1:9
    refuses "--api: each link has a server and a place of its own, so leave out --to and --listen" \
        --api 127.0.0.1:0 --to 127.0.0.1:9
    refuses "--api 0.0.0.0:0: the API listens on loopback only" --api 0.0.0.0:0
    refuses "--api 1:2:3: not an address to listen on; write 127.0.0.1:PORT or [::1]:PORT" --api 1:2:3
    refuses "--path: it is of relays between many nodes (--api)" --to 127.0.0.1:9 --path all:loss=1
    refuses "--path all:loss=x: loss: 'x' is no percentage, from 0 to 100" --api 127.0.0.1:0 \
        --path all:loss=x
    refuses "--to: '127.0.0.1:70000': the port '70000' is not a number from 0 to 65535" \
        --to 127.0.0.1:70000
}

@test "help, manual page, completion and version come on stdout with status 0" {
    for form in --help -h --help=man --help=bash --version; do
        run -0 --separate-stderr "$BIN/devnet-relay" "$form"
        [ -n "$output" ]
        [ -z "$stderr" ]
    done
}
