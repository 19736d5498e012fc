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

@test "pure parts use nothing but memory, text, hashes and codecs, and keep nothing" {
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

@test "what a pure part may not use is found, by way of other parts, too, and what it keeps" {
    copy_tree
    cat >> "$tree/common/budget.c" << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/file.h"
#include "common/program.h"
int cheat(int *file, char *text, fd_set *set, struct timespec *time);
int cheat(int *file, char *text, fd_set *set, struct timespec *time)
{
    static int kept = 1;
    static uint64_t (*const table[])(void) = {clock_now_ms};
    kept += (int)clock() + timespec_get(time, TIME_UTC) + (int)drand48() + usleep(1) + pipe(file);
    kept += select(1, set, NULL, NULL, NULL) + listen(*file, 1) + (int)pread(*file, text, 1, kept);
    kept += fgets(text, 9, fopen64(getenv(text), text)) != NULL;
    perror(text);
    if (table[kept]() > 0)
        program_fail("%s", text);
    return kept;
}
int changes;
_Thread_local int changes_by_thread;
END
    cp -rs "$BUILD" "$tree/build"
    rm "$tree/build/objects/common/budget.o"
    "${CC:-cc}" -D_GNU_SOURCE -I"$tree" -O1 -fPIE -ffunction-sections -fdata-sections -c \
        -o "$tree/build/objects/common/budget.o" "$tree/common/budget.c"
    run env BUILD=build "$tree/tests/rooms" pure
    [ "$status" -eq 1 ]
    for name in clock timespec_get drand48 usleep pipe select listen pread fgets fopen64 getenv perror \
        "clock_gettime, by way of .* of common/clock.o" \
        "program_name, by way of program_fail.* of common/program.o" \
        "write, by way of program_fail.* of common/program.o"; do
        grep -x "common/budget.o: is pure, and uses $name" <<< "$output"
    done
    for name in '.*kept.*' changes changes_by_thread; do
        grep -x "common/budget.o: is pure, and has $name, which can change" <<< "$output"
    done
    # That memory which cannot be had ends the program is on purpose.
    [[ $output != *memory_exhausted* ]]
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
