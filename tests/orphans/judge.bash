# Judging recorded logs by what is known of them: a test file sets BIN and FILTERS, the folder of
# this file, and works in a folder of its own.
# shellcheck shell=bash

# Judges the logs in the folders behind $1, which numbers the report. PEER_KIND says whose stack an end
# is of that no log tells.
judge() {
    local report=report$1.json status=0
    shift
    "$BIN/devnet-orphans" --json ${PEER_KIND:+--peer-kind "$PEER_KIND"} "$@" > "$report" 2> orphans.err || status=$?
    reports+=("$report")
    statuses+=("$status")
}

# Judges a case, in the shape of the fixtures, from each end's logs alone and from both. One jq compares
# all three with the truth: to begin one takes longer than to judge a case.
judge_case() {
    local node nodes=() reports=() statuses=()
    for node in "$1"/*/; do
        nodes+=("$node")
        judge "${#nodes[@]}" "$node"
    done
    judge $((${#nodes[@]} + 1)) "${nodes[@]}"
    compare "$1/truth.json" "from ${nodes[*]} and both"
}

# Compares what `judge` has reported with the truth in $1; $2 says what it was judged from.
compare() {
    local differences
    differences=$(jq -nr --slurpfile truth "$1" -f "$FILTERS/compare.jq" "${reports[@]}" \
        --args "${statuses[@]}") || return 1
    if [[ -n $differences ]]; then
        printf '%s\n' "$1, judged $2:" "$differences"
        return 1
    fi
}

judge_cases() {
    local case
    for case in "$1"/*/; do judge_case "${case%/}" || return 1; done
}
