#!/usr/bin/env bats
# .ci/deps: what is missing or too old is installed, and nothing else is touched. apt-get and the
# list of what is installed are made up; versions are compared by dpkg itself.

bats_require_minimum_version 1.5.0

setup() {
    deps=$BATS_TEST_DIRNAME/../.ci/deps
    cd "$BATS_TEST_TMPDIR" || return
    mkdir programs
    # Packages that are installed are lines of `installed`; those to be had from apt-get of `source`,
    # which it knows after an update only where there is an `outdated` as well.
    cat > programs/dpkg-query <<- 'END'
		#!/bin/bash
		shift 2
		for name; do awk -v name="$name" '$1 == name { print $1, "installed", $2 }' installed; done
	END
    cat > programs/apt-get <<- 'END'
		#!/bin/bash
		echo "$@" >> calls
		case $* in *" update") rm -f outdated && exit 0 ;; esac
		source=source
		if [ -e outdated ]; then source=outdated; fi
		for name; do
		    case $name in -* | install | DPkg::* | Dpkg::*) continue ;; esac
		    grep -q "^$name " $source || exit 100
		    sed -i "/^$name /d" installed
		    grep "^$name " $source >> installed
		done
	END
    printf '#!/bin/bash\nexec "$@"\n' > programs/sudo
    chmod +x programs/*
    PATH=$PWD/programs:$PATH
    touch installed calls
    printf '# A list.\nplain\nfixed >= 0.12.1+dfsg-1+deb12u1 # as mended\n' > list
}

@test "where all is there and new enough, apt-get is not called" {
    printf 'plain 1\nfixed 1.11.0-1\n' > installed
    run -0 "$deps" list
    [ -z "$output" ]
    printf 'plain 1\nfixed 0.12.1+dfsg-1+deb12u1\n' > installed
    run -0 "$deps" list
    [ -z "$output" ]
    [ ! -s calls ]
}

@test "what is missing is installed, and what is too old is renewed" {
    printf 'fixed 0.12.1+dfsg-1\n' > installed
    printf 'plain 1\nfixed 0.12.1+dfsg-1+deb12u1\n' > source
    run -0 "$deps" list
    [ "$output" = "installing plain fixed" ]
    [ "$(sort installed)" = $'fixed 0.12.1+dfsg-1+deb12u1\nplain 1' ]
    run ! grep -q update calls
}

@test "the lists are fetched where what they have is too old" {
    printf 'plain 1\nfixed 0.12.1+dfsg-1\n' > installed
    printf 'fixed 0.12.1+dfsg-1\n' > outdated
    printf 'fixed 1.11.0-1\n' > source
    run -0 "$deps" list
    [ "$output" = "installing fixed" ]
    grep -q update calls
    grep -qx 'fixed 1.11.0-1' installed
}

@test "where nothing new enough is to be had, it is named with the version that is" {
    printf 'plain 1\n' > installed
    printf 'fixed 0.12.1+dfsg-1\n' > source
    run -1 "$deps" list
    [[ $output == *"not as new as they must be"*"security updates"*"fixed (>= 0.12.1+dfsg-1+deb12u1)"* ]]
    printf 'plain\nfixed > 1\n' > list
    run -1 "$deps" list
    [[ $output == *"'fixed > 1': expected NAME, or NAME >= VERSION"* ]]
}

@test "the lists of the project are read whole, and ngtcp2 is asked for as Debian mended it" {
    lists=("$BATS_TEST_DIRNAME"/../.ci/packages*)
    sed 's/#.*//' "${lists[@]}" | awk 'NF { print $1, (NF > 1 ? $3 : "1") }' > source
    cp source wanted
    run -0 "$deps" "${lists[@]}"
    [ "$(sort -u installed)" = "$(sort -u wanted)" ]
    for name in libngtcp2-dev libngtcp2-crypto-gnutls-dev; do
        dpkg --compare-versions "$(awk -v name=$name '$1 == name { print $2 }' installed)" \
            ge 0.12.1+dfsg-1+deb12u1
    done
}
