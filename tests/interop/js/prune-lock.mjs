// Drops from package-lock.json what it names as optional and does not hold: native code for other
// machines. With those names in it, some versions of npm call the lock incomplete and refuse it.

import { readFileSync, writeFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
for (const { optionalDependencies } of Object.values(lock.packages)) {
  for (const name in optionalDependencies) {
    if (!(`node_modules/${name}` in lock.packages)) delete optionalDependencies[name]
  }
}
writeFileSync('package-lock.json', JSON.stringify(lock, null, 2) + '\n')
