#!/usr/bin/env bats
# devnet-tap where a process is killed or stopped: each of the others sees what it would see
# without the tap.

bats_require_minimum_version 1.5.0
load helpers.bash
load tap.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# Two nodes that give each other up soon: start_pair DIALLER LISTENER
start_pair() {
    local name
    for name in "$@"; do
        "$BIN/devnet" key new "$name.key" > /dev/null
        start_node "$name" --key "$name.key" --topic lean:block --idle-timeout 2s
    done
}

# How NAME's connection ended: the words, without times and names.
ending() {
    await "$1" '.event == "disconnected"' '{cause, code, said, application, by} | tojson'
}

@test "who is killed is missed by the others as without a tap: in silence" {
    start_pair a b
    start_pair c d
    api a /connect "{\"addr\":\"$(address b)\"}" > /dev/null
    api c /connect "{\"addr\":\"$(address d)\"}" > /dev/null
    start_pair e f
    start_pair g h
    start_tap e f g h
    tap_dial e f > /dev/null
    tap_dial g h > /dev/null
    for pair in "a b" "c d" "e f" "g h"; do
        # shellcheck disable=SC2086 # two words
        await_mesh $pair
    done
    for name in a d e h; do
        end "$name" KILL || true
    done
    # Of a dialler.
    [ "$(ending f)" = "$(ending b)" ]
    # Of a listener.
    [ "$(ending g)" = "$(ending c)" ]
    [[ $(ending g) == *'"cause":"idle_timeout"'* ]]
}

@test "a tap that is killed is missed by both its nodes in silence, which meet through the next" {
    start_pair a b
    start_tap a b
    tap_dial a b > /dev/null
    await_mesh a b
    end tap KILL || true
    [[ $(ending a) == *'"cause":"idle_timeout"'* ]]
    [ "$(ending a)" = "$(ending b)" ]
    local skipped
    skipped=$(lines_of a)
    start_tap a b
    tap_dial a b > /dev/null
    await a '.event == "mesh_joined"' . "$skipped"
}

# Ten messages of 1 MB, no two the same, in many0 to many9.
prepare_many() {
    local random i
    random=$(head -c 750000 /dev/urandom | base64 -w 0)
    for i in {0..9}; do
        printf '{"topic":"lean:block","text":"%d%s"}' "$i" "$random" > "many$i"
    done
}

kept() {
    api tap /metrics | awk '$1 == "devnet_tap_kept_bytes" { print $2 }'
}

has_heard() {
    [ "$(grep -c '"event":"message"' "$1.out")" -eq "$2" ]
}

@test "a receiver that is stopped under load bounds what a tap keeps, and hears all once it goes on" {
    for name in a b; do
        "$BIN/devnet" key new "$name.key" > /dev/null
        start_node "$name" --key "$name.key" --topic lean:block --idle-timeout 60s
    done
    start_tap a b
    tap_dial a b > /dev/null
    await_mesh a b
    prepare_many
    before=$(memory_of tap)
    send_signal b STOP
    api_many a /publish many? > published
    jq -es 'length == 10 and all(.receivers == 1)' published
    a_waits() { api a /mesh | jq -e '.peers[0].outbound_stream.unsent > 2000000' > /dev/null; }
    eventually a_waits
    # A stream's window, and not ten messages.
    keeps() { [ "$(kept)" -gt 50000 ]; }
    eventually keeps
    [ "$(kept)" -le $((2 << 20)) ]
    grown=$(($(memory_of tap) - before))
    echo "the tap keeps $(kept) bytes, and has grown by $grown kB"
    # A sanitizer keeps freed memory for a while, so sizes mean nothing under it.
    nm "$BIN/devnet-tap" | grep __asan_init > /dev/null || [ "$grown" -lt 8192 ]
    send_signal b CONT
    eventually has_heard b 10
    keeps_nothing() { [ "$(kept)" -eq 0 ]; }
    eventually keeps_nothing
}

nobody_connected() {
    api tap /connections | jq -e '.connections == []'
}

# Sends as many datagrams that look like a dial to the tap of b: noise COUNT.
noise() {
    printf '%s %s\n' "$1" "$(tapped b)" >&"$noise"
}

@test "noise that looks like a dial is let go, also as from the place of a node" {
    "$BIN/devnet" key new a.key > /dev/null
    "$BIN/devnet" key new b.key > /dev/null
    cat > noise.py << 'END'
import os, socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("127.0.0.1", 0))
print(sender.getsockname()[1], flush=True)
for line in open("noise.in"):
    count, address = line.split()
    for _ in range(int(count)):
        head = b"\xc3\0\0\0\1\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + b"\0\x44\x96"
        sender.sendto(head + os.urandom(0x496), ("127.0.0.1", int(address.split("/")[4])))
END
    mkfifo noise.in
    exec {noise}<> noise.in
    launch sender python3 noise.py
    eventually test -s sender.out
    start_node b --key b.key --topic lean:block
    # Known by its address: the listener is dialled, and answers.
    launch tap "$BIN/devnet-tap" "a=a.key,127.0.0.1:0,127.0.0.1:$(cat sender.out)" "b=b.key,127.0.0.1:0,$(address b)"
    await tap '.event == "ready"' > /dev/null
    noise 20
    await tap '.event == "closed" and .dialler == "a" and .listener == "b" and .connected == false'
    eventually nobody_connected
    # Of nobody known.
    end tap
    launch tap "$BIN/devnet-tap" a=a.key,127.0.0.1:0,127.0.0.1:9 "b=b.key,127.0.0.1:0,$(address b)"
    await tap '.event == "ready"' > /dev/null
    noise 1200 # more than there may be connections
    await tap '.event == "closed" and .dialler == null and .connected == false'
    eventually nobody_connected
    "$BIN/devnet-connect" --key a.key --topic lean:block "$(tapped b)"
    jq -es '[.[] | select(.event == "connected")] | length == 1' b.out
}
