#!/usr/bin/env bats
# devnet-tap: what either side does reaches the other.

bats_require_minimum_version 1.5.0
load helpers.bash
load tap.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

@test "two nodes mesh through a tap, as each other's peers, and part" {
    TAP_OPTIONS='--qlog logs' tap_nodes a b
    tap_dial a b
    await_mesh a b
    await tap '.event == "connected" and .dialler == "a" and .listener == "b" and
        .front_first == false' .connection > id
    # Each sees the other, and at the tap's address.
    await b '.event == "connected"' .remote | grep "$(tapped a | sed 's|/quic-v1.*||')"
    # Both logs of the tap are the connection's own.
    [ "$(cd logs && echo *)" = "$(cat id)_client.sqlog $(cat id)_server.sqlog" ]
    [ "$(grep -c tap:connection logs/*)" = "logs/$(cat id)_client.sqlog:1
logs/$(cat id)_server.sqlog:1" ]
    api tap /connections | jq -e --arg id "$(cat id)" '.connections | length == 1 and (.[0] |
        .id == $id and .dialler == "a" and .listener == "b" and .connected and .streams > 1 and
        (.front, .back | .established and .rtt_us > 0) and .said_bytes.dialler > 0)'
    api tap /health | jq -e '.status == "ok" and .connections == 1 and (.nodes | length) == 2'
    api tap /metrics > metrics
    grep -x 'devnet_tap_connections 1' metrics
    grep -x 'devnet_tap_retries_total{node="b"} 0' metrics
    grep -x 'devnet_tap_stateless_resets_withheld_total{node="b"} 0' metrics
    api b /publish '{"topic":"lean:block","text":"hello"}' | jq -e '.receivers == 1'
    await a '.event == "message"'
    launch events curl --silent --no-buffer "$(ready tap .api)/events"
    await events '.event == "ready"' > /dev/null
    end b
    await events '.event == "closed"' > /dev/null
    await tap '.event == "closed" and .side == "listener" and .cause == "closed_by_peer" and
        .application'
    await a '.event == "disconnected" and .cause == "closed_by_peer"'
}

