#!/usr/bin/env bats
# Lost output is never success: every program and command, with a standard output that takes nothing
# (a full device, a pipe that nobody reads, none at all).
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash
load snapshots.bash

setup() {
    use_programs
    BIN=$(realpath "$BIN")
    unset DEVNET_DIR DEVNET_BIN
    LOGS=$(realpath "$BATS_TEST_DIRNAME/fixtures/qlogs/ngtcp2-download")
}

teardown() {
    if [ -e .devnet/devnet.json ]; then "$BIN/devnet" down --timeout 0s > /dev/null; fi
    end_all
}

# Runs a command with a standard output that is `full`, `unread` or `closed`, and whatever SIGPIPE
# does by default: into HOW COMMAND... A signal is handed on once: by itself timeout sends it to the
# command and to its group, and a node that is stopping ends by the second.
into() {
    timeout --foreground 20 python3 -c 'import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if sys.argv[1] == "full":
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
elif sys.argv[1] == "unread":
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)
else:
    os.close(1)
os.execv(sys.argv[2], sys.argv[2:])' "$@" < /dev/null
}

# Each of these must end with STATUS, and say why: lost STATUS PROGRAM ARGUMENT...
lost() {
    local expected=$1 program=$2 how
    shift 2
    for how in full unread closed; do
        local status=0
        into "$how" "$BIN/$program" "$@" > ignored 2> said || status=$?
        if [ "$status" -ne "$expected" ]; then
            echo "$program $* into $how: ended with $status" >&2
            cat said >&2
            return 1
        fi
        case $how in
        full) grep -Eq "^$program: (warn: )?standard output: .*No space left on device$" said ;;
        unread) grep -Eq "^$program: (warn: )?standard output: .*Broken pipe$" said ;;
        closed) grep -Eq "^$program: (warn: )?standard output: .*Bad file descriptor$" said ;;
        esac || { echo "$program $* into $how: $(cat said)" >&2; return 1; }
    done
}

@test "no program's help is lost without a word" {
    for program in devnet devnet-connect devnet-node devnet-relay devnet-tap; do
        for form in --help --help=man --help=bash --version; do lost 1 "$program" "$form"; done
    done
    for program in devnet-mesh devnet-orphans; do
        for form in --help --help=man --help=bash --version; do lost 2 "$program" "$form"; done
    done
}

@test "what devnet-mesh finds is not lost without a word" {
    snapshot 3
    jq '.nodes[0].agent = "y"' sound.json > other.json
    start_node a --topic lean:block
    for command in 'dump sound.json' 'dump --text sound.json' 'diff sound.json other.json' \
        'diff --json sound.json sound.json' 'check sound.json' 'check --json sound.json' \
        'graph sound.json' 'graph --json sound.json' 'graph --html page.html --dot sound.json' \
        "dump $(ready a .api)" "watch --for 10s --json $(ready a .api)"; do
        # shellcheck disable=SC2086 # words
        lost 2 devnet-mesh $command
    done
    # Where there is nothing to tell, nothing is lost.
    into closed "$BIN/devnet-mesh" diff sound.json sound.json
}

@test "watch ends when its reader goes, and not only when there is something to tell" {
    start_node a --topic lean:block
    run -2 into unread "$BIN/devnet-mesh" watch "$(ready a .api)"
    [[ $output == *"devnet-mesh: standard output: Broken pipe" ]]
}

@test "what devnet-orphans finds is not lost without a word" {
    for option in '' --json --stats --verbose '--follow --timeout 100ms' \
        '--follow --json --timeout 100ms'; do
        # shellcheck disable=SC2086 # words
        lost 2 devnet-orphans $option "$LOGS"
    done
}

@test "what devnet-connect finds is not lost without a word" {
    start_node a --topic lean:block
    start_node b --topic lean:block
    for option in '' --json '--until handshake' "--from $(ready a .api)" \
        "--json --from $(ready a .api)"; do
        # shellcheck disable=SC2086 # words
        lost 1 devnet-connect $option "$(address b)"
    done
}

@test "a relay and a node say so" {
    lost 1 devnet-relay --to 127.0.0.1:9
    for how in full unread closed; do
        : > said # of what the one before has said
        into "$how" "$BIN/devnet-node" 2> said &
        node=$!
        eventually grep -q "warn: standard output: no more events are printed: " said
        kill "$(pgrep --parent "$node" --full devnet-node || echo "$node")"
        status=0
        wait "$node" || status=$?
        [ "$status" -eq 1 ]
    done
}

@test "no command of devnet loses what it tells" {
    for how in full unread closed; do
        run -1 into "$how" "$BIN/devnet" key new "$how.key"
        [[ $output == *"devnet: standard output: "* ]]
    done
    "$BIN/devnet" key new our.key > made
    lost 1 devnet key show our.key
    lost 1 devnet key show --json our.key
    "$BIN/devnet" up > started
    echo "a line" >> .devnet/node1/log
    lost 1 devnet status
    lost 1 devnet status --json
    lost 1 devnet logs
    lost 1 devnet logs --events node1
    lost 1 devnet logs --follow
    for how in full unread closed; do
        run -1 into "$how" "$BIN/devnet" down
        [[ $output == *"devnet: standard output: "* ]]
        run -1 into "$how" "$BIN/devnet" up
        [[ $output == *"devnet: standard output: "* ]]
        [ ! -e .devnet/devnet.json ]
        "$BIN/devnet" up > started
    done
}

@test "logs --follow ends when its reader goes, and not only when there is more to show" {
    "$BIN/devnet" up > started
    : > .devnet/node1/log
    : > .devnet/node2/log
    run -1 into unread "$BIN/devnet" logs -f
    [[ $output == "devnet: standard output: Broken pipe" ]]
    # One that goes later.
    mkfifo pipe
    "$BIN/devnet" logs -f node1 > pipe 2> said 3>&- &
    follower=$!
    exec {reader}< pipe
    echo first >> .devnet/node1/log
    read -r line <&"$reader"
    [ "$line" = first ]
    exec {reader}<&-
    status=0
    wait "$follower" || status=$?
    [ "$status" -eq 1 ]
}
