#!/usr/bin/env bats
# The page that devnet-mesh graph --html writes, in a browser: what it shows, by mouse, by keys and to
# screen readers, light and dark, and with a mesh of 1,000 nodes.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load helpers
load snapshots
load browser.bash

setup() {
    use_programs
    require_browser
}

teardown() {
    end_all
}

# Writes mesh.html: page [OPTION...] SNAPSHOT.
page() {
    "$BIN/devnet-mesh" graph --html mesh.html "$@"
}

# A node in the picture, as a selector: at NAME.
at() {
    echo "#mesh [aria-label^=\"Node $1,\"] .body"
}

@test "nodes are buttons and edges arrows, large where they are few, and the tables say the same" {
    snapshot 4
    jq '.nodes[1].topics.t.mesh = ["n3"] | del(.nodes[3])' sound.json > odd.json
    page odd.json
    browse mesh.html > out << 'END'
eval [...document.querySelectorAll('#mesh [role=button]')].map(node => node.getAttribute('aria-label'))
eval [...document.querySelectorAll('#mesh .edge title')].map(title => title.textContent)
eval [...document.querySelectorAll('#mesh .edge')].map(edge => edge.getAttribute('class').trim())
eval [...document.querySelectorAll('#mesh .edge .head')].map(head => head.getAttribute('d').split('Z').length - 1)
click #edges summary
until document.querySelectorAll('#edges tbody tr').length == 3
eval [...document.querySelectorAll('#edges tbody tr')].map(row => [...row.cells].slice(0, 4).map(cell => cell.textContent).join(' '))
eval [...document.querySelectorAll('#nodes tbody tr')].map(row => row.cells[0].textContent + ' ' + row.cells[1].textContent)
eval document.querySelector('#mesh').getAttribute('aria-label')
eval document.querySelector('#legend').textContent.includes('one way')
eval (() => { window.boxes = () => [...document.querySelectorAll('#mesh .body')].map(body => body.getBoundingClientRect()) })()
assert boxes().every(box => box.width >= 60 && box.height >= 60)
assert [...document.querySelectorAll('#mesh .label')].every(label => parseFloat(getComputedStyle(label).fontSize) >= 17)
assert (all => boxes().every(box => box.left > all.left && box.right < all.right && box.top > all.top && box.bottom < all.bottom))(document.querySelector('#mesh').getBoundingClientRect())
size 375x700
until boxes().every(box => box.right < 375 && box.width >= 36)
END
    [ "$(sed -n 1p out)" = '["Node n1, 0 mutual edges, 1 one way, 1 error","Node n2, 1 mutual edge, 1 one way, 2 errors","Node n3, 1 mutual edge, 1 told by one end","Node n4, x, not asked, others tell of it, 0 mutual edges, 1 told by one end"]' ]
    [ "$(sed -n 2p out)" = '["n2 ↔ n3: each has the other in the mesh","n3 → n4: n4 was not asked","n1 → n2: one way, n2 does not have n1 in the mesh"]' ]
    [ "$(sed -n 3p out)" = '["edge  mutual","edge  untold","edge  one_way"]' ]
    [ "$(sed -n 4p out)" = '[2,1,1]' ]
    [ "$(sed -n 5p out)" = '["n1 → n2 one way","n2 ↔ n3 mutual","n3 → n4 told by one end"]' ]
    [ "$(sed -n 6p out)" = '["n1 answered","n2 answered","n3 answered","n4 not asked, others tell of it"]' ]
    [ "$(sed -n 7p out)" = '"Mesh of t: 4 nodes, 3 edges"' ]
    [ "$(sed -n 8p out)" = true ]
}

