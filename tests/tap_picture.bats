#!/usr/bin/env bats
# The page that devnet-tap --html writes: who said what when, as a person sees and uses it.
# shellcheck disable=SC2034 # tap.bash reads tap_rules

bats_require_minimum_version 1.5.0
load helpers.bash
load tap.bash
load browser.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# A conversation as devnet-tap prints it: a dials b; gossip both ways, of which b's echo is held; a
# stream that b agreed to and a never spoke on; an RPC that is none.
conversation() {
    local connection=00aabbcc
    jq -nc --arg connection "$connection" --arg block /leanconsensus/12345678/block/ssz_snappy '
        def at($ms): {t: "2026-01-02T03:04:\(10 + $ms / 1000 | floor).\("00\($ms % 1000)"[-3:])Z", $connection};
        def of($ms; $stream; $from): at($ms) + {$stream, from: $from, to: {a: "b", b: "a"}[$from],
            by: {a: "dialler", b: "listener"}[$from], at: 20};
        {event: "ready", nodes: []},
        (at(0) + {event: "connected", dialler: "a", listener: "b", front_first: false}),
        (of(1; 0; "a") + {event: "stream_opened"}),
        (of(1; 0; "a") + {event: "proposed", protocol: "/meshsub/1.2.0"}),
        (of(2; 0; "b") + {event: "agreed", protocol: "/meshsub/1.2.0"}),
        (at(2) + {event: "held", stream: 0, from: "b", to: "a", at: 20, rule: "echo gossipsub from b <i>"}),
        (at(9) + {event: "released", stream: 0, from: "b", to: "a", limit: true, rule: "echo gossipsub from b <i>"}),
        (of(10; 0; "a") + {event: "speaks", protocol: "/meshsub/1.2.0"}),
        (of(10; 0; "a") + {event: "rpc", protocol: "/meshsub/1.2.0", bytes: 90,
            subscriptions: [{topic: $block, subscribe: true}], graft: [{topic: $block}]}),
        (of(20; 4; "a") + {event: "proposed", protocol: "/meshsub/1.1.0"}),
        (of(21; 4; "b") + {event: "agreed", protocol: "/meshsub/1.1.0"}),
        (of(30; 1; "b") + {event: "proposed", protocol: "/ipfs/id/1.0.0"}),
        (of(31; 1; "a") + {event: "agent", protocol: "/ipfs/id/1.0.0", agent: "c/<script>alert(1)</script>"}),
        (of(32; 1; "a") + {event: "ended", protocol: "/ipfs/id/1.0.0", how: "fin", at: 99}),
        (of(5000; 0; "a") + {event: "rpc", protocol: "/meshsub/1.2.0", malformed: true}),
        (of(5001; 0; "b") + {event: "ended", protocol: "/meshsub/1.2.0", how: "stop_sending", code: 7}),
        (at(5002) + {event: "closed", dialler: "a", listener: "b", side: "listener", cause: "peer closed",
            reason: "enough", code: 3, application: true})' > events
}

draw() {
    conversation
    "$BIN/devnet-tap" --html page.html --from events
}

@test "lines, lanes, ends, holds and what seems orphaned are drawn" {
    require_browser
    draw
    browse page.html > out << 'END'
assert document.querySelector('#summary').innerText == '2 nodes, 1 connection, 3 streams; ▲ 1 stream seems orphaned'
assert document.querySelectorAll('.life').length == 2
assert document.querySelectorAll('.lane').length == 3
assert document.querySelectorAll('.lane.orphan').length == 1
assert document.querySelectorAll('g.hold').length == 2
assert [...document.querySelectorAll('.row[aria-label$="(held by the tap)"]')].map(row => row.getAttribute('aria-label')).join() == '2 ms: b → a stream 0 /meshsub/1.2.0 agrees (held by the tap)'
assert document.querySelectorAll('g.close').length == 1
assert document.querySelectorAll('.row').length == document.querySelectorAll('svg g').length
eval [...document.querySelectorAll('.row.marked')].map(row => row.getAttribute('aria-label'))
eval [...document.querySelectorAll('.row .what b')].map(what => what.textContent).filter(text => text.includes('graft'))
assert document.querySelectorAll('script').length == 2
END
    [ "$(sed -n 1p out | jq -r '.[0]')" = '21 ms: b → a stream 4 /meshsub/1.1.0 marked, agrees, and then nobody speaks or ends it: it seems orphaned' ]
    [ "$(sed -n 1p out | jq -r '.[1]')" = '5,000 ms: a → b stream 0 /meshsub/1.2.0 marked, malformed RPC' ]
    [ "$(sed -n 1p out | jq length)" -eq 3 ]
    [ "$(sed -n 2p out)" = '["subscribe block; graft block"]' ]
}

