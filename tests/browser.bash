# Pages in a headless Chromium, for bats: browse PAGE.html < STEPS. The steps, and what ends it with
# status 1, are told at the top of browser.mjs.
# shellcheck shell=bash

browser_node=$BATS_TEST_DIRNAME/interop/js/node_modules/.bin/node

require_browser() {
    if ! command -v "${CHROMIUM:-chromium}" > /dev/null; then skip "chromium is not installed"; fi
    if [ ! -x "$browser_node" ]; then skip "Node is not installed: make interop"; fi
}

browse() {
    "$browser_node" "$BATS_TEST_DIRNAME/browser.mjs" "$@" 3>&-
}
