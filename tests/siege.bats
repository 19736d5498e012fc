#!/usr/bin/env bats
# Many strangers at once, and those who write into the path between two honest nodes: what is kept for
# them is bounded, and nobody else notices.
# shellcheck disable=SC2030,SC2031,SC2317 # each test is a subshell, as it should be; conditions are called by name
# shellcheck disable=SC2154 # victim.bash sets victim, port and meshsub

bats_require_minimum_version 1.5.0
load helpers.bash
load victim.bash
load tap.bash

# A value of NAME's page of metrics: metric NAME SERIES.
metric() {
    api "$1" /metrics | awk -v series="$2" '$1 == series { printf "%d\n", $2 }'
}

# Microseconds of CPU time that node a has had.
cpu_of_a() {
    awk '{ print int($1 / 1000) }' "/proc/${pid_of[a]}/schedstat"
}

# Waits until none of the others has a hundred processes or a flood: each is to be an attack on one
# node, and not on the machine.
alone() {
    exec {turn}> "$BATS_FILE_TMPDIR/turn"
    flock "$turn"
}

@test "ten thousand handshakes that are left half-open cost little, and an honest dial goes through" {
    alone
    start_victim
    start=$(cpu_of_a)
    run -0 hostile --times 30 "$victim" rest:1
    handshake=$((($(cpu_of_a) - start) / 30))
    before=$(memory_of a) start=$(cpu_of_a)
    launch flood "$TOOLS/half_open" "$victim" 10000
    under_flood() { [ "$(metric a devnet_retries_total)" -gt 1000 ]; }
    eventually under_flood
    "$BIN/devnet-connect" --until mesh "$victim" > honest.out
    meanwhile=$(metric a devnet_retries_total)
    ended flood
    hello=$((($(cpu_of_a) - start) / 10000))
    retries=$(metric a devnet_retries_total)
    echo "$retries Retry packets, $meanwhile by the time that the dial was through;" \
        "$hello us a ClientHello, $handshake us a handshake"
    ((meanwhile < retries))
    # All but 32 half-open ones at a time: those go after ten seconds.
    ((retries >= 9000))
    ((4 * hello < handshake))
    check_victim
    grew_less_than $((32 * 128)) "$before"
}

@test "two thousand half-open handshakes with a tap leave its nodes their way to each other" {
    tap_nodes a b
    retries() { api tap /metrics | awk '$1 == "devnet_tap_retries_total{node=\"b\"}" { print $2 }'; }
    launch flood "$TOOLS/half_open" "$(tapped b)" 2000
    under_flood() { [ "$(retries)" -gt 100 ]; }
    eventually under_flood
    tap_dial a b
    await_mesh a b
    ended flood
    # All but half of the table: who has proven its address is still taken.
    (($(retries) >= 1000))
    jq -e '.retries > 0' flood.out # a sender that is slow to read loses some
}

@test "packets that are forged without keys do not touch a connection" {
    start_victim
    launch forger "$TOOLS/forger" 127.0.0.1 "$port"
    eventually [ -s forger.out ]
    forged=/ip4/127.0.0.1/udp/$(head -n 1 forger.out)/quic-v1/p2p/$(peer_id a)
    start_node b --bootnode "$forged" --heartbeat 100ms
    await_mesh a b
    for i in 1 2 3; do
        id=$(api b /publish "{\"topic\":\"lean:block\",\"text\":\"from b $i\"}" | jq -r .id)
        await a ".event == \"message\" and .id == \"$id\"" > /dev/null
        id=$(api a /publish "{\"topic\":\"lean:block\",\"text\":\"from a $i\"}" | jq -r .id)
        await b ".event == \"message\" and .id == \"$id\"" > /dev/null
    done
    run ! has_printed a '.event == "disconnected" or .event == "accept_failed"'
    run ! has_printed b '.event == "disconnected" or .event == "dial_failed"'
    end forger
    [ "$(tail -n 1 forger.out)" -gt 100 ]
    end b
}

