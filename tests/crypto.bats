#!/usr/bin/env bats
# TLS messages where none belong, in CRYPTO frames of every encryption level, sent to servers and to
# clients: the connection is closed with the code of RFC 9001 (sections 4.4, 4.8 and 6) and RFC 9000
# (section 20.1), and that is all.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # victim.bash sets victim, bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash
load victim.bash

# Each outcome of the cases in $output, with how often it came: "1 0xa,254 0x10a,1 lives".
outcomes() {
    awk '$1 ~ /:/ { count[$2]++ } END { for (name in count) print count[name], name }' \
        <<< "$output" | sort -k 2 | paste -s -d ,
}

# The victim as a server: it is dialled for each case. attack_server CASE...
attack_server() {
    run -0 "$TOOLS/tls_attacker" "$victim" "$@" 3>&-
}

# Waits to be dialled, a case each time, at $trap: set_trap CASE...
set_trap() {
    launch trap "$TOOLS/tls_attacker" --listen "$@"
    eventually [ -s trap.out ]
    trap=$(head -n 1 trap.out)
}

# The victim as a client: it dials COUNT cases, and how each ended is a line of `dials`.
dial_trap() {
    local i url
    echo "{\"addr\":\"$trap\",\"until\":\"status\"}" > request
    url=$(ready a .api)/connect
    for ((i = 0; i < $1; i++)); do
        printf '%s\n' next silent "url = $url" "data = @request"
    done | tail -n +2 > curl.config
    curl --config curl.config | jq -c 'select(.exit)' > dials
    [ "$(wc -l < dials)" -eq "$1" ]
}

# What came of the cases of a trap: they are in $output, as those of a server are.
spring_trap() {
    ended trap
    output=$(cat trap.out)
}

# It dials and is dialled as if nothing had been.
honest_dial_succeeds() {
    "$BIN/devnet-connect" --until mesh "$victim" > honest.out
}

# NEW_CONNECTION_ID, sequence number 1, before which all are to be retired.
new_connection_id=18010108$(printf '%02x' {1..24})

# ---- as a server ----

@test "a server closes on any TLS message after the handshake, in one frame or byte by byte" {
    start_victim
    for place in finished early late drip; do
        attack_server "$place:types"
        [ "$(outcomes)" = "256 0x10a" ] || { echo "$place: $(outcomes)" && return 1; }
    done
    await a '.event == "disconnected" and .cause == "protocol_error" and .code == 266 and
        (.reason | contains("KeyUpdate"))'
    await a '.event == "disconnected" and (.reason | contains("TLS message of type 255"))'
    honest_dial_succeeds
}

@test "a server refuses any TLS message out of turn in the handshake" {
    start_victim
    for place in initial initial-end handshake; do
        attack_server "$place:types"
        # An alert of TLS, whichever fits.
        [ "$(grep -cE ' 0x1[0-9a-f]{2}$' <<< "$output")" = 256 ] ||
            { echo "$place: $(outcomes)" && return 1; }
    done
    honest_dial_succeeds
}

@test "several messages in a frame, tickets and endless lengths are the same to a server" {
    start_victim
    for place in finished late drip; do
        attack_server "$place:"{18,18ffffff,04ffffff,1800000100,1800000100} \
            "$place:04000010+20,1800000100" "$place:20*1800000100" "$place:0100"
        [ "$(outcomes)" = "8 0x10a" ] || { echo "$place: $(outcomes)" && return 1; }
    done
    attack_server late:1000*04000010+20 late:1000*040000c4+200
    [ "$(outcomes)" = "2 0x10a" ]
    honest_dial_succeeds
}

@test "a TLS message that never ends holds a connection for as long as a handshake may take" {
    start_victim
    before=$(memory_of a)
    cases=({initial:01,handshake:0b}ffffff{,+100000})
    for case in "${cases[@]}"; do
        launch "$case" "$TOOLS/tls_attacker" "$victim" "$case"
    done
    honest_dial_succeeds
    for case in "${cases[@]}"; do
        ended "$case"
        grep -E ' 0x[0-9a-f]+$' "$case.out"
    done
    [ "$(grep -c '"handshake_timeout"' a.out)" -eq 4 ]
    grew_less_than 4000 "$before"
}

@test "frames beside a client's Finished do no harm to a server" {
    start_victim
    attack_server frames:{1e,01,21}+20
    # HANDSHAKE_DONE, which is a server's, PING, and a type that there is not.
    [ "${lines[*]}" = "frames:1e+20 0xa frames:01+20 lives frames:21+20 0x7" ]
    honest_dial_succeeds
}

# ---- as a client ----

# A server may send them so early; ngtcp2 has its handshake to write then (net/quic/early.c).
@test "frames beside a server's Finished wait until a client's has gone out" {
    start_victim
    set_trap frames:{1e,01,21}+20 frames:{0{0..9},0{a..f},1{0..9},1{a,b,f},40,ff}000100
    for _ in {1..34}; do
        run "$BIN/devnet-connect" --until status "$trap"
        [ "$status" -eq 5 ] || [ "$status" -eq 6 ]
    done
    spring_trap
    [ "$(grep -c ^frames: <<< "$output")" = 34 ]
    # HANDSHAKE_DONE, PING, and a type that there is not.
    sed -n 2,4p <<< "$output" | paste -sd "," |
        grep -qFx "frames:1e+20 lives,frames:01+20 lives,frames:21+20 0x7"
    set_trap frames:1e+20
    dial_trap 1
    spring_trap
    # Whom it makes us write to is nobody.
    set_trap {,}"frames:$new_connection_id+40"
    run "$BIN/devnet-connect" --until status --timeout 1s "$trap"
    [ "$status" -eq 6 ]
    dial_trap 1
    end trap || true
    honest_dial_succeeds
}

