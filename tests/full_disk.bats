#!/usr/bin/env bats
# Where a file can take no more, programs say which and why, and end as they say they do.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    FIXTURES=$BATS_TEST_DIRNAME/fixtures
}

teardown() {
    end_all
}

# Runs a command that may make no file larger than KB kilobytes, 0 for nothing at all, with its
# standard output in the file `printed`: limited KB STATUS COMMAND [ARGUMENT...].
limited() {
    local kilobytes=$1 expected=$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    run "-$expected" bash -c 'ulimit -f "$1"; shift; exec "$@" > printed' - "$kilobytes" "$@"
}

@test "a standard output that has grown to its limit is told, and no program dies of it" {
    local full="standard output: File too large" snapshot="$FIXTURES"/../bench/snapshot.jq
    jq -n --argjson nodes 2 --argjson topics 1 --argjson shift 0 -f "$snapshot" > mesh.json
    start_node a
    programs=("$BIN"/devnet-*)
    [ "${#programs[@]}" -ge 6 ]
    for program in "${programs[@]}"; do
        # Where 1 is an answer, trouble is 2.
        limited 0 "$([[ $program = */devnet-[om]* ]] && echo 2 || echo 1)" "$program" --help
        [ "$output" = "$(basename "$program"): $full" ]
    done
    limited 0 1 "$BIN/devnet" --version
    [ "$output" = "devnet: $full" ]
    limited 0 1 "$BIN/devnet-connect" "$(address a)"
    [ "$output" = "devnet-connect: $full" ]
    limited 0 2 "$BIN/devnet-orphans" "$FIXTURES/qlogs/ngtcp2-download"
    [[ $output == *"devnet-orphans: $full" ]]
    for command in 'check mesh.json' 'graph --json mesh.json' \
        "dump $(ready a .api)"; do
        # shellcheck disable=SC2086 # words
        limited 0 2 "$BIN/devnet-mesh" $command
        [[ $output == *"devnet-mesh: $full" ]]
    done
    limited 0 2 "$BIN/devnet-mesh" dump --text "$(ready a .api)"
    [[ $output == *"devnet-mesh: standard output: "* ]]
    limited 0 1 "$BIN/devnet-relay" --to 127.0.0.1:9
    [ "$output" = "devnet-relay: $full" ]
}

# NAME, told to end, ends with 1: something was lost.
fails() {
    local status=0
    end "$1" || status=$?
    [ "$status" -eq 1 ]
}

@test "a node that can print no more events says so once, and goes on" {
    # shellcheck disable=SC2016 # for the inner shell
    launch a bash -c 'ulimit -f 1; exec "$0"' "$BIN/devnet-node"
    await a '.event == "ready"'
    for _ in 1 2 3; do "$BIN/devnet-connect" "$(address a)"; done
    [ "$(cat a.err)" = "devnet-node: warn: standard output: no more events are printed: File too large" ]
    api a /health | jq -e '.status == "ok"'
    fails a
}

