#!/usr/bin/env bats
# devnet-orphans --html: the page of timelines, as a person sees and uses it.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load browser.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    cd "$BATS_TEST_TMPDIR" || return
}

# Draws what the arguments name, whatever the verdicts, into page.html.
draw() {
    require_browser
    "$BIN/devnet-orphans" --html page.html "$@" > text 2> err || [ $? -eq 1 ]
}

# A log of ngtcp2's form from lines of: milliseconds, sent or received, stream id, length. Each is a
# frame at offset 0 with a FIN. $1 is a string of JSON without its quotes, for names that logs hold.
write_log() {
    awk -v name="$1" '
        BEGIN {
            printf "\036{\"qlog_format\":\"JSON-SEQ\",\"qlog_version\":\"0.3\",\"trace\":{"
            printf "\"vantage_point\":{\"name\":\"%s\",\"type\":\"client\"},", name
            printf "\"common_fields\":{\"time_format\":\"relative\",\"reference_time\":1.7e12,"
            printf "\"group_id\":\"00aabb\"}}}\n"
            printf "\036{\"time\":0,\"name\":\"libp2p:peer_identified\",\"data\":"
            printf "{\"peer\":\"%s\",\"direction\":\"dialled\",\"local_peer\":\"us\"}}\n", name
        }
        {
            printf "\036{\"time\":%s,\"name\":\"transport:packet_%s\",\"data\":{\"frames\":[", $1, $2
            printf "{\"frame_type\":\"stream\",\"stream_id\":%s,\"offset\":0,\"length\":%s,", $3, $4
            printf "\"fin\":true}]}}\n"
        }'
}

@test "the orphan is marked, by more than colour, and its evidence comes by hovering" {
    draw "$CASES/race-nosleep-eager/dialer"
    browse page.html << 'END'
assert document.querySelector('#summary').innerText == '✕1 orphaned stream in 1 connection (4 streams, 1 log)'
assert document.querySelectorAll('.lane').length == 4
assert document.querySelectorAll('tr.orphan').length == 1
assert document.querySelector('tr.orphan').innerText.startsWith('8\nby the client\n\t✕orphaned\nopen, but neither side keeps it\norphan, high confidence\n\t(gossip)')
assert document.querySelector('tr.orphan .end-mark').textContent == '✕'
assert document.querySelector('#tip').checkVisibility() == false
move tr.orphan .lane
assert document.querySelector('#tip').innerText.includes('never wrote a byte beyond the negotiation')
press Escape
assert document.querySelector('#tip').checkVisibility() == false
move tr.healthy .lane
assert document.querySelector('#tip').innerText.includes('● Stream 0: reqresp')
move h1
assert document.querySelector('#tip').checkVisibility() == false
END
}