@test "findings are grouped by what does not hold, the worst first, and each group opens to its own" {
    snapshot 6
    jq '.nodes[1].topics.t.mesh = [] | .nodes[2].peers[0].inbound_streams += [{connection: "c9", stream_id: 9}]' sound.json > odd.json
    page odd.json
    "$BIN/devnet-mesh" check --json odd.json > found.json || [ $? -eq 1 ]
    browse mesh.html > out << 'END'
eval [...document.querySelectorAll('#findings .group > summary')].map(summary => summary.textContent)
assert document.querySelectorAll('#findings .group').length > 1
assert document.querySelectorAll('#findings .group[open], #findings tbody tr').length == 0
eval document.querySelector('#findings .group > summary').focus()
press Enter
until document.querySelectorAll('#findings .group[open] tbody tr').length > 0
eval [...document.querySelectorAll('#findings tbody tr')].map(row => row.cells[2].textContent).sort()
eval redo()
assert document.querySelectorAll('#findings .group[open] tbody tr').length > 0
END
    jq -es --slurpfile found found.json '
        ($found[0].findings | group_by([.severity, .invariant])) as $groups | map(arrays) as [$shown, $what] |
        ($shown | map(capture("^\\S (?<severity>\\w+) (?<invariant>\\w+) \\((?<count>\\d+)\\)$") | .count |= tonumber)) as $read |
        ($read | map([.severity, .invariant, .count]) | sort) == ($groups | map([.[0].severity, .[0].invariant, length])) and
        ($read | map([{error: 0, warning: 1, note: 2}[.severity], -.count]) | . == sort) and
        any($groups[]; (map(.message) | sort) == $what)' out
}

@test "what is wrong with paths stands above the picture, and with what is between two nodes" {
    snapshot 3
    DEVNET_PATHS=$'all: delay=1ms\nn2,n1: loss=5\nparted: n3 | all others' page sound.json
    browse mesh.html << 'END'
assert document.querySelector('#paths').checkVisibility() == false
END
    jq '.paths = ["all: delay=1ms", "n2,n1: loss=5"]' sound.json > bad.json
    page bad.json
    browse mesh.html << 'END'
assert document.querySelector('#paths').innerText == 'Paths: all: delay=1ms; n2,n1: loss=5'
assert [...document.querySelectorAll('#mesh .edge title')].map(title => title.textContent.split('; ')[1]).sort().join() == 'path: delay=1ms,path: loss=5'
END
}

@test "one way is not in the colour alone" {
    snapshot 2
    jq '.nodes[1].topics.t.mesh = []' sound.json > odd.json
    page odd.json
    browse mesh.html << 'END'
assert getComputedStyle(document.querySelector('.edge.one_way')).strokeDasharray != 'none'
assert getComputedStyle(document.querySelector('.edge.one_way')).stroke != getComputedStyle(document.querySelector('#legend .edge.mutual')).stroke
assert document.querySelector('#topic').selectedOptions[0].textContent == 't: 1 edge, 1 one way'
assert document.querySelector('#mesh .node.error .glyph').getAttribute('d') != ''
END
}

@test "a topic is chosen, and connections without an edge are shown on demand" {
    snapshot 3
    jq '.nodes[].topics |= {a: .t, b: (.t | .mesh = [])}' sound.json > two.json
    page two.json
    browse mesh.html << 'END'
assert document.querySelectorAll('#mesh .edge').length == 2
eval (() => { const topic = document.querySelector('#topic'); topic.value = 'b'; topic.dispatchEvent(new Event('change')) })()
assert document.querySelectorAll('#mesh .edge').length == 0
assert document.querySelector('#mesh').getAttribute('aria-label') == 'Mesh of b: 3 nodes, 0 edges'
click #connections
assert document.querySelectorAll('#mesh .edge.connection').length == 2
assert document.querySelector('#legend').textContent.includes('connected, no edge')
END
    page --topic a two.json
    browse mesh.html <<< "assert document.querySelectorAll('#topic option').length == 1"
}