@test "a log that is cut short makes an exit status of 1 of a connection that succeeded" {
    start_node a
    run -1 "$BIN/devnet-connect" --json --until handshake --keylog /dev/full "$(address a)"
    loss="/dev/full: the log of TLS secrets ends here: No space left on device"
    [ "$(tail -n 1 <<< "$output")" = "devnet-connect: $(address a): $loss" ]
    head -n -1 <<< "$output" | jq -e --arg loss "$loss" \
        '.reached == "handshake" and .exit == 1 and .error == $loss'

    limited 1 1 "$BIN/devnet-connect" --until handshake --qlog q "$(address a)"
    [ "$(wc -l <<< "$output")" -eq 1 ]
    log=$(echo q/*_client.sqlog)
    [[ $output == "devnet-connect: "*": $log: the QUIC log ends here: File too large" ]]
    [ "$(stat --format %s "$log")" -eq 1024 ]
    grep -q '^ok .*handshake' printed

    # What failed anyway keeps its exit status, and both are told.
    run -8 "$BIN/devnet-connect" --network other --keylog /dev/full "$(address a)"
    [ "$(grep -c "^devnet-connect: $loss$" <<< "$output")" -eq 1 ]
    [[ $output == *"devnet-connect: $(address a): "* ]]
}

@test "a node whose logs are cut short warns once, counts, and goes on" {
    # shellcheck disable=SC2016 # for the inner shell
    launch a bash -c 'ulimit -f 1; exec "$0" "$@"' "$BIN/devnet-node" --qlog q --keylog /dev/full
    await a '.event == "ready"'
    for _ in 1 2 3; do "$BIN/devnet-connect" --until handshake "$(address a)"; done
    losses() { api a /metrics | awk '$1 == "devnet_log_losses_total" { print $2 }'; }
    all_are_counted() { [ "$(losses)" -ge 4 ]; } # three logs, and the secrets once
    eventually all_are_counted
    [ "$(grep -c "ends here" a.err)" -eq 1 ]
    grep -q "warn: .*ends here: \(File too large\|No space left on device\)$" a.err
    fails a
}

# Runs a command where `small` is a file system of 16 kB, which nobody else sees.
on_small_disk() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --map-root-user bash -c \
        'mkdir -p small && mount -t tmpfs -o size=16k none small && exec "$@"' - "$@"
}

@test "a disk that is full is told with the name that was asked for, and leaves nothing" {
    start_node a
    on_small_disk true || skip "needs namespaces of its own"
    # shellcheck disable=SC2016 # for the inner shell
    run -1 on_small_disk bash -c 'head -c 12000 /dev/zero > small/zero; exec "$@"' - \
        "$BIN/devnet-connect" --qlog small "$(address a)"
    [[ $output == *"devnet-connect: "*": small/"*"_client.sqlog: the QUIC log ends here: No space left on device" ]]
    # A key, a page and a snapshot are made under another name first.
    # shellcheck disable=SC2016 # for the inner shell
    full='head -c 16384 /dev/zero > small/zero; "$@"; status=$?; ls small >&2; exit $status'
    run -1 on_small_disk bash -c "$full" - "$BIN/devnet" key new small/key
    [ "$output" = $'devnet: small/key: cannot make the key file: No space left on device\nzero' ]
    run -2 on_small_disk bash -c "$full" - "$BIN/devnet-mesh" dump -o small/mesh.json "$(ready a .api)"
    [ "$output" = $'devnet-mesh: small/mesh.json: cannot write: No space left on device\nzero' ]
    run -2 --separate-stderr on_small_disk bash -c "$full" - "$BIN/devnet-orphans" \
        --html small/page.html "$FIXTURES/qlogs/ngtcp2-download"
    [[ $stderr == *$'devnet-orphans: small/page.html: cannot write: No space left on device\nzero' ]]
    run -1 on_small_disk bash -c "$full" - "$BIN/devnet" --dir small/dir up
    [[ $output == "devnet: $PWD/small/dir/devnet.json: cannot write: No space left on device"* ]]
}

@test "what is started and cannot be written down is ended, so that nothing runs unknown" {
    on_small_disk true || skip "needs namespaces of its own"
    cat > unknown.sh <<- 'E'
		mount -t tmpfs -o size=300k none small
		devnet() { "$BIN/devnet" --dir small/dir "$@"; }
		devnet up -n 2 --connect none > /dev/null
		devnet stop node1
		head -c 1M /dev/zero > small/zero
		for command in 'start node1' 'start node1' 'restart node2'; do
		    devnet $command
		    echo "$command ended with $?"
		done
		rm small/zero
		pgrep --full -- "--key $PWD/small/dir/node[12]/key" && echo "that is left"
		devnet down
	E
    export BIN
    run on_small_disk bash unknown.sh
    full="devnet: $PWD/small/dir/devnet.json: cannot write: No space left on device"
    grep -v 'head: ' <<< "$output" > said
    diff said - <<- E
		node1 stopped
		$full
		node1 stopped
		start node1 ended with 1
		$full
		node1 stopped
		start node1 ended with 1
		node2 stopped
		$full
		node2 stopped
		restart node2 ended with 1
		node1 was not running
		node2 was not running
	E
}
