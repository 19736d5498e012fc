# What a tap between two nodes costs, beside the same without it: for tests/bench/run, whose functions
# and variables it uses.
# shellcheck shell=bash
# shellcheck disable=SC2154 # top, BIN, runs, delay, js and pid_of are the bench's
# shellcheck disable=SC2034 # so is failed

tap_connections=50 tap_pairs=5 tap_messages=1000

# As row, of what may not be under BOUND: at_least WHAT MEASURED UNIT EXPECTED BOUND.
at_least() {
    local verdict=
    if over "$5" "$2"; then
        verdict="  MISSED: under $5"
        failed=1
    fi
    printf '%-58s %8s %-12s %s%s\n' "$1" "$2" "$3" "$4" "$verdict"
}

# A key file of 64 times the same digit: make_key FILE DIGIT.
make_key() {
    printf "$2%.0s" {1..64} > "$1"
    chmod 600 "$1"
}

# start_tap NODE...
start_tap() {
    start tap "$BIN/devnet-tap" "$@"
    eventually grep -q '"ready"' tap.out
}

tapped() {
    ready tap ".nodes[] | select(.name == \"$1\").address"
}

# Without its peer id.
bare() {
    echo "${1%/p2p/*}"
}

# A UDP port that was free a moment ago.
free_port() {
    start port "$BIN/tests/tools/udp" echo 127.0.0.1
    eventually test -s port.out
    stop port
    cat port.out
}

# ---- time to mesh ----

# Milliseconds until mesh at a dialler that has a key: mesh_ms ADDRESS [OPTION...]
mesh_ms() {
    "$BIN/devnet-connect" --json --key dialler.key "${@:2}" "$1" 2> connect.err |
        jq '.steps[] | select(.step == "mesh").ms'
}

# The median of what a tap adds, in round trips of the path: added ROUND-TRIP. A line of mesh.added has
# milliseconds without and with it.
added() {
    awk '{ print $2 - $1 }' mesh.added | median | awk -v rtt="$1" '{ printf "%.2f", $1 / rtt }'
}

measure_tap_mesh() {
    local i port from target direct
    make_key dialler.key 3
    make_key listener.key 4
    start_node listener --key listener.key
    target=$(ready listener '.listen[0]')
    start_relay far "$target" --delay "$delay"
    direct=$(through far "$target")
    port=$(free_port)
    from="--listen /ip4/127.0.0.1/udp/$port/quic-v1"
    start_tap "a=dialler.key,127.0.0.1:0,127.0.0.1:$port" "b=listener.key,127.0.0.1:0,$(bare "$direct")"
    # shellcheck disable=SC2086 # two words
    for ((i = 0; i < runs; i++)); do
        echo "$(mesh_ms "$direct" $from) $(mesh_ms "$(tapped b)" $from)"
    done > mesh.added
    row "mesh through a tap beside the dialler, known by its port" "$(added "$1")" "round trips" \
        "more than directly, under 1 expected" 1
    for ((i = 0; i < runs; i++)); do
        echo "$(mesh_ms "$direct") $(mesh_ms "$(tapped b)")"
    done > mesh.added
    row "the same, known by its certificate" "$(added "$1")" "round trips" "under 1 expected" 1
    stop tap
    start_tap a=dialler.key,127.0.0.1:0,127.0.0.1:1 "b=listener.key,127.0.0.1:0,$(bare "$target")"
    start_relay near "$(tapped b)" --delay "$delay"
    for ((i = 0; i < runs; i++)); do
        echo "$(mesh_ms "$direct") $(mesh_ms "$(through near "$(tapped b)")")"
    done > mesh.added
    row "the same through a tap beside the listener" "$(added "$1")" "round trips" \
        "under 1 expected" 1
    stop near
    stop tap
    stop far
    stop listener
}

# ---- messages ----

# Has messages sent, and prints what became of them: flow ADDRESS MESSAGES RATE
flow() {
    local before
    before=$(wc -l < flow.out)
    echo "$*" >&"$flow_input"
    eventually_long eval "[[ \$(wc -l < flow.out) -gt $before ]]"
    tail -n 1 flow.out
}

