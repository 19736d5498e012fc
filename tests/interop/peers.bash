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

# Starts a peer of a kind, js, go or rust, with a key that is in NAME.key, too, of so many times the
# same byte: start_peer NAME KIND BYTE [KEY-TYPE]. It speaks status.
start_peer() {
    local name=$1 kind=$2 type=${4:-secp256k1} seed input options
    seed=$(printf "$3%.0s" {1..32})
    options=(--seed "$seed" --key-type "$type" --status)
    printf '%s\n' "${type/#secp256k1/}:$seed" | sed 's/^://' > "$name.key"
    if [ "$kind" = js ]; then
        start_js "$name" "${options[@]}"
        return
    fi
    rm -f "$name.in"
    mkfifo "$name.in"
    "$BIN/interop/$kind-peer" "${options[@]}" < "$name.in" > "$name.out" 2> "$name.err" 3>&- &
    pid_of[$name]=$!
    exec {input}> "$name.in"
    input_of[$name]=$input
    seen "$name" 'e.event == "ready"' > /dev/null
}

# Starts a tap: start_tap NAME NODE..., and waits until it is ready.
start_tap() {
    local name=$1
    shift
    "$BIN/devnet-tap" "$@" > "$name.out" 2> "$name.err" 3>&- &
    pid_of[$name]=$!
    seen "$name" 'e.event == "ready"' > /dev/null
}

# The gossipsub versions of a peer that speaks VERSION at most: up_to VERSION.
up_to() {
    case $1 in
    1.2) echo 1.2,1.1,1.0 ;;
    1.1) echo 1.1,1.0 ;;
    *) echo "$1" ;;
    esac
}

# Starts our node: start_node NAME [OPTION...], and waits until it listens. It keeps its identity in
# NAME.key and its QUIC logs in NAME.qlog, over restarts too.
start_node() {
    local name=$1
    shift
    "$BIN/devnet-node" --listen /ip4/127.0.0.1/udp/0/quic-v1 --key "$name.key" --topic lean:block \
        --qlog "$name.qlog" "$@" > "$name.out" 2> "$name.err" 3>&- &
    pid_of[$name]=$!
    seen "$name" 'e.event == "ready"' > /dev/null
}

# Starts a relay to an address that adds 300 ms each way: start_relay NAME MULTIADDR. With it a dial
# takes long enough for another to begin meanwhile.
start_relay() {
    "$BIN/devnet-relay" --to "$2" --delay 300ms > "$1.out" 2> "$1.err" 3>&- &
    pid_of[$1]=$!
    seen "$1" 'e.event == "ready"' > /dev/null
}

# Asks our node's API: post NAME PATH JSON.
post() {
    curl --silent --show-error --fail-with-body --data "$3" "$(seen "$1" 'e.event == "ready"' e.api)$2"
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

# Ends our node NAME cleanly, then looks for orphaned streams in what it logged.
no_orphans() {
    end "$1"
    "$BIN/devnet-orphans" "$1.qlog"
}

# Waits until our node NAME and js-libp2p peer OTHER have each other in the mesh.
meshed() {
    seen "$1" "e.event == 'mesh_joined' && e.peer_id == '$(peer_id "$2")'"
    seen "$2" "e.event == 'graft' && e.peer_id == '$(peer_id "$1")'"
}

# Lets our node NAME and js-libp2p peer OTHER send each other a message: converse NAME OTHER [WORD],
# where WORD tells this conversation from earlier ones.
converse() {
    local to_js="${3:-hello} js" to_us="${3:-hello} us"
    post "$1" /publish "{\"topic\":\"lean:block\",\"text\":\"$to_js\"}"
    seen "$2" "e.event == 'message' && e.text == '$to_js'"
    tell "$2" "{\"command\":\"publish\",\"text\":\"$to_us\"}"
    seen "$1" "e.event == 'message' && Buffer.from(e.data, 'hex').toString() == '$to_us'"
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
        unset "pid_of[$name]"
    done
}

# The gossipsub streams that js counts, over all its connections: "INBOUND OUTBOUND".
meshsub_streams() {
    ask "$1" '{"command":"streams"}' streams '["inbound", "outbound"].map((direction) =>
        e.connections.flatMap((connection) => connection.streams).filter((stream) =>
            stream.protocol?.startsWith("/meshsub/") && stream.direction == direction).length
        ).join(" ")'
}