@test "a tap's names for the nodes are beside their roles" {
    local log
    mkdir tap
    for log in "$CASES"/race-nosleep-eager/*/*.qlog; do
        jq -c --slurpfile truth "$CASES/race-nosleep-eager/truth.json" -f "$BATS_TEST_DIRNAME/orphans/tap.jq" \
            "$log" > "tap/$(basename "$(dirname "$log")").qlog"
    done
    draw tap
    browse page.html << 'END'
assert document.querySelector('#connection-0').innerText.includes('dialer → listener a4fd19bb4c2521db')
assert document.querySelector('tr.orphan').innerText.includes('/meshsub/1.2.0')
assert document.body.innerText.includes('client dialer peer-dialer → server listener peer-listener')
END
}

@test "what is drawn is where the times are" {
    draw "$CASES/race-nosleep-eager-disconnect"/*/
    browse page.html > places << 'END'
eval (() => { const s = document.querySelector('#scale'); s.value = 'linear'; s.dispatchEvent(new Event('change')) })()
eval [...document.querySelectorAll('tr.orphan .time > *:not(.tick)')].map(e => [e.className, parseFloat(e.style.left), parseFloat(e.style.width || 0)])
END
    "$BIN/devnet-orphans" --json "$CASES/race-nosleep-eager-disconnect"/*/ 2> err > report.json || [ $? -eq 1 ]
    jq -e --slurpfile places <(tail -n 1 places) '
        .connections[0] as $c | ($c.streams[] | select(.orphan)) as $s
        | def at($ms): 100 * $ms / $c.duration_ms;
          def near($a; $b): ($a - $b | fabs) < 0.01;
          def drawn($class): $places[0][] | select(.[0] == $class);
        near(drawn("open")[1]; at($s.first_activity_ms))
        and near(drawn("out")[1]; at($s.first_out_ms))
        and near(drawn("out")[2]; at($s.last_out_ms - $s.first_out_ms))
        and near(drawn("over")[1]; at($c.ended.at_ms))
        and near(drawn("moment negotiated by-opener")[1];
            at($s.moments[] | select(.what == "negotiated").at_ms))
        and near(drawn("moment fin by-opener")[1]; at($s.moments[] | select(.what == "fin").at_ms))
        ' report.json
}

@test "it is used by keyboard alone" {
    draw "$CASES"/{race-nosleep-eager,baseline-head}/dialer
    browse page.html << 'END'
press Tab
assert document.activeElement.className == 'skip'
press Tab 3
assert document.activeElement.id == 'text'
type ORPHANED when
until document.querySelector('#matches').textContent == '0 streams found, 0 orphaned'
press Backspace 5
until document.querySelector('#matches').textContent == '1 stream found, 1 orphaned'
press Tab 4
assert document.activeElement.type == 'reset'
press Enter
until document.querySelectorAll('.lane').length == 7
press Tab
assert document.activeElement.matches('summary')
press Tab
assert document.activeElement.matches('tr.orphan .lane')
assert getComputedStyle(document.activeElement).outlineStyle == 'solid'
assert parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2
assert document.querySelector('#tip').innerText.includes('never wrote a byte')
press Enter
assert document.activeElement.getAttribute('aria-expanded') == 'true'
assert document.querySelector('tr.detail').innerText.includes('Evidence: opened by the client')
assert document.querySelector('tr.detail li').innerText.endsWith('the client has the whole answer to its negotiation')
press Space
assert document.querySelector('tr.detail') == null
press ArrowDown
assert document.activeElement.getAttribute('aria-label') == 'Stream 0, reqresp'
press End
assert document.activeElement == [...document.querySelectorAll('.lane')].at(-1)
press ArrowDown
assert document.activeElement == [...document.querySelectorAll('.lane')].at(-1)
press Home
press PageDown
assert document.activeElement == [...document.querySelectorAll('.lane')].at(-1)
press Tab
press Shift+Tab
assert document.activeElement == [...document.querySelectorAll('.lane')].at(-1)
END
}

@test "a screen reader is told of it all" {
    draw "$CASES/race-nosleep-eager/dialer"
    browse page.html > told <<< tree
    is_told() { jq -es "any(.[]; $1)" told > /dev/null || { echo "not told: $1" >&2; return 1; }; }
    is_told '.role == "heading" and .level == 1 and (.name | startswith("1 orphaned stream in 1 connection"))'
    is_told '.role == "table" and .name == "Nodes"'
    is_told '.role == "heading" and .level == 2 and (.name | startswith("Connection a4fd19bb4c2521db"))'
    is_told '.role == "search" and .name == "Streams"'
    is_told '.role == "searchbox" and .name == "Search"'
    for name in Show Order Time; do is_told ".role == \"combobox\" and .name == \"$name\""; done
    is_told '.role == "status" and .live == "polite"'
    is_told '.role == "table" and .name == "Connection a4fd19bb4c2521db"'
    is_told '.role == "columnheader" and .name == "Verdict"'
    is_told '.role == "columnheader" and (.name | startswith("Timeline"))'
    is_told '.role == "rowheader" and (.name | startswith("8"))'
    is_told '.role == "button" and .name == "Stream 8, orphan, orphaned" and .expanded == false
        and (.description | test("never wrote a byte beyond the negotiation"))'
    is_told '.role == "list" and .name == "What the timelines show"'
    # Marks are for the eye alone.
    run ! is_told '.name == "✕"'
}

@test "marks of a lane do not cover each other, and nothing is wider than a narrow screen" {
    local log
    mkdir tap
    for log in "$CASES"/race-nosleep-eager/*/*.qlog; do
        jq -c --slurpfile truth "$CASES/race-nosleep-eager/truth.json" -f "$BATS_TEST_DIRNAME/orphans/tap.jq" \
            "$log" > "tap/$(basename "$(dirname "$log")").qlog"
    done
    draw tap
    browse page.html << 'END'
eval void (window.boxes = lane => [...lane.querySelectorAll('.out, .back, .moment, .end-mark, .over')].map(e => e.getBoundingClientRect()))
eval void (window.cover = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5)
eval void (window.sound = () => [...document.querySelectorAll('.lane')].every(lane => boxes(lane).every((a, i, all) => all.slice(i + 1).every(b => !cover(a, b) || a.height > 30 || b.height > 30))))
until sound()
assert getComputedStyle(document.querySelector('h1 .tone')).color == 'rgb(180, 33, 43)'
assert [...document.querySelectorAll('#overview tbody tr')].map(row => row.innerText.replace(/\s+/g, ' ')).join() == '✕dialer 1 4 1 0 listener,✕listener 1 4 1 0 dialer'
assert [...document.querySelectorAll('td.protocol')].every(cell => [...cell.childNodes].filter(n => n.data).every(n => { const r = document.createRange(); r.selectNode(n); return r.getClientRects().length == 1 }))
size 375x700
until sound()
assert document.scrollingElement.scrollWidth <= innerWidth
END
}

