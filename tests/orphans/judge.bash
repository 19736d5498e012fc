# Judging recorded logs by what is known of them: a test file sets BIN and FILTERS, the folder of
# this file, and works in a folder of its own.
# shellcheck shell=bash

# Judges the logs in the folders after $2, by the truth in $1; $2 says whether both ends are there,
# PEER_KIND whose stack an end is of that no log tells.
judge() {
    local truth=$1 both=$2 expected=0 status=0 differences
    shift 2
    if jq -e '[.streams[]?.class | select(test("^orphaned|^unread"))] | length > 0' "$truth" \
        > jq.out; then
        expected=1
    fi
    "$BIN/devnet-orphans" --json ${PEER_KIND:+--peer-kind "$PEER_KIND"} "$@" > report.json 2> orphans.err || status=$?
    differences=$(jq -r --slurpfile truth "$truth" --argjson both "$both" \
        -f "$FILTERS/compare.jq" report.json) || return 1
    if [[ -n $differences || $status -ne $expected ]]; then
        echo "$*: exit status $status where $expected was due"
        echo "$differences"
        return 1
    fi
}

# Judges a case, in the shape of the fixtures, from each end's logs alone and from both.
judge_case() {
    local node nodes=()
    for node in "$1"/*/; do
        judge "$1/truth.json" false "$node" || return 1
        nodes+=("$node")
    done
    judge "$1/truth.json" true "${nodes[@]}"
}

judge_cases() {
    local case
    for case in "$1"/*/; do judge_case "${case%/}" || return 1; done
}
