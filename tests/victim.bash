# A node under attack, for shell tests: setup and teardown are here, and teardown checks that it lives
# and that its good peer never noticed.
# shellcheck shell=bash
# shellcheck disable=SC2154 # helpers.bash sets TOOLS

# shellcheck disable=SC2034 # for the tests
meshsub=/meshsub/1.2.0

setup() {
    use_programs
}

# Whatever happened: the node lives and says so, its good peer is still meshed and hears it.
teardown() {
    local result=0
    if [ -n "$victim" ]; then check_victim || result=1; fi
    end_all && [ "$result" = 0 ]
}

# The node under attack, and a good peer of it: start_victim [OPTION...].
start_victim() {
    start_node a --heartbeat 100ms --log-level info "$@"
    start_dialler good a --heartbeat 100ms
    await_mesh a good
    victim=$(address a)
    port=${victim#*udp/} port=${port%%/*}
}

check_victim() {
    local text="it is $EPOCHREALTIME"
    [ -z "$(jq -c 'select(.event == "disconnected")' good.out)" ] || { cat a.err; return 1; }
    api a /publish "{\"topic\":\"lean:block\",\"text\":\"$text\"}" > published || return
    await good ".event == \"message\" and .id == \"$(jq -r .id published)\"" > /dev/null || return
    api good /publish "{\"topic\":\"lean:block\",\"text\":\"$text too\"}" > published || return
    await a ".event == \"message\" and .id == \"$(jq -r .id published)\"" > /dev/null
}

# The misbehaving peer; its options and steps.
hostile() {
    "$TOOLS/hostile" "$@" 3>&-
}

attack() {
    hostile "$victim" "$@"
}

# A sanitizer keeps freed memory for a while, so sizes mean nothing under it.
grew_less_than() {
    local now
    now=$(memory_of a)
    echo "memory: $2 kB before, $now kB now"
    nm "$BIN/devnet-node" | grep __asan_init > /dev/null || ((now - $2 < $1))
}

hex_of() {
    od -An -v -tx1 | tr -d ' \n'
}