@test "pointing at a node shows what it is, and a click keeps it" {
    snapshot 3
    jq '.nodes[0] |= (.topics.t.mesh = [] | .topics.t.backoff = [{peer_id: "n2"}] | .agent = "lean/1.2" |
        .listen = ["/ip4/127.0.0.1/udp/9000/quic-v1"] | .peers[0].connections = [{id: "c1", direction: "dialled", remote: "/ip4/127.0.0.1/udp/9"}] |
        .volatile = {api: "http://127.0.0.1:8080", topics: {t: {backoff: {n2: {left_ms: 12500}}}},
            peers: {n2: {connections: {c1: {rtt_us: 10400}}}}, statistics: {rpcs_in: 1234}})
        | .nodes[2].sources = {"*": "tap"}' sound.json > odd.json
    page odd.json
    browse mesh.html > out << END
move $(at n1)
until document.querySelector('#details h2').textContent == 'n1'
move h1
until document.querySelector('#details h2').textContent == 'Nodes'
click $(at n1)
move h1
eval document.querySelector('#details').innerText
click #details .link
until document.querySelector('#details h2').textContent == 'n2'
click #close
until document.querySelector('#details h2').textContent == 'Nodes'
click $(at n3)
until document.querySelector('#details h2').textContent == 'n3'
assert document.querySelector('#details').innerText.includes('known by a tap, from what went over the wire')
assert document.querySelector('#details').innerText.includes('(known from a tap)')
END
    details=$(jq -r . out)
    for expected in lean/1.2 devnet0 http://127.0.0.1:8080 /ip4/127.0.0.1/udp/9000/quic-v1 '10.4 ms' dialled \
        'error edge_mutual' '1 open' '12.5 s' 1,234 'one way' 'low 6, high 12'; do
        grep -F "$expected" <<< "$details" || { echo "not in: $details"; return 1; }
    done
}

@test "it is all there by keys alone" {
    snapshot 8
    page sound.json
    browse mesh.html > out << 'END'
press Tab 7
eval document.activeElement.getAttribute('aria-label')
until document.querySelector('#details h2').textContent == 'n1'
press End
eval document.activeElement.getAttribute('aria-label')
press Home
press ArrowRight
eval document.activeElement.getAttribute('aria-label') != document.querySelector('#mesh [role=button]').getAttribute('aria-label')
press ArrowLeft
press Enter
eval document.activeElement.getAttribute('aria-pressed')
eval document.querySelector('#said').textContent
press Tab
eval document.activeElement.id
press Tab
eval document.activeElement.id
press Escape
until document.querySelector('#details h2').textContent != 'Nodes'
assert document.querySelectorAll('[aria-pressed=true]').length == 0
assert document.activeElement.closest('#mesh') != null
END
    [ "$(sed -n 1p out)" = '"Node n1, 1 mutual edge"' ]
    [ "$(sed -n 2p out)" = '"Node n8, 1 mutual edge"' ]
    [ "$(sed -n 3,4p out)" = $'true\n"true"' ]
    [[ $(sed -n 5p out) == *' chosen: details are beside the picture"' ]]
    [ "$(sed -n 6,7p out)" = $'"details"\n"close"' ]
}

@test "a node is found by its peer id, and by what else it is" {
    snapshot 30
    jq '.nodes[6].agent = "Quinn/1"' sound.json > odd.json
    page odd.json
    browse mesh.html << END
click #search
type n29
until document.querySelectorAll('#mesh .match').length == 1
assert document.querySelector('#said').textContent == '1 node found; Enter shows the first'
press Enter
until document.querySelector('#details h2').textContent == 'n29'
assert document.activeElement.getAttribute('aria-label').startsWith('Node n29,')
click #search
press Escape
assert document.querySelectorAll('#mesh .match').length == 0
type quinn
until document.querySelector('#mesh .match').getAttribute('aria-label').startsWith('Node n7,')
press Backspace 5
type nobody
until document.querySelector('#said').textContent == 'no node found'
END
}