@test "two nodes that do not know each other's connection stay within their budget of resets" {
    start_node a --heartbeat 100ms
    where=$(address a)
    launch relay "$BIN/devnet-relay" --to "${where%/p2p/*}" --duplicate 100
    await relay '.event == "ready"'
    start_node b --key b.key --heartbeat 100ms --bootnode "$(ready relay .listen)/p2p/$(peer_id a)"
    await_mesh a b
    listen=$(address b)
    end b KILL || true
    start_node b --key b.key --heartbeat 100ms --listen "${listen%/p2p/*}"
    start=${EPOCHREALTIME/./}
    # A server has no reset token of a client's first connection id: it answers that reset by its own.
    api a /publish '{"topic":"lean:block","text":"are you there?"}' | jq -e '.receivers == 1'
    withheld() { [ "$(metric "$1" devnet_stateless_resets_withheld_total)" -gt 0 ]; }
    for name in a b; do
        eventually withheld "$name"
        sent=$(metric "$name" devnet_stateless_resets_total)
        limit=$((100 + (${EPOCHREALTIME/./} - start) / 10000))
        echo "$name: $sent resets of $limit"
        ((sent > 0 && sent <= limit))
    done
}

# What hostile peers do, a way a line; each is done by some of them at the same time.
ways() {
    cat << END
open propose:$meshsub hex:ffff01 rest:200 die
open propose:$meshsub hex:020aff wait:closed
open propose:$meshsub hex:81808005 zeros:300000 wait:closed
open propose:$meshsub ids:ihave:10000 ids:ihave:20000 wait:closed
open propose:$meshsub ids:iwant:20000 wait:closed
open propose:$meshsub repeat:100000:00 rest:500 close
open hex:ff7f wait:end open hex:13 rest:200 die
open propose:/ipfs/id/push/1.0.0 zeros:300000 wait:end close
open propose:/leanconsensus/req/status/1/ssz_snappy zeros:300000 wait:end close
open propose:/ipfs/ping/1.0.0 zeros:300000 rest:300 die
END
}

all_meshed() {
    [ "$(grep -l '"mesh_joined"' honest*.out | wc -l)" -eq "$1" ]
}

# All of them got the message of each of the others.
all_delivered() {
    jq -r 'select(.event == "message") | .id' a.out honest*.out | sort | uniq -c |
        awk -v count="$1" '$1 == count { delivered++ } END { exit delivered != count }'
}

@test "a hundred hostile peers cost fifty honest ones neither their connection nor a message" {
    alone
    start_node a --heartbeat 200ms --d-low 50 --d 50 --d-high 60
    for i in {1..50}; do
        launch "honest$i" "$BIN/devnet-node" --heartbeat 200ms --bootnode "$(address a)"
    done
    DEADLINE=40 eventually all_meshed 50
    hostile_ones=()
    while read -ra steps; do
        for i in {1..10}; do
            "$TOOLS/hostile" "$(address a)" "${steps[@]}" &> /dev/null < /dev/null 3>&- &
            hostile_ones+=($!)
        done
    done < <(ways)
    sed -n 's/.*"api":"\([^"]*\)".*"ready".*/\1/p' honest*.out | while read -r url; do
        printf '%s\n' next silent "url = $url/publish" \
            "data = {\"topic\":\"lean:block\",\"text\":\"${url##*:}\"}"
    done | tail -n +2 > curl.config
    curl --config curl.config > published
    DEADLINE=40 eventually all_delivered 50
    wait "${hostile_ones[@]}" || true
    [ -z "$(jq -c 'select(.event == "disconnected")' honest*.out)" ]
    [ "$(jq -c 'select(.event == "connected")' a.out | wc -l)" -eq 150 ]
}

# The sanitizers' programs have memory of their own.
is_sanitized() {
    nm "$BIN/devnet-node" | grep __asan_init > /dev/null
}

arrived_is() {
    has_printed a ".event == \"message\" and .id == \"$1\""
}

# The most that node a has had in memory so far, in kB.
most_of_a() {
    awk '/^VmHWM/ { print $2 }' "/proc/${pid_of[a]}/status"
}

# Something has been held back of the peers, and some of it was given up.
holds_back() {
    [ "$(metric a devnet_gossipsub_streams_given_up_total)" -gt 0 ]
}

has_peers() {
    [ "$(api a /mesh | jq '.peers | length')" -eq "$1" ]
}

