# Nodes with a tap between them, for shell tests: beside helpers.bash.
# shellcheck shell=bash

# Starts nodes with keys of their own and a tap before each: tap_nodes NAME... The tap is called tap,
# and what $TAP_OPTIONS and the array
# tap_rules hold is given to it.
tap_nodes() {
    local name
    for name in "$@"; do
        "$BIN/devnet" key new "$name.key" > /dev/null
        start_node "$name" --key "$name.key" --topic lean:block
    done
    start_tap "$@"
}

# The tap alone, before nodes that are there.
start_tap() {
    local name nodes=()
    for name in "$@"; do
        nodes+=("$name=$name.key,127.0.0.1:0,$(address "$name")")
    done
    # shellcheck disable=SC2086 # words
    launch tap "$BIN/devnet-tap" $TAP_OPTIONS "${tap_rules[@]}" "${nodes[@]}"
    await tap '.event == "ready"' > /dev/null
}

# Where NAME is dialled through the tap.
tapped() {
    ready tap ".nodes[] | select(.name == \"$1\").address"
}

# A dials B through the tap: tap_dial A B [UNTIL].
tap_dial() {
    api "$1" /connect "{\"addr\":\"$(tapped "$2")\",\"until\":\"${3:-mesh}\"}"
}
