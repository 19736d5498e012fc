# Machines on this one, for the tests beside: each has a network namespace, and its root is an overlay
# of this system's. A script that loads this runs within mount and process namespaces of its own, with
# which all that it mounted and started goes. Needs root.
# shellcheck shell=bash

if [[ -z ${NAMESPACES:-} ]]; then
    if [[ $(id -u) -ne 0 ]]; then
        echo "$0: unshare(2) and mount(2) are root's" >&2
        exit 2
    fi
    folder=$(mktemp -d)
    # unshare itself takes no SIGTERM, and what it runs goes with it.
    NAMESPACES=own folder=$folder unshare --mount --pid --fork --kill-child --mount-proc "$0" < /dev/null &
    trap 'kill -KILL "$!"; wait "$!"; rmdir "$folder"; exit 130' INT TERM
    status=0
    wait "$!" || status=$?
    rmdir "$folder"
    exit "$status"
fi

passed=0 failed=0

# make_root NAME LOWER: a root at $folder/NAME.
make_root() {
    mkdir -p "$folder/upper-$1" "$folder/work-$1" "$folder/$1"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$folder/upper-$1,workdir=$folder/work-$1" "$folder/$1"
    mount --bind /proc "$folder/$1/proc"
    mount --bind /dev "$folder/$1/dev"
    mount -t tmpfs tmpfs "$folder/$1/run"
    mount -t tmpfs tmpfs "$folder/$1/tmp"
}

# within ROOT COMMAND...; begin=exec within ROOT COMMAND... becomes that command.
within() { ${begin-} chroot "$folder/$1" env --ignore-environment HOME=/root LANG=C.UTF-8 PATH="$search_path" "${@:2}"; }
search_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# This system with the packages that the tests need and with the devnet tools, at $folder/system: nothing
# is installed on this one. Services are not started there, nor in machines.
make_system() {
    local ci
    ci=$(dirname "${BASH_SOURCE[0]}")/../../.ci
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs "$folder"
    make_root system /
    printf '#!/bin/sh\nexit 101\n' > "$folder/system/usr/sbin/policy-rc.d"
    chmod 755 "$folder/system/usr/sbin/policy-rc.d"
    cp -L /etc/resolv.conf "$folder/system/run/resolv.conf" 2> /dev/null || true
    mkdir "$folder/system/ci"
    cp "$ci/deps" "$ci/packages.machines" "$folder/system/ci"
    within system /ci/deps /ci/packages.machines
}

# Begins the script anew, with such a system, in a network of its own: this machine is 10.77.0.1 on it.
make_network() {
    if [[ $NAMESPACES == own ]]; then
        make_system
        NAMESPACES=network exec unshare --net "$0"
    fi
    ip link add bridge type bridge
    ip address add 10.77.0.1/24 dev bridge
    ip link set bridge up
    ip link set lo up
}

# make_machine NAME N [IMAGE]: 10.77.0.N, with what is installed in the root called IMAGE, too.
make_machine() {
    make_root "$1" "${3:+$folder/upper-$3:}$folder/upper-system:/"
    ip netns add "$1"
    ip link add "to-$1" type veth peer name eth0 netns "$1"
    ip link set "to-$1" master bridge up
    ip -n "$1" address add "10.77.0.$2/24" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" link set lo up
}

# on MACHINE COMMAND...
on() { ip netns exec "$1" chroot "$folder/$1" env --ignore-environment HOME=/root PATH="$search_path" "${@:2}"; }

# Who listens: PROTOCOL ADDRESS each.
listeners() { ip netns exec "$1" ss -H --listening --numeric --tcp --udp | awk '{ print $1, $5 }' | sort; }

# try MEANING COMMAND...
try() {
    local meaning=$1
    shift
    if "$@" > "$folder/try.log" 2>&1; then
        echo "ok: $meaning"
        passed=$((passed + 1))
    else
        echo "failed: $meaning" && tail -n "${LINES_SHOWN:-20}" "$folder/try.log"
        failed=$((failed + 1))
    fi
}

# eventually COMMAND...: waits up to two minutes, as a name server that was slow once is left alone for a while.
eventually() {
    local deadline=$((SECONDS + 120))
    until "$@"; do
        if ((SECONDS > deadline)); then return 1; fi
        sleep 0.2
    done
}

the_end() {
    echo "$passed passed, $failed failed"
    ((failed == 0))
}