@test "the axis is linear where the span is short, and begins where things do" {
    seq 0 4 36 | awk '{ print 20000 + $1, "sent", $1, 103; print 20000 + $1 + 2, "received", $1, 104 }' | write_log late > late.sqlog
    draw late.sqlog
    browse page.html << 'END'
assert document.querySelector('.axis').firstChild.textContent == '20 s'
eval void (window.lefts = [...document.querySelectorAll('.time .out')].map(bar => parseFloat(bar.style.left)))
assert lefts[0] == 0 && lefts.slice(2).every((left, i) => Math.abs(left - 2 * lefts[i + 1] + lefts[i]) < 0.01)
END
}

@test "it is legible in light and dark, wide and narrow" {
    draw "$CASES"/{race-nosleep-eager,nego-fail-na,reqresp-no-answer}
    browse page.html > ratios << 'END'
contrast
move tr.orphan .lane
contrast
click tr.doubtful .lane
contrast
click #protocols summary
contrast
scheme dark
contrast
size 320x600
contrast
assert document.documentElement.scrollWidth <= 320
until document.querySelector('.lane').clientWidth > 80
reload
contrast
assert document.documentElement.scrollWidth <= 320
click tr.orphan .lane
until document.querySelector('tr.detail') != null
assert document.querySelector('.lane').clientWidth > 80
move tr.orphan .lane
contrast
assert document.querySelector('#tip').getBoundingClientRect().right <= 320
END
    [ "$(wc -l < ratios)" -eq 8 ]
    jq -es 'all(.[]; .ratio >= 4.5 and .text != "")' ratios
}

