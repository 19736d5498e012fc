# Peers for the tests of tests/interop.bats: js-libp2p and our own node, each under a name.
# What NAME prints is in NAME.out and NAME.err.
# shellcheck shell=bash

JS=$BATS_TEST_DIRNAME/interop/js
NODE=$JS/node_modules/.bin/node
declare -gA pid_of input_of # global: bats loads this from within a function

require_js() {
    if [ ! -x "$NODE" ]; then skip "js-libp2p is not installed: make interop"; fi
}

# Starts a js-libp2p peer: start_js NAME [OPTION...], and waits until it listens.
start_js() {
    local name=$1 input
    shift
    rm -f "$name.in"
    mkfifo "$name.in"
    "$NODE" "$JS/peer.mjs" "$@" < "$name.in" > "$name.out" 2> "$name.err" 3>&- &
    pid_of[$name]=$!
    exec {input}> "$name.in"
    input_of[$name]=$input
    seen "$name" 'e.event == "ready"' > /dev/null
}

# Gives a js-libp2p peer a command: tell NAME JSON.
tell() {
    printf '%s\n' "$2" >&"${input_of[$1]}"
}

# Waits until a peer has printed an object `e` for which a condition holds, and prints it, or the
# value of an expression: seen NAME CONDITION [EXPRESSION [SKIPPED-LINES]].
seen() {
    "$NODE" "$JS/await.mjs" "$1.out" "$2" "${3:-e}" "${4:-0}"
}

# Gives a command and prints the value of an expression over the event that answers it:
# ask NAME JSON EVENT EXPRESSION.
ask() {
    local before
    before=$(wc -l < "$1.out")
    tell "$1" "$2"
    seen "$1" "e.event == '$3'" "$4" "$before"
}

address() {
    seen "$1" 'e.event == "ready"' 'e.listen[0]'
}

peer_id() {
    seen "$1" 'e.event == "ready"' 'e.peer_id'
}

# Ends a peer by a signal (default TERM); returns its exit status.
end() {
    local status=0
    kill -s "${2:-TERM}" "${pid_of[$1]}"
    wait "${pid_of[$1]}" || status=$?
    unset "pid_of[$1]"
    return "$status"
}

end_all() {
    local name
    for name in "${!pid_of[@]}"; do
        kill -KILL "${pid_of[$name]}" 2> /dev/null || true
        wait "${pid_of[$name]}" 2> /dev/null || true
    done
}

# The gossipsub streams that js counts, over all its connections: "INBOUND OUTBOUND".
meshsub_streams() {
    ask "$1" '{"command":"streams"}' streams '["inbound", "outbound"].map((direction) =>
        e.connections.flatMap((connection) => connection.streams).filter((stream) =>
            stream.protocol?.startsWith("/meshsub/") && stream.direction == direction).length
        ).join(" ")'
}
