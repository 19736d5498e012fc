// usage: node await.mjs FILE CONDITION [PRINT] [SKIP]
// Follows FILE, one JSON object a line, until CONDITION holds for an object `e` after the first SKIP
// lines, and prints the value of PRINT there (default: the object). Both are JavaScript expressions.
// Gives up after 20 s with exit status 1 and what the file held.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const GIVE_UP_MS = 20_000
const POLL_MS = 10

const [file, condition, print = 'e', skip = '0'] = process.argv.slice(2)
const holds = new Function('e', `return ${condition}`)
const value = new Function('e', `return ${print}`)

function wholeLines () {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(Number(skip), -1)
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

const end = Date.now() + GIVE_UP_MS
for (let read = 0; Date.now() < end; await sleep(POLL_MS)) {
  const lines = wholeLines()
  for (; read < lines.length; read++) {
    const object = JSON.parse(lines[read])
    if (holds(object)) {
      const found = value(object)
      console.log(typeof found === 'string' ? found : JSON.stringify(found))
      process.exit(0)
    }
  }
}
console.error(`await.mjs: ${file}: no line with ${condition}; it holds:\n${wholeLines().join('\n')}`)
process.exit(1)
