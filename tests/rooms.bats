#!/usr/bin/env bats
# The architecture, as net/README.md has it.

setup() {
    top=$BATS_TEST_DIRNAME/..
}

@test "no file includes what its room may not know" {
    "$top/tests/rooms" includes
}

@test "no object uses a symbol of a room that it may not know" {
    "$top/tests/rooms" symbols
}

@test "pure parts take nothing of time, sockets, events, chance, files, logs or JSON" {
    "$top/tests/rooms" pure
}

# The check is alive: where the table forbids what there is, it is found.
@test "a room that is not allowed is found by its includes and by its symbols" {
    table=$BATS_TEST_TMPDIR/table.md
    awk -F'|' '$2 ~ /net\/verdict/ { print "| `net/verdict` | | | all |"; next } { print }' \
        "$top/net/README.md" > "$table"
    run "$top/tests/rooms" includes "$table"
    [ "$status" -eq 1 ]
    [[ $output == *"net/verdict/"*": may not include net/qlog/"* ]]
    run "$top/tests/rooms" symbols "$table"
    [ "$status" -eq 1 ]
    [[ $output == *"net/verdict/"*" uses "*" of net/qlog/"* ]]
    run "$top/tests/rooms" pure "$table"
    [ "$status" -eq 1 ]
    [[ $output == *"net/verdict/"*" is pure, and uses json_"* ]]
}
