#!/usr/bin/env bats
# What tests see pages with: it does what a person would, and lets nothing pass that a page should
# not do.
# shellcheck disable=SC2154 # browser.bash sets browser_node

bats_require_minimum_version 1.5.0
load browser.bash
load helpers.bash

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    require_browser
    cat > page.html << 'END'
<!doctype html>
<html lang="en"><title>A page</title>
<style>@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }</style>
<button title="why">go</button><label>Find<input></label><p style="color: #777">grey</p>
<script>
document.querySelector('button').onclick = event => { window.clicked = event.isTrusted }
document.querySelector('p').onmouseenter = event => { window.entered = event.isTrusted }
</script></html>
END
}

# Fails, and says so: refused PAGE PATTERN < STEPS.
refused() {
    local status=0
    browse "$1" > out 2> err || status=$?
    [ "$status" -eq 1 ] && grep -q -- "$2" err
}

@test "keys and the mouse are a person's" {
    browse page.html << 'END'
press Tab
assert document.activeElement.tagName == 'BUTTON'
press Enter
assert window.clicked === true
press Tab
type a <b> é
assert document.querySelector('input').value == 'a <b> é'
press Shift+Tab
assert document.activeElement.tagName == 'BUTTON'
move p
assert window.entered === true
reload
assert window.clicked === undefined
click button
until window.clicked === true
END
}

@test "values, names for screen readers, contrast and pictures come out" {
    browse page.html > out << 'END'
eval [1, "a"]
eval Promise.resolve({ b: null })
tree
contrast
scheme dark
eval getComputedStyle(document.body).color
size 300x200
eval innerWidth
screenshot shot.png
END
    [ "$(head -n 2 out)" = "$(printf '%s\n' '[1,"a"]' '{"b":null}')" ]
    jq -es 'any(.[]; .role? == "button" and .name == "go" and .description == "why")' out
    jq -es 'any(.[]; .role? == "textbox" and .name == "Find")' out
    jq -es 'any(.[]; .ratio? == 4.48 and .text == "grey")' out
    [ "$(tail -n 2 out)" = "$(printf '%s\n' '"rgb(255, 255, 255)"' 300)" ]
    [ "$(od -An -tx1 -j16 -N8 shot.png | tr -d ' ')" = 0000012c000000c8 ] # its header's 300 x 200
}

@test "what a page should not do fails" {
    echo '<script>missing()</script>' > bad.html
    refused bad.html 'uncaught: ReferenceError' < /dev/null
    echo '<script>console.error("so", 1)</script>' > bad.html
    refused bad.html 'console: so 1' < /dev/null
    echo '<img src="other.png">' > bad.html
    refused bad.html 'asked for file://.*/other.png' < /dev/null
    echo '<link rel="stylesheet" href="http://127.0.0.1:1/">' > bad.html
    refused bad.html 'asked for http://127.0.0.1:1/' < /dev/null
    cat > bad.html << 'END'
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><script>0</script>
END
    refused bad.html 'Content Security Policy' < /dev/null
    refused none.html ERR_FILE_NOT_FOUND < /dev/null
}

@test "a step that fails ends it, and so does the time" {
    refused page.html 'assert 1 == 2: it is not so' <<< 'assert 1 == 2'
    refused page.html 'eval missing: ReferenceError' <<< 'eval missing'
    refused page.html 'click #none: no such element' <<< 'click #none'
    refused page.html 'no such step: dance' <<< 'dance'
    DEADLINE=10 refused page.html 'in vain: false' <<< 'until false'
}

# The processes that have this test's folder among their arguments, or had: one a line.
chromiums() {
    grep --files-with-matches --fixed-strings --null-data -- "$BATS_TEST_TMPDIR/chromium-" \
        /proc/[0-9]*/cmdline 2> /dev/null || true
}

@test "no Chromium is left, nor its folder" {
    browse page.html <<< 'eval 1'
    refused page.html 'it is not so' <<< 'assert false'
    [ -z "$(compgen -G 'chromium-*')" ]
    for signal in TERM KILL; do
        "$browser_node" "$BATS_TEST_DIRNAME/browser.mjs" page.html <<< 'until false' 2> err 3>&- &
        eventually any_left
        kill -s "$signal" $!
        wait $! || true
        eventually none_left
        rm -rf chromium-* # which is there after KILL
    done
}

any_left() { [ -n "$(chromiums)" ]; }
none_left() { [ -z "$(chromiums)" ]; }