@test "a client closes on any TLS message after the handshake, and drops a session ticket" {
    start_victim
    for place in early late drip; do
        set_trap "$place:types"
        dial_trap 256
        spring_trap
        [ "$(outcomes)" = "254 0x10a,1 0xa,1 lives" ] || { echo "$place: $(outcomes)" && return 1; }
        grep -qFx "$place:4 lives" <<< "$output"
        grep -qFx "$place:13 0xa" <<< "$output" # CertificateRequest
        grep -c "attacked in vain" dials | grep -qFx 1
        jq -se 'map(select(.exit == 6 and (.error | contains("TLS")))) | length == 255' dials
    done
    await a '.event == "disconnected" and .direction == "dialled" and .cause == "protocol_error" and
        .code == 266 and (.reason | contains("KeyUpdate"))'
    honest_dial_succeeds
}

@test "a client refuses any TLS message out of turn in the handshake" {
    start_victim
    for place in initial initial-end handshake; do
        set_trap "$place:types"
        dial_trap 256
        spring_trap
        [ "$(grep -cE ' 0x1[0-9a-f]{2}$' <<< "$output")" = 256 ] ||
            { echo "$place: $(outcomes)" && return 1; }
        jq -se 'all(.exit == 4 and (.error | contains("TLS")))' dials
    done
    set_trap finished:types
    dial_trap 256
    spring_trap
    [ "$(outcomes)" = "255 0x10a,1 0xa" ]
    jq -se 'all(.exit == 4 and (.error | contains("TLS")))' dials
    honest_dial_succeeds
}

@test "a client drops 64 KiB of session tickets a connection, and no more" {
    start_victim
    set_trap late:1000*04000010+20 early:320*040000c4+200 late:0400fffc+65536 drip:20*04000010+20 \
        late:04
    dial_trap 5
    spring_trap
    [ "$(outcomes)" = "5 lives" ]
    [ "$(api a /metrics | awk '/^devnet_session_tickets_total / { print $2 }')" -eq 1341 ]
    set_trap late:1000*040000c4+200 late:04ffffff late:0400fffd late:0400fffc+65536,0400000000
    dial_trap 4
    spring_trap
    [ "$(outcomes)" = "4 0xd" ]
    jq -se 'all(.error | contains("session tickets"))' dials
    honest_dial_succeeds
}

@test "a ticket before it does not let a KeyUpdate pass" {
    start_victim
    set_trap {early,late,drip}:04000010+20,1800000100 {early,late,drip}:2*1800000100 late:18 \
        late:18ffffff
    dial_trap 8
    spring_trap
    [ "$(outcomes)" = "8 0x10a" ]
    jq -se 'all(.exit == 6 and (.error | contains("KeyUpdate")))' dials
    honest_dial_succeeds
}

@test "devnet-connect says what the listener sent, and ends with the step's status" {
    set_trap late:types
    for type in {0..255}; do
        "$BIN/devnet-connect" --until status "$trap" > connect.out 2> connect.err && status=0 ||
            status=$?
        case $type in
        4) [ "$status" = 6 ] && grep -q "attacked in vain" connect.err ;;
        13) [ "$status" = 6 ] && grep -q CertificateRequest connect.err ;;
        24) [ "$status" = 6 ] && grep -q KeyUpdate connect.err ;;
        *) [ "$status" = 6 ] && grep -q "TLS message of type $type " connect.err ;;
        esac || { echo "$type: $status" && cat connect.err && return 1; }
    done
    spring_trap
    [ "$(outcomes)" = "254 0x10a,1 0xa,1 lives" ]
    for place in initial initial-end handshake finished; do
        set_trap "$place:1800000100"
        run -4 --separate-stderr "$BIN/devnet-connect" --json "$trap"
        [[ $stderr == *TLS* ]]
        spring_trap
        grep -q '0x10a$' <<< "$output"
    done
}

@test "devnet-connect does not wait for a TLS message that never ends" {
    set_trap initial:02ffffff handshake:0bffffff late:04ffffff
    run -3 "$BIN/devnet-connect" --timeout 1500ms "$trap"
    run -3 "$BIN/devnet-connect" --timeout 1500ms "$trap"
    run -6 "$BIN/devnet-connect" "$trap"
    spring_trap
}

@test "devnet-connect --accept outlives TLS messages after the handshake" {
    : > accept.err
    launch accept "$BIN/devnet-connect" --json --accept --timeout 5s
    eventually grep -q "listening on" accept.err
    address=$(sed -n 's/^devnet-connect: listening on //p' accept.err | tail -n 1)
    run -0 "$TOOLS/tls_attacker" "$address" late:1800000100
    [ "$(outcomes)" = "1 0x10a" ]
    status=0
    ended accept || status=$?
    [ "$status" -eq 7 ]
    jq -e '.error | contains("KeyUpdate")' accept.out
}
