#!/usr/bin/env bats
# What happens, as it happens: GET /events of a node, and devnet-mesh watch.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
    use_programs
}

teardown() {
    end_all
}

# Watches nodes by name, in the background: watch NAME OPTION... -- NODE...
watch() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    local apis=() node
    for node in "$@"; do apis+=("$(ready "$node" .api)"); done
    launch "$name" "$BIN/devnet-mesh" watch "${options[@]}" "${apis[@]}"
}

@test "GET /events tells what the node prints, from ready on" {
    start_node a --topic lean:block
    launch events curl --silent --no-buffer "$(ready a .api)/events"
    await events '.event == "ready"' > /dev/null
    start_dialler b a --topic lean:block
    await_mesh a b
    await events '.event == "mesh_joined"' > /dev/null
    count=$(lines_of events)
    head -n "$count" events.out > told
    head -n "$count" a.out > printed
    diff told printed
    end events || true # before the node cuts it off
}

@test "a node that ends, ends the answer" {
    start_node a
    launch events curl --silent --no-buffer "$(ready a .api)/events"
    await events '.event == "ready"' > /dev/null
    end a
    ended events || [ "$?" -eq 18 ] # curl: the transfer was cut short
}

@test "no more clients may watch than a node has room for" {
    start_node a
    for i in {1..16}; do
        launch "w$i" curl --silent --no-buffer "$(ready a .api)/events"
        await "w$i" '.event == "ready"' > /dev/null
    done
    run -0 api a /events
    [[ $output == *"16 clients are watching"* ]]
    api a /health | jq -e '.status == "ok"'
    # Others still have theirs, and go before the node does.
    end w1 || true
    eventually room_is_free
    for i in {2..16}; do end "w$i" || true; done
}

room_is_free() {
    { curl --silent --max-time 0.2 "$(ready a .api)/events" || true; } | grep -q '"ready"'
}

@test "watch shows changes in the words of diff" {
    start_node a --topic lean:block
    watch w -- a
    eventually grep -q "watching $(peer_id a)" w.err
    start_dialler b a --topic lean:block
    a=$(peer_id a) b=$(peer_id b) topic=/leanconsensus/12345678/block/ssz_snappy
    t='[0-9-]\{10\}T[0-9:]\{8\}\.[0-9]\{3\}Z'
    eventually grep -q "^$t + connection: $a -> $b accepted " w.out
    eventually grep -q "^$t + mesh $topic: $a -> $b by \(us\|peer\)$" w.out
    eventually grep -q "^$t + subscriber $topic: $a <- $b$" w.out
    api b /publish '{"topic": "lean:block", "text": "hello"}' > /dev/null
    await a '.event == "message"' > /dev/null
    end b
    eventually grep -q "^$t - connection: $a -> $b" w.out
    run ! grep message w.out
    end w
}

@test "watch --json --all tells every event, each with its node" {
    start_node a --topic lean:block
    start_node b --topic lean:block
    watch w --json --all -- a b
    await w ".event == \"ready\" and .node == \"$(peer_id a)\"" > /dev/null
    await w ".event == \"ready\" and .node == \"$(peer_id b)\"" > /dev/null
    api a /connect "{\"addr\": \"$(address b)\"}" > /dev/null
    await_mesh a b
    api a /publish '{"topic": "lean:block", "text": "hello"}' > /dev/null
    await w ".event == \"message\" and .node == \"$(peer_id b)\" and .size == 5" > /dev/null
    await w ".event == \"mesh_joined\" and .node == \"$(peer_id a)\"" > /dev/null
}

@test "watch ends with 0 in time, 1 where a node went away or none is there" {
    start_node a
    run -0 "$BIN/devnet-mesh" watch --for 50ms "$(ready a .api)"
    run -1 "$BIN/devnet-mesh" watch --for 300ms "$(ready a .api)" http://127.0.0.1:1
    [[ $output == *"http://127.0.0.1:1/events: cannot connect"* ]]
    run -1 "$BIN/devnet-mesh" watch http://127.0.0.1:1
    run -1 --separate-stderr "$BIN/devnet-mesh" watch --json http://127.0.0.1:1
    jq -e '.event == "lost" and .api == "http://127.0.0.1:1" and .node == null and
        (.error | test("cannot connect"))' <<< "$output"
    run -2 "$BIN/devnet-mesh" watch nonsense
    [[ $output == *"nonsense: not an API address"* ]]
    watch w -- a
    eventually grep -q "watching" w.err
    end a
    status=0
    ended w || status=$?
    [ "$status" -eq 1 ]
}

# An API that takes requests, and answers with what a command prints: answer_with NAME COMMAND...
answer_with() {
    local name=$1
    shift
    launch "$name" python3 -c '
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
client, _ = listener.accept()
while b"\r\n\r\n" not in client.recv(65536): pass
subprocess.run(sys.argv[1:], stdout=client)
client.recv(1)' "$@"
    eventually test -s "$name.out"
    api_of=http://127.0.0.1:$(head -n 1 "$name.out")
}

@test "an API that says nothing, or no end of it, is given up in time" {
    answer_with silent true
    run -1 timeout 10 "$BIN/devnet-mesh" watch -t 200ms "$api_of"
    [[ $output == *"$api_of/events: no answer within 0.2 s" ]]
    head=$'HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\n\r\n'
    for endless in '{"event": "other"}' ' ' '"'; do
        # shellcheck disable=SC2016 # for the inner shell
        answer_with endless bash -c 'printf %s "$1"; exec yes "$2"' - "$head" "$endless"
        run -1 timeout 10 "$BIN/devnet-mesh" watch -t 200ms "$api_of"
        [[ $output == *"$api_of/events: "* ]]
        end endless || true
    done
    answer_with headers bash -c 'printf "HTTP/1.1 200 OK\r\n"; exec yes "X: y"'
    run -1 timeout 10 "$BIN/devnet-mesh" watch -t 200ms "$api_of"
}
