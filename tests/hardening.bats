#!/usr/bin/env bats
# How the programs are built: what makes a memory error hard to use is in them.

bats_require_minimum_version 1.5.0

setup() {
    top=$BATS_TEST_DIRNAME/..
    BIN=${BIN:-$top/build}
    programs=("$BIN"/devnet "$BIN"/devnet-{connect,mesh,node,orphans,relay})
}

is_sanitized() {
    nm -D "$1" | grep -q ' __asan_init'
}

# Some word of a line that readelf prints of a program: has OPTION PROGRAM PATTERN.
has() {
    readelf --wide "$1" "$2" | grep -qE "$3" || { echo "$2 lacks $3" && return 1; }
}

@test "every program is loaded anywhere, and its tables are read-only from its start on" {
    for program in "${programs[@]}"; do
        has --file-header "$program" '^ *Type: +DYN '
        has --dynamic "$program" 'FLAGS_1.* PIE'
        has --dynamic "$program" 'FLAGS.* (BIND_)?NOW'
        has --program-headers "$program" GNU_RELRO
    done
}

@test "every program guards its stack, and the sizes that glibc is told" {
    for program in "${programs[@]}"; do
        has --dyn-syms "$program" ' __stack_chk_fail@'
        # Which the sanitizers check themselves.
        is_sanitized "$program" || has --dyn-syms "$program" ' __v?snprintf_chk@'
    done
}

@test "jumps land where they are meant to, where the processor can tell" {
    [ "$(uname -m)" = x86_64 ] || return 0 # nobody else knows the flag
    for object in common/options net/quic/endpoint cmd/node/main; do
        has --notes "$BIN/objects/$object.o" 'IBT, SHSTK'
    done
}

@test "only what the compiler knows is asked of it, and none is needed before there is one" {
    hardening=$top/.ci/hardening
    known=$("$hardening" compile cc -O2 fortify)
    [[ " $known " == *" -fPIE -fstack-protector-strong "*" -D_FORTIFY_SOURCE="[23]" " ]]
    [[ $("$hardening" compile cc -O2) != *FORTIFY* ]]
    [[ $("$hardening" compile cc -O0 fortify) != *FORTIFY* ]]
    # One that does not know a flag or two.
    cat > "$BATS_TEST_TMPDIR/cc" <<- 'END'
		#!/bin/sh
		case $* in *clash* | *now*) exit 1 ;; esac
		exec cc "$@"
	END
    chmod +x "$BATS_TEST_TMPDIR/cc"
    [ "$("$hardening" compile "$BATS_TEST_TMPDIR/cc" -O2 fortify)" = "${known/ -fstack-clash-protection/}" ]
    [ "$("$hardening" link "$BATS_TEST_TMPDIR/cc" -O2)" = "-pie -Wl,-z,relro" ]
    [ -z "$("$hardening" compile "$BATS_TEST_TMPDIR/none" -O2 fortify)" ]
    run -0 make --no-print-directory -C "$top" CC="$BATS_TEST_TMPDIR/none" DEPS=present deps
    [ -z "$output" ]
}