# As eventually, for two minutes.
eventually_long() {
    local deadline=$((SECONDS + 120))
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# Messages a second at full speed, and the parts of a run's answer.
full_speed() {
    flow "$1" "$tap_messages" 0 | jq '.received / .wall_ms * 1000'
}

start_flow() {
    mkfifo flow.in
    : > flow.out
    "$BIN/tests/tools/paced_flow" "$1" < flow.in > flow.out 2> flow.err &
    pid_of[flow]=$!
    exec {flow_input}> flow.in
    eventually test -s flow.out
    make_key publisher.key 1
    make_key receiver.key 2
    start_tap "a=publisher.key,127.0.0.1:0,$(bare "$(ready flow .publisher)")" \
        "b=receiver.key,127.0.0.1:0,$(bare "$(ready flow .receiver)")"
}

# In pairs; of delays, which other work on the machine adds to, the least counts.
measure_tap_flow() {
    local i direct tapped half
    start_flow 102400
    direct=$(ready flow .receiver)
    tapped=$(tapped b)
    for ((i = 0; i < tap_pairs; i++)); do
        echo "$(full_speed "$direct") $(full_speed "$tapped")"
    done > speeds
    at_least "messages of 100 KB a second at full speed, beside directly" \
        "$(awk '{ print $2 / $1 }' speeds | median | xargs printf '%.2f')" "times" \
        "0.25 or more expected: $(cut -d ' ' -f 2 speeds | median | xargs printf '%.0f') and $(
            cut -d ' ' -f 1 speeds | median | xargs printf '%.0f')" 0.25
    half=$(cut -d ' ' -f 1 speeds | median | awk '{ print $1 / 2 }')
    for ((i = 0; i < tap_pairs; i++)); do
        echo "$(flow "$direct" "$tap_messages" "$half")$(flow "$tapped" "$tap_messages" "$half")"
    done | jq -rs '_nwise(2) | "\(.[0].median_us) \(.[1].median_us) \(.[1].messages - .[1].received) " +
        "\(.[1].received / .[1].wall_ms * 1000)"' > delays
    direct=$(cut -d ' ' -f 1 delays | sort -n | head -n 1)
    tapped=$(cut -d ' ' -f 2 delays | sort -n | head -n 1)
    row "their median delay at half the direct full speed" \
        "$(awk -v a="$direct" -v b="$tapped" 'BEGIN { printf "%.2f", (b - a) / 1000 }')" "ms" \
        "more than directly ($(ratio "$direct" 1000) ms), at most 1 expected" 1
    row "lost of $((tap_pairs * tap_messages)) such messages" \
        "$(awk '{ n += $3 } END { print n }' delays)" "messages" "none expected; $(
            cut -d ' ' -f 4 delays | median | xargs printf '%.0f') a second came" 0
    echo end >&"$flow_input"
    exec {flow_input}>&-
    wait "${pid_of[flow]}" || true
    unset 'pid_of[flow]'
    stop tap
}

# ---- memory ----

tap_has() {
    [[ $(curl --silent --fail "$(ready tap .api)/health" | jq .connections) -eq $1 ]]
}

measure_tap_memory() {
    local i idle nodes=()
    start_node listener --key listener.key
    for ((i = 1; i <= tap_connections; i++)); do
        printf '%064x\n' "$i" > "key$i"
        chmod 600 "key$i"
        nodes+=("n$i=key$i,127.0.0.1:0,127.0.0.1:$i")
    done
    start_tap "b=listener.key,127.0.0.1:0,$(bare "$(ready listener '.listen[0]')")" "${nodes[@]}"
    idle=$(resident_kb tap)
    for ((i = 1; i <= tap_connections; i++)); do
        start "peer$i" "$BIN/devnet-connect" --key "key$i" --until streams --hold 10m --timeout 60s "$(tapped b)"
        if ((i % 10 == 0)); then eventually_long tap_has "$i"; fi
    done
    row "memory of a tap for each of $tap_connections connections" \
        "$(ratio $(($(resident_kb tap) - idle)) "$tap_connections")" "kB" \
        "under 300 expected; $((idle / (tap_connections + 1))) kB a node before" 300
    for ((i = 1; i <= tap_connections; i++)); do stop "peer$i"; done
    stop tap
    stop listener
}

# Five nodes in full mesh, of as many implementations as are built.
measure_tap_mesh_of_five() {
    local told
    if ! told=$(BUILD=$BIN python3 "$top/tests/interop/tapped_mesh.py" 2> five.err); then
        note "five implementations in full mesh" "not measured: $(tail -n 1 five.err)"
        return
    fi
    row "resident memory of a tap between $(jq -r '.kinds | join(", ")' <<< "$told")" \
        "$(jq '.rss_kb / 1024' <<< "$told" | xargs printf '%.1f')" "MiB" \
        "under 30 expected: $(jq .connections <<< "$told") connections, $(jq .edges <<< "$told") mesh edges" 30
}

measure_tap() {
    measure_tap_mesh "$1"
    measure_tap_flow
    measure_tap_memory
    measure_tap_mesh_of_five
}
