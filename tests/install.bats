#!/usr/bin/env bats
# make install and uninstall.

bats_require_minimum_version 1.5.0

setup() {
    top=$BATS_TEST_DIRNAME/..
    BUILD=${BUILD:-$top/build}
    cd "$BATS_TEST_TMPDIR" || return
}

# What is built is not built again.
make_target() {
    make --silent -C "$top" -o all "$1" DEPS=present BUILD="$BUILD" DESTDIR="$PWD/a root" \
        PREFIX="/opt/my tools"
}

@test "folders with spaces in their names take an installation, and give it back" {
    make_target install
    prefix="a root/opt/my tools"
    for program in devnet devnet-node devnet-connect devnet-mesh devnet-orphans devnet-relay devnet-tap; do
        [ -x "$prefix/bin/$program" ]
        [ -s "$prefix/share/man/man1/$program.1" ] || [ -s "$prefix/share/man/man1/$program.1.gz" ]
        [ -s "$prefix/share/bash-completion/completions/$program" ]
    done
    [ -s "$prefix/share/devnet/devnet.bash" ]
    [ -s "$prefix/share/devnet/devnet-cmd.sh" ]
    [ -x "$prefix/share/devnet/hive.sh" ]
    "$prefix/bin/devnet" --dir "$PWD/not there" status > told || [ "$?" -eq 1 ]
    [ "$(ls)" = $'a root\ntold' ]
    touch "$prefix/bin/other"
    make_target uninstall
    [ "$(find "a root" -type f)" = "$prefix/bin/other" ]
}
