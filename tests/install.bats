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
    [ -s "$prefix/share/devnet/experiment.schema.json" ]
    [ -x "$prefix/share/devnet/hive.sh" ]
    "$prefix/bin/devnet" --dir "$PWD/not there" status > told || [ "$?" -eq 1 ]
    [ "$(ls)" = $'a root\ntold' ]
    touch "$prefix/bin/other"
    make_target uninstall
    [ "$(find "a root" -type f)" = "$prefix/bin/other" ]
}

@test "a Debian package has the programs, and names what they need" {
    command -v dpkg-shlibdeps > /dev/null || skip "dpkg-shlibdeps is not there"
    umask 077 # which is of whoever makes it, and not for those who install it
    package=$(cd "$top" && MAKEFLAGS='-o all' BUILD=$BUILD devnet/package/deb 1.2.3 "$BATS_TEST_TMPDIR/made")
    [[ $package == "$BATS_TEST_TMPDIR/made/devnet-tools_1.2.3_"*.deb ]]
    [ "$(ls)" = made ]
    dpkg-deb --field "$package" Depends > needs
    grep -q 'libngtcp2-[0-9]* (>= .*libyaml-0-2' needs
    dpkg-deb --fsys-tarfile "$package" | tar --list --verbose > files
    for program in devnet devnet-node devnet-connect devnet-mesh devnet-orphans devnet-relay devnet-tap; do
        grep -q "^-rwxr-xr-x root/root .* ./usr/bin/$program$" files
        grep -q "^-rw-r--r-- root/root .* ./usr/share/man/man1/$program.1.gz$" files
        grep -q "^-rw-r--r-- root/root .* ./usr/share/bash-completion/completions/$program$" files
    done
    run ! grep '^d.*---' files
}