@test "streams are filtered by verdict and by words, and put in order" {
    draw "$CASES"
    browse page.html > found << 'END'
eval void (window.ids = () => [...document.querySelectorAll('.lane')].map(lane => lane.ariaLabel.split(/[ ,]/)[1]))
eval void (window.choose = (id, value) => { const s = document.getElementById(id); s.value = value; s.dispatchEvent(new Event('change')) })
eval choose('verdict', '#orphans')
assert document.querySelectorAll('.lane').length == document.querySelectorAll('tr.orphan').length
eval document.querySelector('#matches').textContent
eval choose('verdict', '#unhealthy')
eval document.querySelectorAll('tr.doubtful').length
eval choose('verdict', 'unread_at_receiver')
assert [...document.querySelectorAll('td.verdict')].every(cell => cell.innerText.includes('unread at receiver'))
eval choose('verdict', 'all')
click #text
type ff5e48a364538bf9
until document.querySelectorAll('section:not([hidden]) h2').length == 1
eval choose('order', 'id')
eval ids()
eval choose('order', 'start')
eval ids()
eval choose('order', 'bytes')
eval ids()
eval choose('order', 'verdict')
eval ids()
END
    "$BIN/devnet-orphans" --json "$CASES" > report.json 2> err || [ $? -eq 1 ]
    jq -es --slurpfile report report.json '
        ($report[0].connections | map(.streams[])) as $all | map(select(. != null)) as $said
        | ($report[0].connections[] | select(.id == "ff5e48a364538bf9") | .streams) as $streams
        | def ids: map(.id | tostring);
        $said[0] == "\($all | map(select(.orphan)) | length) streams found, \(
            $all | map(select(.orphan)) | length) orphaned"
        and $said[1] == ($all | map(select(.orphan or .healthy | not)) | length)
        and $said[2] == ($streams | sort_by(.id) | ids)
        and $said[3] == ($streams | sort_by(.first_activity_ms) | ids)
        and $said[4] == ($streams | sort_by(-.bytes_out - .bytes_back) | ids)
        and $said[5] == ($streams | sort_by((.orphan | not), .id) | ids)' found
}

@test "what logs say is text, whatever it is" {
    local name='</script><img src=x onerror=alert(1)><!-- <script>alert(2)</script> \u2028 {{data}}'
    seq 0 4 4 | awk '{ print 5, "sent", $1, 103; print 9, "received", $1, 104 }' |
        write_log "$name" > '<img src=y onerror=alert(3)>.sqlog'
    echo '{"qlog' > '<b>broken.qlog'
    require_browser
    run -2 --separate-stderr "$BIN/devnet-orphans" --html page.html . # a broken log may be of anything
    browse page.html << 'END'
assert document.querySelector('section .facts').innerText.includes('server </script><img src=x onerror=alert(1)><!-- <script>')
assert document.querySelectorAll('img').length == 0
assert document.scripts.length == 2
click section details summary
assert document.querySelector('section details').innerText.includes('<img src=y onerror=alert(3)>.sqlog')
assert document.querySelector('#troubles').innerText.includes('<b>broken.qlog')
END
}

@test "the page's own policy lets no other script run" {
    draw "$CASES/baseline-head/dialer"
    sed 's|<main>|<main><img src="x" onerror="document.title = 1"><script>document.title = 2</script>|' \
        page.html > worse.html
    local status=0
    browse worse.html 2> err <<< "assert document.title == 'Streams of QUIC connections'" || status=$?
    [ "$status" -eq 1 ]
    grep -q 'Content Security Policy' err
    run ! grep -q 'it is not so' err
}

@test "no page names anything on a network" {
    draw "$CASES"/{race-nosleep-eager,ngtcp2-download}
    run ! grep -E 'https?:|//[a-z]|@import|url\(|<link|src=' page.html
}

