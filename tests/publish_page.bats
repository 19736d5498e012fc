#!/usr/bin/env bats
# The page that devnet publish --html writes, in a browser: light and dark, wide and narrow.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load own_devnet.bash
load browser.bash

@test "who got messages when is drawn and listed, can be read anywhere, and what nodes say stays text" {
    require_browser
    evil="</script><img src=x onerror=window.hit=1><b>&amp;\${1}"
    devnet up -n 3 --connect line -- --topic lean:block --topic "$evil" > out
    devnet publish node1 "$evil" text --count 3 --html page.html
    browse page.html > out << 'END'
assert document.querySelector('h1.good').textContent == 'Every message arrived everywhere'
assert document.querySelectorAll('#plot circle.dot').length == 3
assert document.querySelectorAll('#plot rect.dot.far').length == 3
eval [...document.querySelectorAll('#table tbody tr')].map(row => [row.cells[0], row.cells[1], row.cells[5], row.cells[7]].map(cell => cell.textContent).join(' '))
eval document.querySelector('#summary').textContent
assert document.querySelectorAll('img, b').length == 0
assert window.hit === undefined
assert document.scripts.length == 2
contrast
scheme dark
contrast
eval (() => { window.inside = () => (all => [...document.querySelectorAll('#plot text, #plot .dot')].map(e => e.getBoundingClientRect()).every(b => b.left >= all.left && b.right <= all.right))(document.querySelector('#plot').getBoundingClientRect()) })()
assert inside()
size 375x700
eval new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => null)
until document.querySelector('#plot').viewBox.baseVal.width < 375
assert document.scrollingElement.scrollWidth <= innerWidth
assert inside()
END
    [ "$(sed -n 1p out)" = '["node2 3 of 3 1 node1 3","node3 3 of 3 2 node2 3"]' ]
    [[ $(sed -n 2p out | jq -r .) == "3 messages of node1 on $evil; first "* ]]
    jq -es 'map(select(.ratio?)) | length == 2 and all(.ratio >= 4.5)' out

    # Where none came to a node, the heading and its lane tell it.
    python3 - << 'END'
import json
page = open("page.html").read()
begin = page.index('<script type="application/json">') + len('<script type="application/json">')
end = page.index("</script>", begin)
report = json.loads(page[begin:end])
report["arrivals"] = [arrival for arrival in report["arrivals"] if arrival["node"] != "node3"]
report["nodes"][1] |= {"got": 0, "first_ms": None, "median_ms": None, "last_ms": None, "hops": None, "from": {}}
report["arrived"] = 3
open("page.html", "w").write(page[:begin] + json.dumps(report).replace("<", "\\u003c") + page[end:])
END
    browse page.html > out << 'END'
assert document.querySelector('h1.bad').textContent == '3 of 6 arrivals are missing'
assert document.querySelector('#plot .none').textContent == 'none came'
assert [...document.querySelectorAll('#table tbody tr')].map(row => row.cells[1].textContent).join() == '3 of 3,0 of 3'
contrast
scheme dark
contrast
END
    jq -es 'map(select(.ratio?)) | length == 2 and all(.ratio >= 4.5)' out
}
