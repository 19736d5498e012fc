#!/usr/bin/env bats
# README's example of a race on demand, as it stands there: a tap that holds an answer, two nodes,
# devnet-orphans. The nodes are ours; tests/interop/race has the reference's.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    sed -n '/^devnet key new a\.key && /,/^```/p' "$BATS_TEST_DIRNAME/../README.md" | sed '/^```/d' > example
}

teardown() {
    end_all
}

# Who types the example waits for what a line has started.
devnet-connect() {
    started=$(jobs -p)
    read -r 'pid_of[a]' 'pid_of[b]' 'pid_of[tap]' <<< "$(tail -n 3 <<< "$started" | tr '\n' ' ')"
    for name in a b tap; do await "$name" '.event == "ready"' > /dev/null; done
    command devnet-connect "$@"
}

devnet-orphans() {
    await tap '.event == "released"' > /dev/null
    command devnet-orphans "$@"
}

# Runs the example, at an address of this test's own, as its ports may be somebody else's.
example() {
    sed -i "s/127\.0\.0\.1/127.$((64 + (BASHPID >> 16))).$((BASHPID >> 8 & 255)).$((BASHPID & 255))/g" example
    PATH=$(realpath "$BIN"):$PATH
    # shellcheck disable=SC1091 # made in setup
    source ./example > said 3>&-
}

@test "the example holds the answer until the other's stream has come, and ours lose none by it" {
    example
    # b's answer to a's proposal is held, b proposes its own, and the answer goes on 300 ms later.
    jq -s --exit-status 'map(select(.from == "b" and (.protocol // "" | startswith("/meshsub/"))
            or .rule == "echo gossipsub from b until b proposes gossipsub plus 300ms"))
        | map(select(.event == "held" or .event == "proposed" or .event == "released"))
        | map(.event) == ["held", "proposed", "released"] and .[2].limit == false
            and (.[2].t > .[1].t)' tap.out
    # In README's words, of which the last is a comment behind the example.
    [ "# $(tail -n 1 said)" = "$(tail -n 1 example)" ]
}

@test "of a node that opens its stream twice the example tells the second by the tap's logs alone" {
    sed -i 's/^devnet-node --key a\.key/& --fault second-gossip-stream/' example
    status=0
    example || status=$?
    [ "$status" -eq 1 ]
    grep -E '^a -> b, [0-9a-f]+ stream [0-9]+: .* \(high\): /meshsub/1.2.0, opened by a at ' said
}
