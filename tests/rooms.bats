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
    cp "$top"/tests/{rooms,unused,objects.py,unused.txt} "$tree/tests"
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
@test "there is nothing that no program needs, but for what tests/unused.txt says" {
    cd "$top"
    if [[ $(realpath "${BUILD:-build}") != "$PWD/build" ]]; then skip "of another build"; fi
    env -u MAKEFLAGS -u MFLAGS make --no-print-directory DEPS=present all > /dev/null
    run env -u MAKEFLAGS -u MFLAGS make --no-print-directory DEPS=present unused
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "what is needlessly public, left out by the linker, defined nowhere or excused in vain is found" {
    copy_tree
    cat >> "$tree/common/varint.c" << 'END'
int cheat_function(void);
extern int cheat_data[4];
int cheat_data[4] = {1};
int cheat_function(void) { return cheat_data[1]++; }
END
    cat >> "$tree/net/relay/links.h" << 'END'
bool cheat_declared(const char *name, void (*done)(void *context)) __attribute__((nonnull));
extern const int cheat_number, cheat_numbers[4];
static inline int inlined(void) { return 1; }
END
    echo 'common/random: random_next' >> "$tree/tests/unused.txt"
    cp -rs "$BUILD" "$tree/build"
    rm "$tree/build/objects/common/varint.o"
    "${CC:-cc}" -D_GNU_SOURCE -I"$tree" -O1 -fPIE -ffunction-sections -fdata-sections -c \
        -o "$tree/build/objects/common/varint.o" "$tree/common/varint.c"
    # As the linker says it of each program.
    for _ in "$tree"/cmd/*/; do
        echo "ld: removing unused section '.text.varint_size' in file 'build/objects/common/varint.o'"
    done > "$tree/left_out"
    run env BUILD=build "$tree/tests/unused" < "$tree/left_out"
    [ "$status" -eq 1 ]
    for line in 'common/varint: '{cheat_function,cheat_data,varint_size} \
        'net/relay/links.h: '{cheat_declared,cheat_number,cheat_numbers}': is defined nowhere' \
        'tests/unused.txt: common/random: random_next: is needed, or gone'; do
        grep -Fx "$line" <<< "$output"
    done
    [[ $output != *inlined* ]]
}