@test "troubles and skipped files are shown" {
    cp "$CASES"/baseline-head/dialer/*.qlog log.qlog
    local status=0
    "$BIN/devnet-orphans" --html page.html log.qlog missing.qlog "$CASES/baseline-head" > text 2> err ||
        status=$?
    [ "$status" -eq 2 ]
    require_browser
    browse page.html << 'END'
assert document.querySelector('#summary').innerText.startsWith('▲no orphaned streams in what could be read')
assert document.querySelector('#troubles').innerText.includes('missing.qlog: No such file or directory')
assert document.querySelector('#skipped summary').innerText == '2 files skipped'
END
}

@test "closed streams that a long log let go of are told" {
    draw "$CASES/baseline-head/dialer"
    sed -i 's/"let_go":0/"let_go":7000/g' page.html
    browse page.html << 'END'
assert document.querySelector('#summary').innerText.endsWith('; not shown: 7,000 closed in long logs, let go to make room')
END
}

@test "what is wrong with a connection as a whole is told above its streams" {
    draw "$CASES/head-final-size-error" "$CASES/head-reopen-gossip"
    browse page.html << 'END'
assert document.querySelector('main').innerText.includes('▲closed because the client broke the protocol on stream 0')
assert document.querySelector('main').innerText.includes(', FINAL_SIZE_ERROR: ')
assert document.querySelector('main').innerText.includes('▲one-way peering: gossip flows from the client to the server only, on stream 8')
END
}

@test "it does not go with --follow" {
    local status=0
    "$BIN/devnet-orphans" --follow --html page.html "$CASES/baseline-head/dialer" 2> err || status=$?
    [ "$status" -eq 2 ]
    grep -q -- '--html does not go with --follow' err
}

@test "twenty thousand streams are usable, 200 drawn at a time" {
    seq 0 4 79996 |
        awk '{ print $1, "sent", $1, 103; print $1 + 2, "received", $1, $1 % 12345 ? 104 : 90 }' |
        write_log test > big.sqlog
    draw big.sqlog
    browse page.html << 'END'
assert document.querySelectorAll('.lane').length == 200
assert document.querySelector('#matches').textContent == '20,000 streams found, 0 orphaned, 1 to 200 shown'
click #next
assert document.querySelector('#matches').textContent.endsWith('201 to 400 shown')
assert document.activeElement.id == 'next'
assert document.querySelector('h2 #connection-0').innerText.endsWith('(continued)')
press Tab
press Enter
assert document.querySelector('#matches').textContent.endsWith('19,801 to 20,000 shown')
press Enter
click #text
type stream 79996
until document.querySelectorAll('.lane').length == 1
assert document.querySelector('nav').checkVisibility() == false
assert document.querySelector('.streams tbody th').innerText.startsWith('79996')
END
}

@test "text and JSON stay what they are beside it" {
    "$BIN/devnet-orphans" "$CASES/race-nosleep-eager/dialer" > without 2> err || [ $? -eq 1 ]
    draw "$CASES/race-nosleep-eager/dialer"
    diff without text
    "$BIN/devnet-orphans" --json --html page.html "$CASES/baseline-head/dialer" |
        jq -e '.summary.orphans == 0 and (has("stats") | not)'
}

@test "a page that cannot be written is told, with status 2, and nothing is left" {
    local status=0
    "$BIN/devnet-orphans" --html none/page.html "$CASES/baseline-head/dialer" 2> err || status=$?
    [ "$status" -eq 2 ]
    grep -q '^devnet-orphans: none/page.html: cannot write: No such file or directory$' err
    mkdir folder
    status=0
    "$BIN/devnet-orphans" --html folder "$CASES/baseline-head/dialer" 2> err || status=$?
    [ "$status" -eq 2 ]
    grep -q 'folder: cannot write: Is a directory' err
    [ "$(find . -name '*.*' -newer folder -name 'folder*')" = "" ]
}

@test "a page on standard output, where the report is, is refused" {
    run -2 --separate-stderr "$BIN/devnet-orphans" --html - "$CASES/race-nosleep-eager/dialer"
    [[ $stderr == *"--html -: name a file; what is judged is on standard output"* ]]
    [ -z "$output" ]
    [ ! -e ./- ]
}