@test "a hundred peers that hold parts of large RPCs do not fill the memory, and an honest one passes" {
    alone
    start_victim
    start=$(memory_of a)
    part=(open "propose:$meshsub" part:10380902)
    hostile_ones=()
    for i in {1..100}; do
        "$TOOLS/hostile" "$(address a)" "${part[@]}" "${part[@]}" "${part[@]}" "${part[@]}" rest:60000 \
            &> /dev/null < /dev/null 3>&- &
        hostile_ones+=($!)
        disown $!
    done
    DEADLINE=60 eventually has_peers 101
    eventually holds_back
    # 10 MiB with its topic and lengths; random bytes are not compressed.
    { printf '{"topic":"lean:block","data":"' && head -c 10480000 /dev/urandom | hex_of && printf '"}'; } > body
    id=$(api good /publish @body | jq -r .id)
    DEADLINE=40 eventually arrived_is "$id"
    grew_less_than 110000 "$start"
    most=$(most_of_a)
    budget=$(metric a devnet_budget_bytes) kept=$(metric a 'devnet_kept_bytes{of="rpcs"}')
    echo "at most $most kB; $kept of RPCs, $budget of budget"
    # That of everybody, and what each may hold of its own.
    ((kept <= budget + 100 * 384 * 1024))
    kill -KILL "${hostile_ones[@]}" 2> /dev/null || true
    is_small() { grew_less_than 10000 "$start" > /dev/null; }
    eventually is_small
    # Half an idle timeout until it asks once more, and then a whole one: 45 s, if it is not busy.
    DEADLINE=90 eventually has_peers 1
    grep -F 'and they do not go on' a.err > /dev/null
    is_sanitized || ((most < 128000))
}

@test "an RPC of ten megabytes of tiny entries costs its size in memory, and others are served meanwhile" {
    start_victim
    before=$(memory_of a)
    # 10 MiB of empty fields that nobody knows, and of ids that nobody has.
    launch tiny "$TOOLS/hostile" "$victim" open "propose:$meshsub" hex:80808005 repeat:5242880:7800 \
        open propose:/ipfs/ping/1.0.0 zeros:32 wait:data close
    launch ids "$TOOLS/hostile" "$victim" open "propose:$meshsub" hex:80808005 hex:1afbffff0412f6ffff04 \
        repeat:5242875:0a00 open propose:/ipfs/ping/1.0.0 zeros:32 wait:answer rest:100
    check_victim
    ended tiny
    ended ids || true # they are far over the limits
    echo "$before kB before, at most $(most_of_a) kB"
    is_sanitized || (($(most_of_a) - before < 60000))
}

# Joins the mesh, and reads nothing: launch_silent NAME.
launch_silent() {
    launch "$1" "$TOOLS/hostile" --no-credit "$victim" open "propose:$meshsub" \
        "hex:2e0a2c08011228$(printf %s /leanconsensus/12345678/block/ssz_snappy | hex_of)" \
        accept "answer:$meshsub" rest:110000
    DEADLINE=30 eventually has_joined "$2"
}

has_joined() {
    [ "$(jq -c 'select(.event == "mesh_joined") | .peer_id' a.out | sort -u | wc -l)" -eq "$1" ]
}

has_beaten() {
    [ "$(metric a devnet_heartbeats_total)" -ge "$1" ]
}

good_has() {
    [ "$(grep -c '"event":"message"' good.out)" -eq "$1" ]
}

@test "peers that read nothing, one after the other, do not fill the memory with what waits for them" {
    start_victim
    random=$(head -c 750000 /dev/urandom | base64 -w 0)
    for i in {1..90}; do
        printf '{"topic":"lean:block","text":"%04d%s"}' "$i" "$random" > "request$i"
    done
    for i in 1 2 3; do
        launch_silent "silent$i" $((i + 1))
        beats=$(metric a devnet_heartbeats_total)
        # Each takes some; the good one all, as fast as it reads.
        for ((j = 30 * i - 29; j <= 30 * i; j++)); do
            api a /publish "@request$j" > /dev/null
            DEADLINE=30 eventually good_has "$j"
            # It has taken what it will, and stands.
            if ((j % 30 == 4)); then eventually has_beaten $((beats + 20)); fi
        done
    done
    kept=$(metric a 'devnet_kept_bytes{of="messages"}') budget=$(metric a devnet_budget_bytes)
    echo "$kept bytes of messages, $budget of budget"
    # The first fills the budget, the others have a fourth and a fifth of it; beside that is what the
    # cache keeps for a few heartbeats. 90 MB would be.
    ((kept < 2 * budget))
    api a /mesh | jq -e '.peers | map(.left_out.messages) | sort | .[0] == 0 and .[1] > 0'
    for i in 1 2 3; do end "silent$i" KILL || true; done
}