# Dials until the tap has told so of a listener that is not there: nobody_there ADDRESS.
nobody_there() {
    "$BIN/devnet-connect" --timeout 300ms --key b.key "$1" > /dev/null 2>&1
    jq -es 'any(.[]; .event == "closed" and .dialler == "b" and .listener == "c" and .connected == false and
        (.unanswered // "" | contains("Connection refused")))' tap.out > /dev/null
}

@test "who dials from another port is known by its certificate, and who is not known is refused" {
    tap_nodes a b
    # A node may be known by a name, and its tap be of another kind of address.
    end tap
    port=$(address b) port=${port#*/udp/} port=${port%%/*}
    launch tap "$BIN/devnet-tap" a=a.key,127.0.0.1:0,localhost:9 "b=b.key,[::1]:0,/dns4/localhost/udp/$port"
    await tap '.event == "ready" and (.nodes[0].real | startswith("/ip4/127.0.0.1/udp/9/")) and
        .nodes[1].real == "'"$(address b)"'"' > /dev/null
    "$BIN/devnet-connect" --key a.key --topic lean:block "$(tapped b)"
    # It is shown what the tap allows, and the listener what it allows.
    await tap '.event == "connected" and .dialler == "a" and .front_first and
        (.not_kept | length) > 0 and all(.not_kept[]; .of == "listener")'
    # Who is not there does not answer, and that is told.
    "$BIN/devnet" key new c.key > /dev/null
    end tap
    launch tap "$BIN/devnet-tap" "b=b.key,127.0.0.1:0,$(address b)" c=c.key,127.0.0.1:0,127.0.0.1:9
    await tap '.event == "ready"' > /dev/null
    eventually nobody_there "$(tapped c)"
    run -4 --separate-stderr "$BIN/devnet-connect" "$(tapped b)"
    await tap '.event == "closed" and .dialler == null and .cause == "tls_failed" and
        (.reason | startswith("no key of that peer is at hand"))'
}

@test "a dial that was given up is none to a listener that answers later" {
    tap_nodes a b
    end a
    dial=("$BIN/devnet-connect" --key a.key --topic lean:block --listen "$(address a | sed 's|/p2p.*||')")
    send_signal b STOP
    run -3 "${dial[@]}" --timeout 500ms "$(tapped b)"
    send_signal b CONT
    await tap '.event == "closed" and .dialler == "a" and .listener == "b" and .connected == false'
    "${dial[@]}" "$(tapped b)"
    await b '.event == "mesh_joined"' > /dev/null
    jq -es '[.[] | select(.event == "connected")] | length == 1' b.out
}

# Gives the tap a node: give NODE [CURL-OPTION...].
give() {
    local node=$1
    shift
    api tap /nodes "{\"node\":\"$node\"}" "$@"
}

@test "nodes are given by the API as well, and where they are then" {
    launch tap "$BIN/devnet-tap" --api 127.0.0.1:0
    await tap '.event == "ready" and .nodes == []' > /dev/null
    for name in a b; do
        "$BIN/devnet" key new "$name.key" > /dev/null
        start_node "$name" --key "$name.key" --topic lean:block
        give "$name=$name.key,127.0.0.1:0,$(address "$name")" > "$name.given"
    done
    jq -e --arg id "$(peer_id b)" --arg real "$(address b)" '.name == "b" and .peer_id == $id and .real == $real
        and (.enr | startswith("enr:")) and (.address | endswith($id))' b.given
    await tap '.event == "node_added" and .name == "b"' > /dev/null
    api a /connect "{\"addr\":\"$(jq -r .address b.given)\"}" > /dev/null
    await_mesh a b
    # Somewhere else, and dialled where it was.
    end b
    start_node b --key b.key --topic lean:block
    give "b=b.key,127.0.0.1:0,$(address b)" | jq -e --arg at "$(jq -r .address b.given)" '.address == $at'
    await tap ".event == \"node_moved\" and .real == \"$(address b)\"" > /dev/null
    api a /connect "{\"addr\":\"$(jq -r .address b.given)\"}" > /dev/null
    await_mesh a b
    # Who has left is told of no more until it is given again, where it was.
    api tap /nodes '{"left":"b"}' | jq -e '.name == "b"'
    await tap '.event == "node_left" and .name == "b"' > /dev/null
    [ "$(api tap /health | jq -c '[.nodes[].name]')$(api tap /mesh | jq -c '[.nodes[].name]')" = '["a"]["a"]' ]
    seen=$(lines_of tap)
    give "b=b.key,127.0.0.1:0,$(address b)" > again
    await tap '.event == "node_moved" and .name == "b"' . "$seen" > /dev/null
    [ "$(api tap /health | jq -c '[.nodes[].name]')" = '["a","b"]' ]
    code() {
        "$@" --output refused --write-out '%{http_code}'
    }
    [ "$(code api tap /nodes '{"left":"c"}')" = 404 ]
    jq -e '.error == "c: there is no node of that name"' refused
    # What cannot be.
    [ "$(code give "c=a.key,127.0.0.1:0,127.0.0.1:1")" = 409 ]
    [ "$(jq -r .error refused)" = "c: has the key of a" ]
    "$BIN/devnet" key new c.key > /dev/null
    [ "$(give "a=c.key,127.0.0.1:0,127.0.0.1:1" | jq -r .error)" = "a: the node of that name has another key" ]
    [[ $(give "a=a.key,127.0.0.1:1,127.0.0.1:1" | jq -r .error) == "a: is dialled at port "*" already, not 1" ]]
    [[ $(give "a=a.key,127.0.0.2:0,127.0.0.1:1" | jq -r .error) == "a: is dialled at 127.0.0.1 already, not 127.0.0.2" ]]
    # Who is who is known by real addresses.
    at() { sed -E 's|/ip4/(.*)/udp/([0-9]+)/.*|\1 port \2|' <<< "$1"; }
    bare() { echo "${1%/p2p/*}"; }
    a=$(address a) tap_of_b=$(jq -r .address b.given)
    [ "$(code give "d=c.key,127.0.0.1:0,$(bare "$a")")" = 409 ]
    [ "$(jq -r .error refused)" = "d: cannot be at the real address of a, $(at "$a")" ]
    [ "$(give "b=b.key,127.0.0.1:0,$(bare "$a")" | jq -r .error)" = "b: cannot be at the real address of a, $(at "$a")" ]
    [ "$(give "a=a.key,127.0.0.1:0,$(bare "$tap_of_b")" | jq -r .error)" = "a: cannot be where others dial b, $(at "$tap_of_b")" ]
    [ "$(give "b=b.key,127.0.0.1:0,$(bare "$tap_of_b")" | jq -r .error)" = "b: the tap cannot be at its real address, $(at "$tap_of_b")" ]
    [ "$(give "d=c.key,$(bare "$a"),127.0.0.1:1" | jq -r .error)" = "d: cannot be dialled at the real address of a, $(at "$a")" ]
    # Who is there for all addresses is there for each of the machine's.
    [ "$(code give "d=c.key,0.0.0.0:1,127.0.0.1:1")" = 409 ]
    [ "$(jq -r .error refused)" = "d: the tap cannot be at its real address, 0.0.0.0 port 1" ]
    port_of_a=$(at "$a" | sed 's/.* //')
    [ "$(code give "d=c.key,0.0.0.0:$port_of_a,127.0.0.1:1")" = 409 ]
    [ "$(jq -r .error refused)" = "d: cannot be dialled at the real address of a, 0.0.0.0 port $port_of_a" ]
    [ "$(code give "d=none.key,127.0.0.1:0,127.0.0.1:1")" = 400 ]
    grep -q 'd: none.key: No such file' refused
    # A pipe that nobody writes into is not waited for.
    mkfifo pipe
    [ "$(code give "d=pipe,127.0.0.1:0,127.0.0.1:1" --max-time 5)" = 400 ]
    grep -q 'd: pipe: not a plain file' refused
    [ "$(code give "d=c.key,$(bare "$tap_of_b"),127.0.0.1:1")" = 500 ]
    grep -q 'Address already in use' refused
    [ "$(code give "d=c.key,127.0.0.1:0,localhost:1")" = 400 ]
    grep -q 'd: an IP address is needed, not a name' refused
    api tap /nodes '{}' | grep -q 'expected {.*NAME=KEY-FILE'
    give "d=c.key,127.0.0.1:0,127.0.0.1:1" --header 'Origin: http://elsewhere' | grep -q Origin
    api tap /health | jq -e '[.nodes[].name] == ["a", "b"]'
    # Who has left is nowhere.
    api tap /nodes '{"left":"a"}' > /dev/null
    [ "$(code give "d=c.key,127.0.0.1:0,$(bare "$a")")" = 200 ]
    [ "$(give "a=a.key,127.0.0.1:0,$(bare "$a")" | jq -r .error)" = "a: cannot be at the real address of d, $(at "$a")" ]
}

@test "a NODE that cannot be is named, with exit 2" {
    start_node a --key a.key
    "$BIN/devnet" key new b.key > /dev/null
    while IFS='|' read -r node told; do
        run -2 --separate-stderr "$BIN/devnet-tap" "$node"
        # shellcheck disable=SC2154 # bats sets it
        [[ $stderr == *"$told"* ]] || { echo "$node: $stderr" >&2; return 1; }
    done << END
a|expected NAME=KEY-FILE,TAP-ADDRESS,REAL-ADDRESS
=a.key,127.0.0.1:0,127.0.0.1:1|expected NAME=
a=a.key,127.0.0.1:0|two commas
a=none.key,127.0.0.1:0,127.0.0.1:1|a: none.key: No such file
a=b.key,127.0.0.1:0,$(address a)|a: the key in b.key is that of $("$BIN/devnet" key show --json b.key | jq -r .peer_id), the address says $(peer_id a)
a=a.key,localhost:0,127.0.0.1:1|a: localhost:0
a=a.key,127.0.0.1:0,127.0.0.1:0|the node's own port cannot be 0
a=a.key,127.0.0.1:0,no-such-name.invalid:9|a: /dns/no-such-name.invalid/udp/9/quic-v1
END
    mkfifo pipe
    run -2 --separate-stderr "$BIN/devnet-tap" a=pipe,127.0.0.1:0,127.0.0.1:1
    [[ $stderr == *"a: pipe: a pipe that nobody writes into"* ]]
    launch tap "$BIN/devnet-tap" a=<(cat a.key),127.0.0.1:0,127.0.0.1:1
    await tap ".nodes[0].peer_id == \"$(peer_id a)\"" > /dev/null
    # An address that is in use is the system's to refuse.
    run -1 --separate-stderr "$BIN/devnet-tap" "a=a.key,$(address a),127.0.0.1:1"
    [[ $stderr == *"Address already in use"* ]]
    # What cannot be beside another is a mistake as well.
    run -2 --separate-stderr "$BIN/devnet-tap" a=a.key,127.0.0.1:0,127.0.0.1:1 \
        b=a.key,127.0.0.1:0,127.0.0.1:2
    [[ $stderr == *"b: has the key of a"* ]]
    run -2 --separate-stderr "$BIN/devnet-tap" a=a.key,127.0.0.1:0,127.0.0.1:1 b=b.key,127.0.0.1:0,127.0.0.1:1
    [[ $stderr == *"b: cannot be at the real address of a, 127.0.0.1 port 1"* ]]
    run -2 --separate-stderr "$BIN/devnet-tap" a=a.key,127.0.0.1:0,127.0.0.1:1 a=b.key,127.0.0.1:0,127.0.0.1:2
    [[ $stderr == *"a: two nodes of that name"* ]]
    run -2 --separate-stderr "$BIN/devnet-tap" --genesis nodir
    [[ $stderr == *"--genesis: nodir"* ]]
    for api in foo 0.0.0.0:80; do
        run -2 --separate-stderr "$BIN/devnet-tap" --api "$api" a=a.key,127.0.0.1:0,127.0.0.1:1
        [[ $stderr == *"--api $api: "* ]]
    done
    run -2 --separate-stderr "$BIN/devnet-tap" b=b.key,127.0.0.1:1,127.0.0.1:1
    [[ $stderr == *"b: the tap cannot be at its real address, 127.0.0.1 port 1"* ]]
    for places in 0.0.0.0:1,127.0.0.1:1 "[::]:1,[::1]:1"; do
        run -2 --separate-stderr "$BIN/devnet-tap" "b=b.key,$places"
        [[ $stderr == *"b: the tap cannot be at its real address, ${places%:1,*} port 1"* ]] ||
            [[ $stderr == *"b: the tap cannot be at its real address, :: port 1"* ]]
    done
}

# A member of the entry called NAME in a folder's validator-config.yaml: of FOLDER NAME KEY.
of() {
    awk -v name="\"$2\"" -v key="$3:" '$2 == "name:" { here = $3 == name }
        here && $1 == key { gsub("\"", "", $2); print $2; exit }' "$1/validator-config.yaml"
}

@test "--genesis stands between all nodes of a folder, and --out writes it as they are to see it" {
    "$BIN/devnet" genesis --port 0 --api-port 0 --metrics-port 0 --nodes 2 g > /dev/null
    # What else a record says stays said; of whom no key is at hand all stays.
    "$BIN/devnet" key new other.key > /dev/null
    make() {
        "$BIN/devnet" enr make --key "$@"
    }
    other=$(make other.key --ip 127.0.0.1 --seq 3 quic=9 eth2=0x1234)
    also=/ip4/127.0.0.1/udp/9/quic-v1/p2p/$("$BIN/devnet" key show --json other.key | jq -r .peer_id)
    rich=$(make g/devnet_1.key --ip 127.0.0.1 --seq 7 quic="$(of g devnet_1 quic)" udp=30303 is_aggregator=true attnets=0x05)
    printf '  - name: "other_0"\n    enr: "%s"\n    count: 1\n' "$other" >> g/validator-config.yaml
    printf -- '- "%s"\n' "$(sed -n 's/^- //; 1p' g/nodes.yaml)" "$rich" "$other" "$also" > listed
    mv listed g/nodes.yaml
    launch tap "$BIN/devnet-tap" --genesis g --out tapped
    await tap '.event == "ready"' > /dev/null
    [ "$(ready tap '[.nodes[].name] | join(" ")')" = "devnet_0 devnet_1" ]
    for name in devnet_0 devnet_1; do
        [ "$(of tapped "$name" quic)" != "$(of g "$name" quic)" ]
        [[ $(tapped "$name") == */udp/$(of tapped "$name" quic)/* ]]
        [ "$(of tapped "$name" privkey)" = "$(of g "$name" privkey)" ]
        start_node "$name" --key "g/$name.key" --topic lean:block \
            --listen "/ip4/127.0.0.1/udp/$(of g "$name" quic)/quic-v1"
    done
    [ "$(of tapped other_0 enr)" = "$other" ]
    mapfile -t listed < <(sed 's/^- //; s/"//g' tapped/nodes.yaml)
    [ "${#listed[@]} ${listed[0]}" = "4 $(ready tap '.nodes[0].enr')" ]
    [ "${listed[2]} ${listed[3]}" = "$other $also" ]
    "$BIN/devnet" enr show --json "${listed[1]}" | jq -e --arg at "$(tapped devnet_1)" '.seq == 7 and .verified
        and .multiaddrs == [$at] and .fields.is_aggregator == true and .fields.attnets == "0x05"
        and (.fields | has("udp") | not)'
    cmp tapped/config.yaml g/config.yaml
    # By the record in the folder that was written.
    api devnet_0 /connect "{\"addr\":\"$(sed -n 's/^- //; s/"//g; 2p' tapped/nodes.yaml)\"}" > /dev/null
    await_mesh devnet_0 devnet_1
    await tap '.event == "connected" and .dialler == "devnet_0" and .front_first == false'
    run -2 --separate-stderr "$BIN/devnet-tap" --out tapped a=a.key,127.0.0.1:0,127.0.0.1:1
    [[ $stderr == *"--out is of a --genesis folder"* ]]
    run -2 "$BIN/devnet-tap"
    run -2 --separate-stderr "$BIN/devnet-tap" --genesis g --out g
    [[ $stderr == *"--out: g: is the genesis folder itself"* ]]
}

@test "--out writes no file of the genesis folder, whatever names it has in the other" {
    "$BIN/devnet" genesis --port 0 --api-port 0 --metrics-port 0 --nodes 2 g > /dev/null
    cp -r g before
    mkdir hard soft nowhere
    ln g/validator-config.yaml g/nodes.yaml hard
    ln -s ../g/validator-config.yaml ../g/nodes.yaml soft
    ln -s ../g/none.yaml nowhere/nodes.yaml
    for out in hard soft nowhere; do
        launch "$out" "$BIN/devnet-tap" --genesis g --out "$out"
        await "$out" '.event == "ready"' > /dev/null
        diff -r before g
        for file in validator-config.yaml nodes.yaml; do
            [ -f "$out/$file" ] && [ ! -L "$out/$file" ]
            run ! cmp -s "g/$file" "$out/$file"
        done
        [ "$(stat -c %a "$out/validator-config.yaml")" = 600 ]
    done
}

@test "--out writes nothing where one of the files cannot be written anew" {
    "$BIN/devnet" genesis --port 0 --api-port 0 --metrics-port 0 --nodes 2 g > /dev/null
    iconv -t utf-16 < g/validator-config.yaml > wide
    mv wide g/validator-config.yaml
    run -2 --separate-stderr "$BIN/devnet-tap" --genesis g --out tapped
    [[ $stderr == *"--out: g/validator-config.yaml:1: UTF-8 is expected"* ]]
    [ ! -e tapped ]
    # What another run has written there is left as it was.
    mkdir tapped
    echo '- old' > tapped/nodes.yaml
    run -2 "$BIN/devnet-tap" --genesis g --out tapped
    [ "$(cat tapped/nodes.yaml)" = '- old' ]
}

@test "--out finds a node's port however its file is written" {
    key() {
        "$BIN/devnet" key new "$1.key" > /dev/null
        tr -d '\n' < "$1.key"
    }
    mkdir g
    cat > g/validator-config.yaml << END
validators:
  - enrFields: {ip: "127.0.0.1", "quic": '9001'}  # in one line
    privkey: $(key a)
    name: a
  - privkey: $(key b)
    enrFields:
      ip: 127.0.0.1
      quic: &port 9002
    name: "b"
  - {name: c, enr: "$("$BIN/devnet" enr make --key "$(key c > c.hex; echo c.key)" --ip 127.0.0.1 udp=9003)"}
  - {name: d, privkey: $(key d), enrFields: {ip: 127.0.0.1, udp: 9004}}
END
    launch tap "$BIN/devnet-tap" --genesis g --out tapped
    await tap '.event == "ready"' > /dev/null
    # Every node but c, whose key is in no file of the folder.
    launch again "$BIN/devnet-tap" --genesis tapped --out twice
    await again '.event == "ready"' > /dev/null
    ready again '.nodes[] | "\(.name) \(.real)"' | sort > real
    ready tap '.nodes[] | "\(.name) \(.address)"' | sort | diff - real
    [ "$(wc -l < real)" -eq 3 ]
    # All else is as it was.
    ports() {
        sed -E "s/(quic\"?|udp): (&port )?'?[0-9]+'?/\1: \2P/" "$1/validator-config.yaml"
    }
    diff <(ports g) <(ports tapped)
    # At another host, as two nodes are not at one address.
    sed -i 's/127.0.0.1, udp: 9004/127.0.0.2, quic: *port/' g/validator-config.yaml
    run -2 --separate-stderr "$BIN/devnet-tap" --genesis g --out shared
    [[ $stderr == *"g/validator-config.yaml:8: "?": quic: cannot be "*"write it out in the place of an alias"* ]]
    [ ! -e shared/validator-config.yaml ]
}

@test "the longest names of a genesis folder are names of the tap" {
    long=$(printf 'n%.0s' {1..63})
    mkdir g
    echo validators: > g/validator-config.yaml
    for last in a b; do
        "$BIN/devnet" key new "$last.key" > /dev/null
        printf '  - {name: %s, privkey: %s, enrFields: {ip: 127.0.0.1, quic: 90%d}}\n' "$long$last" \
            "$(cat "$last.key")" "$((0x$last))" >> g/validator-config.yaml
    done
    launch tap "$BIN/devnet-tap" --genesis g --hold "echo * from ${long}a until ${long}b opens *"
    await tap ".event == \"ready\" and [.nodes[].name] == [\"${long}a\", \"${long}b\"]" > /dev/null
    run -2 --separate-stderr "$BIN/devnet-tap" "${long}aa=key,127.0.0.1:0,127.0.0.1:1"
    [[ $stderr == *"the name of up to 64 letters"* ]]
}