@test "a dead node has one mark, names stay in narrow pictures, and the heading tells the outcome" {
    snapshot 4
    jq 'del(.nodes[3]) | .unreachable = [{api: "http://127.0.0.1:9", error: "nobody"}] |
        .names = {n1: "a-rather-long-name-of-a-node", n2: "node2", n3: "node3", n4: "node4", "http://127.0.0.1:9": "node4"}' sound.json > odd.json
    page odd.json || [ $? -eq 1 ]
    browse mesh.html > out << 'END'
until document.documentElement.dataset.drawn == 'yes'
assert document.querySelectorAll('#mesh .node').length == 4
assert document.querySelector('#mesh [aria-label^="Node node4,"]').classList.contains('unreachable')
assert document.querySelector('h1.bad').textContent.startsWith('✕ ')
size 375x700
eval new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
assert document.scrollingElement.scrollWidth <= innerWidth
until (box => [...document.querySelectorAll('#mesh .label')].map(e => e.getBoundingClientRect()).every(b => b.left >= box.left && b.right <= box.right))(document.querySelector('#mesh').getBoundingClientRect())
contrast
scheme dark
contrast
END
    jq -es 'map(select(.ratio?)) | length == 2 and all(.ratio >= 4.5)' out
}

@test "a node that its devnet stopped has the mark of the dead, whoever still tells of it and whatever was before" {
    snapshot 4
    jq 'del(.nodes[3]) | .stopped = ["n4"]' sound.json > told.json
    jq '.nodes[2] |= (.topics.t.mesh = ["n2"] | .topics.t.subscribers = ["n2"] | .peers |= map(select(.peer_id != "n4")))' told.json > untold.json
    for looks in told.json untold.json '--before sound.json untold.json' '--before told.json untold.json'; do
        # shellcheck disable=SC2086 # words
        page $looks
        browse mesh.html << 'END'
until document.documentElement.dataset.drawn == 'yes'
assert document.querySelectorAll('#mesh .node').length == 4
assert document.querySelector('#mesh .stopped .glyph').getAttribute('d') == GLYPHS['×']
assert document.querySelector('#mesh [aria-label^="Node n4,"]').getAttribute('aria-label').includes(', stopped,')
assert document.querySelector('#legend').textContent.includes('stopped')
assert document.querySelector('#summary').textContent.includes('1 stopped')
END
    done
}

@test "no name covers a node or another name, and those without room are shown when pointed at" {
    snapshot 30 3
    jq 'del(.nodes[29]) | .unreachable = [{api: "http://127.0.0.1:9", error: "nobody"}] | .names = {n30: "node30", "http://127.0.0.1:9": "node30"}' sound.json > odd.json
    page odd.json || [ $? -eq 1 ]
    cat > steps << 'END'
until document.documentElement.dataset.drawn == 'yes'
eval new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => null)
eval (() => { window.boxes = kind => [...document.querySelectorAll(`#mesh ${kind}`)].filter(e => getComputedStyle(e).visibility != 'hidden').map(e => e.getBoundingClientRect()) })()
eval (() => { window.meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom })()
assert boxes('.label').every((a, i, all) => all.every((b, j) => i === j || !meet(a, b)))
eval boxes('.label').length
assert nodes.filter(node => !node.group.classList.contains('covered')).every(({ caption, body }) => nodes.every(other => !meet(caption.getBoundingClientRect(), (b => new DOMRect(b.x + b.width / 4, b.y + b.height / 4, b.width / 2, b.height / 2))(other.body.getBoundingClientRect()))))
assert getComputedStyle(nodes.find(node => node.label == 'node30').caption).visibility == 'visible'
assert [...document.querySelectorAll('#nodes tbody .link')].map(link => link.textContent).join() == [...Array(29)].map((_, i) => `n${i + 1}`).concat('node30').join()
END
    { echo "size 375x800"; cat steps; echo "move #mesh .covered .body"; } > narrow
    echo "until getComputedStyle(document.querySelector('#mesh .covered .label')).visibility == 'visible'" >> narrow
    browse mesh.html < narrow > out
    jq -es 'map(numbers) | .[0] >= 10 and .[0] < 30' out
    browse mesh.html < steps > out
    jq -es 'map(numbers) | .[0] == 30' out
}