@test "content comes by the mouse and by keys, and what is shown is chosen" {
    require_browser
    draw
    browse page.html << 'END'
assert document.querySelector('#tip').checkVisibility() == false
move .row[aria-label*="graft block"] .what
assert document.querySelector('#tip').innerText.includes('graft: topic /leanconsensus/12345678/block/ssz_snappy')
press Escape
assert document.querySelector('#tip').checkVisibility() == false
press Tab 8
assert document.activeElement.matches('.row')
press ArrowDown 2
assert document.activeElement.getAttribute('aria-label') == '1 ms: a → b stream 0 /meshsub/1.2.0 proposes it'
assert document.querySelector('#tip').innerText.includes('protocol: /meshsub/1.2.0')
press End
assert document.activeElement.getAttribute('aria-label').includes("closed, found at the listener's: peer closed, code 3, enough")
eval document.querySelector('#protocol').value = '/ipfs/id/1.0.0', document.querySelector('#protocol').dispatchEvent(new Event('change'))
assert document.querySelector('#matches').textContent == '3 lines found'
assert document.querySelectorAll('.row').length == 5
click button[type=reset]
until document.querySelectorAll('.row').length > 5
eval document.querySelector('#topic').selectedIndex = 1, document.querySelector('#topic').dispatchEvent(new Event('change'))
assert document.querySelector('#topic').selectedOptions[0].textContent == 'block'
assert document.querySelector('#matches').textContent == '1 line found'
END
}

@test "the page holds on narrow screens, light and dark" {
    require_browser
    draw
    browse page.html > out << 'END'
contrast
size 320x700
until document.querySelector('svg').getBoundingClientRect().width < 100
assert document.documentElement.scrollWidth <= innerWidth
scheme dark
contrast
END
    jq -es 'all(.[]; .ratio >= 4.5)' out
}

@test "QUIC logs are drawn as well, with what is orphaned by them" {
    require_browser
    "$BIN/devnet-tap" --html page.html --from "$BATS_TEST_DIRNAME/fixtures/qlogs/race-nosleep-drop-rtt40"
    browse page.html << 'END'
assert document.querySelector('#summary').innerText == '2 nodes, 1 connection, 4 streams; ▲ 2 streams are orphaned. By QUIC logs alone, which do not tell what was said'
assert document.querySelector('.facts').innerText.includes('▲ one-way peering: gossip flows from server alone, on stream 1')
assert document.querySelectorAll('.lane').length == 4
assert document.querySelectorAll('.lane.orphan').length == 2
assert document.querySelectorAll('.row.marked').length == 2
move .row.marked .what
assert document.querySelector('#tip').innerText.includes('the receiver was reading stream 4 when it arrived')
contrast
END
}

