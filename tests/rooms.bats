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

# The sources, to cheat in.
copy_tree() {
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/tests"
    cp -r "$top"/{common,net,devnet,cmd} "$tree"
    cp "$top/tests/rooms" "$tree/tests"
    BUILD=$(realpath "${BUILD:-$top/build}")
    export BUILD
}

@test "an include that is not allowed is found however it is written" {
    copy_tree
    run "$tree/tests/rooms" includes
    [ "$status" -eq 0 ]
    {
        echo '#include <net/host/host.h>'
        echo '#   include "net/host/events.h"'
        printf '\t#include "net/host/internal.h"\n'
        echo '#include "../host/options.h"'
        echo '#include<net/gossipsub/../host/peers.h>'
        echo '#include <net/protocols/identify.pb-c.h>'
        echo '#include <stdio.h>'
    } >> "$tree/net/relay/path_rule.h"
    run "$tree/tests/rooms" includes
    [ "$status" -eq 1 ]
    [ "$output" = "$(printf 'net/relay/path_rule.h: may not include %s\n' net/host/{host,events,internal,options,peers}.h \
        net/protocols/identify.pb-c.h)" ]
}

# Asked of the optimized build, whatever else BUILD is: the linker must see each function apart.
@test "the library has nothing that no program needs, but for what tests/unused.txt says" {
    cd "$top"
    if [[ $(realpath "${BUILD:-build}") != "$PWD/build" ]]; then skip "of another build"; fi
    env -u MAKEFLAGS -u MFLAGS make --no-print-directory DEPS=present unused > "$BATS_TEST_TMPDIR/unused"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/unused")" -gt 20 ] # it sees what is said to be unused
    sed '/^#/d; /^$/d' tests/unused.txt > "$BATS_TEST_TMPDIR/known"
    run awk 'NR == FNR { known[$0] = 1; next } !(known[$0] || known[substr($1, 1, length($1) - 1)])' \
        "$BATS_TEST_TMPDIR/known" "$BATS_TEST_TMPDIR/unused"
    [ -z "$output" ]
}