@test "with two looks, what came and went is marked, listed, and can be left out" {
    snapshot 4
    jq 'del(.nodes[3]) | .nodes[2] |= (.topics.t.mesh = ["n2"] | .peers |= map(select(.peer_id != "n4"))) |
        .nodes[0].topics.t.mesh = ["n2", "n3"] | .nodes[2].topics.t.mesh += ["n1"]' sound.json > after.json
    page --before sound.json after.json
    browse mesh.html > out << 'END'
eval [...document.querySelectorAll('#mesh .edge')].map(edge => edge.getAttribute('class') + ': ' + edge.querySelector('title').textContent)
eval [...document.querySelectorAll('#mesh .sign')].map(sign => sign.textContent)
eval [...document.querySelectorAll('#changed tbody tr')].map(row => row.textContent).filter(text => text.includes('mesh'))
assert document.querySelector('#mesh .node.removed').getAttribute('aria-label').endsWith('removed')
assert document.querySelector('#summary').textContent.includes('changes since the earlier look')
click #changes
assert document.querySelectorAll('#mesh .edge.removed').length == 0
assert document.querySelector('#changed') == null
assert getComputedStyle(document.querySelector('#mesh .node.removed')).display == 'none'
assert !document.querySelector('#mesh').classList.contains('marks')
click #changes
assert document.querySelectorAll('#mesh .edge.removed').length == 1
END
    [ "$(sed -n 1p out)" = '["edge  mutual kept: n1 ↔ n2: each has the other in the mesh","edge  mutual added: n1 ↔ n3: each has the other in the mesh; added","edge  mutual kept: n2 ↔ n3: each has the other in the mesh","edge  mutual removed: n3 ↔ n4: each has the other in the mesh; removed"]' ]
    [ "$(sed -n 2p out)" = '["+","−"]' ]
    [[ $(sed -n 3p out) == *'+ addedmesh'*'n1 → n3'* ]]
}

@test "a node keeps its place from one look to the next, whatever comes and goes" {
    local places="eval Object.fromEntries(nodes.map(node => [node.id, [node.x, node.y]]))" count
    for count in 6 40; do
        snapshot $((count + 1)) 2
        mv sound.json after.json
        snapshot "$count" 2
        jq '.nodes |= map(if .peer_id == "n1" then .topics.t.mesh += ["n5"] elif .peer_id == "n5" then .topics.t.mesh += ["n1"]
                elif .peer_id == "n3" then .topics.t.mesh -= ["n4"] elif .peer_id == "n4" then .topics.t.mesh -= ["n3"] else . end)' after.json > odd.json
        page sound.json
        browse mesh.html <<< "$places" > "before$count"
        page --before sound.json odd.json
        browse mesh.html > "after$count" << END
$places
assert document.querySelectorAll('#mesh .edge.added').length > 1 && document.querySelectorAll('#mesh .edge.removed').length == 1
assert nodes.every(a => nodes.every(b => a === b || Math.hypot(a.x - b.x, a.y - b.y) > 0.04))
END
        jq -es '.[0] as $before | .[1] as $after | ($after | length) == ($before | length) + 1 and
            all($before | keys[]; . as $id | [0, 1] | all($before[$id][.] - $after[$id][.] | fabs < 1e-6))' "before$count" "after$count"
    done
    # Where there are few, without a word of the earlier look and with other edges, too.
    snapshot 6 1
    page sound.json
    browse mesh.html <<< "$places" | jq -es '.[0] == .[1]' - before6
}