@test "a QUIC log that is there twice is drawn once, and the other is said to be left out" {
    cp -r "$BATS_TEST_DIRNAME/fixtures/qlogs/race-nosleep-drop-rtt40" logs
    gzip --keep logs/*/*.qlog
    run -0 --separate-stderr "$BIN/devnet-tap" --log-level info --html page.html --from logs
    # shellcheck disable=SC2154 # bats sets it
    [ "$(grep -c '.gz: skipped: the same as a log that has been read' <<< "$stderr")" -eq 2 ]
    sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>.*|\1|p' page.html > data
    [ "$(jq '[.judged[].logs[]] | length' data)" -eq 2 ]
}

@test "a tap draws what it saw at its end, and says what it cannot draw" {
    TAP_OPTIONS='--html page.html --qlog logs' tap_nodes a b
    tap_dial a b
    await_mesh a b
    await tap '.event == "rpc" and .from == "b"'
    end tap
    # The very lines that it has printed.
    sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>.*|\1|p' page.html > data
    jq -c '.events[]' data | jq -cS . | cmp - <(jq -cS . tap.out)
    [ "$(jq .left_out data)" -eq 0 ]
    # What its logs make of the streams, which can be drawn by themselves.
    [ "$(jq -r '.judged[].id' data)" = "$(jq -r 'select(.event == "connected").connection' tap.out)" ]
    "$BIN/devnet-tap" --html again.html --from tap.out --qlog logs
    cmp again.html page.html
    "$BIN/devnet-tap" --html again.html --from logs
    run -2 --separate-stderr "$BIN/devnet-tap" --html again.html --from tap.out --qlog missing
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *"--qlog: missing: no QUIC log of a connection there"* ]]
    run -2 --separate-stderr "$BIN/devnet-tap" --from tap.out
    run -2 --separate-stderr "$BIN/devnet-tap" --html page.html --from logs --qlog logs
    # shellcheck disable=SC2154 # bats sets it
    [[ ${stderr_lines[0]} == *"--from logs has QUIC logs: --qlog is beside events" ]]
    run -2 --separate-stderr "$BIN/devnet-tap" --html page.html --from tap.out --genesis here
    # What a tap that runs would do.
    while read -r option value; do
        run -2 --separate-stderr "$BIN/devnet-tap" --html page.html --from tap.out "$option" "$value"
        [[ ${stderr_lines[0]} == "devnet-tap: --from draws what was printed: $option is of a tap that runs" ]]
    done << END
--hold nonsense
--refuse nonsense
--reset nonsense
--drop-echo nonsense
--api foo
--trace rpc
--qlog-limit 1M
END
    # The page is no place of what it is drawn of.
    ln -s tap.out linked
    for page in tap.out linked ./tap.out; do
        run -2 --separate-stderr "$BIN/devnet-tap" --html "$page" --from tap.out
        [[ ${stderr_lines[0]} == "devnet-tap: --html $page is the file that --from reads, and"* ]]
    done
    # Of a tap that was killed the last line may be cut: all others are drawn.
    head -c -20 tap.out > cut.out
    kept=$(wc -l < cut.out)
    run -0 --separate-stderr "$BIN/devnet-tap" --html again.html --from cut.out
    [[ ${stderr_lines[0]} == *"cut.out:$((kept + 1)): the last line has no end: left out" ]]
    sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>.*|\1|p' again.html | jq -c '.events[]' |
        jq -cS . | cmp - <(head -n "$kept" tap.out | jq -cS .)
    printf 'no event' > alone
    run -2 --separate-stderr "$BIN/devnet-tap" --html again.html --from alone
    [[ ${stderr_lines[0]} == *"--from: alone:1: no event of devnet-tap's" ]]
    head -c -1 tap.out > whole
    run -0 --separate-stderr "$BIN/devnet-tap" --html again.html --from whole
    [ -z "$stderr" ]
    printf '{"event":"ready"}\nno event\n' > bad
    run -2 --separate-stderr "$BIN/devnet-tap" --qlog-limit 1M a=a.key,127.0.0.1:0,127.0.0.1:1
    [[ ${stderr_lines[0]} == "devnet-tap: --qlog-limit: it is of the logs of --qlog" ]]
    run -2 --separate-stderr "$BIN/devnet-tap" --html page.html --from bad
    # shellcheck disable=SC2154 # bats sets it
    [[ ${stderr_lines[0]} == *"--from: bad:2: no event of devnet-tap's" ]]
    run -2 --separate-stderr "$BIN/devnet-tap" --html page.html --from nothere
    [[ ${stderr_lines[0]} == *"--from: nothere: No such file"* ]]
    node=a=a.key,127.0.0.1:0,$(address a)
    run -1 --separate-stderr "$BIN/devnet-tap" --html missing/page.html "$node"
    [[ ${stderr_lines[0]} == *--html*missing/page.html* ]]
}

@test "a page that is there stays where nothing is drawn" {
    start_node a --key a.key --api 127.0.0.1:0
    node=a=a.key,127.0.0.1:0,$(address a)
    taken=$(ready a .api)
    echo precious > page.html
    while read -r status arguments; do
        # shellcheck disable=SC2086 # words
        run -"$status" --separate-stderr "$BIN/devnet-tap" --html page.html $arguments
        [ "$(cat page.html)" = precious ] || { echo "$arguments" >&2; return 1; }
    done << END
2 a=none.key,127.0.0.1:0,127.0.0.1:1
2 --hold nonsense $node
2 --refuse nonsense $node
2 --genesis missing
1 --api ${taken#http://} $node
1 a=a.key,$(address a),127.0.0.1:1
END
}