@test "what nodes say stays text" {
    snapshot 2
    evil="</script><img src=x onerror=window.hit=1><b>&amp;\${1}"
    jq --arg evil "$evil" '(.. | strings | select(. == "n1" or . == "t" or . == "devnet0")) = $evil |
        .nodes[].agent = $evil | .nodes[].volatile = {api: $evil, statistics: {a: [$evil]}} |
        .nodes[].topics = {($evil): .nodes[0].topics.t}' sound.json > odd.json
    page --before sound.json odd.json
    browse mesh.html > out << 'END'
press Tab 8
press Enter
click #edges summary
assert document.querySelectorAll('img, b').length == 0
assert window.hit === undefined
assert document.scripts.length == 2
eval document.querySelector('#details').innerText
eval document.querySelector('#nodes').innerText
END
    [ "$(grep -cF -e "$evil" out)" -eq 2 ]
    # JSON that is of another kind than ours is no cause for an error either.
    jq '.nodes[0].volatile = {peers: 5, topics: [], statistics: 7, api: {}} | .nodes[0].gossipsub = {d_low: 1, d_high: 2, d: {}} |
        .nodes[0].listen = []' sound.json > odd.json
    page odd.json
    browse mesh.html <<< "assert document.querySelectorAll('#mesh .edge').length == 1"
}

@test "it can be read, light and dark, and has a name for each control" {
    snapshot 6
    jq '.nodes[1].topics.t.mesh = [] | .nodes[2].peers[0].inbound_streams += [{connection: "c9", stream_id: 9}]' sound.json > odd.json
    page --before sound.json odd.json
    browse mesh.html > out << 'END'
press Tab 8
press Enter
press Tab
eval document.querySelector('#edges').open = true
until document.querySelectorAll('#edges tbody tr').length > 0
click #close
contrast
scheme dark
contrast
tree
END
    jq -es 'map(select(.ratio?)) | length == 2 and all(.ratio >= 4.5)' out
    jq -es 'map(select(.focusable? and .role != "RootWebArea")) | length > 20 and all(.name | length > 0)' out
    jq -es 'any(.[]; .role? == "table" and .name == "Edges of t") and any(.[]; .role? == "searchbox" and .name == "Find")' out
}

@test "the picture of live nodes tells their round trips" {
    start_node a --topic lean:block
    start_dialler b a --topic lean:block
    await_mesh a b
    page "$(ready a .api)" "$(ready b .api)"
    browse mesh.html << 'END'
assert document.querySelectorAll('#mesh .edge.mutual').length == 1
press Tab 7
press Enter
until /\d ms/.test(document.querySelector('#details table').parentElement.innerText)
until document.querySelector('#details').innerText.includes('devnet-node/')
END
}

@test "a mesh of 1,000 nodes is drawn, and does not stand still" {
    snapshot 1000 4
    page sound.json
    browse mesh.html > out << 'END'
until document.documentElement.dataset.drawn == 'yes'
eval performance.now()
assert document.querySelectorAll('#mesh .edge').length == 3990
assert [...document.querySelectorAll('#mesh .body')].every(body => body.getBoundingClientRect().width < 14)
eval (() => { const begun = performance.now(); redo(); return performance.now() - begun })()
click #search
type n777
press Enter
until document.querySelector('#details h2').textContent == 'n777'
press ArrowLeft
assert document.activeElement.getAttribute('aria-label') != null
click #in
until document.querySelector('#mesh').classList.contains('zoomed')
click #nodes summary
until document.querySelectorAll('#nodes tbody tr').length == 200
click #nodes p button
until document.querySelectorAll('#nodes tbody tr').length == 400
eval nodes.every(node => node.x >= 0 && node.x <= 1 && node.y >= 0 && node.y <= 1)
eval JSON.stringify(nodes.map(node => [node.x, node.y]))
reload
eval JSON.stringify(nodes.map(node => [node.x, node.y]))
END
    jq -es '.[0] < 15000 and .[1] < 5000 and .[2] == true and .[3] == .[4]' out
}

@test "a mesh that is too large for forces is drawn too" {
    snapshot 2500
    page sound.json
    browse mesh.html << 'END'
until document.documentElement.dataset.drawn == 'yes'
assert document.querySelectorAll('#mesh [role=button]').length == 2500
END
}

@test "a mesh of nobody is a page too" {
    jq -n '{format: "devnet-mesh-snapshot", version: 1, nodes: [], unreachable: []}' > none.json
    page none.json
    browse mesh.html << 'END'
assert document.querySelectorAll('#mesh [role=button]').length == 0
assert document.querySelector('#topic').textContent == 'no node has one'
END
}
