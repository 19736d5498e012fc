// How many gossip messages two js-libp2p nodes move: a publisher and a receiver, a process each, over
// loopback. The same work as gossip_flow.c, but for snappy, which is left out in js-libp2p's favour.
// Prints one JSON object: size, messages, received, wall_ms, cpu_ms and rss_kb of both together.
//
// node flow.mjs SIZE MESSAGES

import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

import { quic } from '@chainsafe/libp2p-quic'
import { gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const TOPIC = '/leanconsensus/12345678/block/ssz_snappy'
const AHEAD_BYTES = 1 << 20 // that may be under way before the publisher waits for the receiver
const SILENCE_MS = 5000 // after which what has not come is lost
const ID_SIZE = 20

const messageId = ({ topic, data }) =>
  createHash('sha256').update(topic).update(data).digest().subarray(0, ID_SIZE)

function makeNode () {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    connectionManager: { inboundConnectionThreshold: Infinity },
    services: {
      identify: identify(),
      gossipsub: gossipsub({
        heartbeatInterval: 700,
        seenTTL: 24_000,
        globalSignaturePolicy: StrictNoSign,
        allowPublishToZeroTopicPeers: true,
        msgIdFn: messageId,
        msgIdToStrFn: (id) => Buffer.from(id).toString('hex')
      })
    }
  })
}

function usage () {
  const { user, system } = process.cpuUsage()
  return { cpu_ms: (user + system) / 1000, rss_kb: process.resourceUsage().maxRSS }
}

const aheadOf = (size) => Math.max(1, Math.floor(AHEAD_BYTES / size))

// Tells of its progress now and then: each word between processes costs.
async function receive (size, messages) {
  const step = Math.max(1, Math.floor(aheadOf(size) / 8))
  const node = await makeNode()
  let received = 0
  node.services.gossipsub.addEventListener('gossipsub:message', () => {
    received++
    if (received % step === 0 || received === messages) process.send({ received })
  })
  node.services.gossipsub.subscribe(TOPIC)
  process.send({ address: node.getMultiaddrs()[0].toString() })
  await once(process, 'message')
  process.send({ usage: usage() }, () => process.exit())
}

async function publish (size, messages) {
  const started = performance.now()
  const child = fork(process.argv[1], ['receive', size, messages])
  let received = 0
  let last = performance.now()
  const told = new Promise((resolve) => child.on('message', (message) => {
    if (message.address != null) resolve(message.address)
    if (message.received != null) {
      received = message.received
      last = performance.now()
    }
  }))
  const address = await told
  const node = await makeNode()
  const router = node.services.gossipsub
  router.subscribe(TOPIC)
  await node.dial(multiaddr(address))
  while (router.getMeshPeers(TOPIC).length === 0) await sleep(10)
  const ahead = aheadOf(size)
  const payload = randomBytes(size)
  last = performance.now()
  for (let sent = 0; sent < messages; sent++) {
    payload.writeUInt32LE(sent, 0)
    await router.publish(TOPIC, Uint8Array.from(payload))
    while (sent - received >= ahead && performance.now() - last < SILENCE_MS) await sleep(1)
  }
  while (received < messages && performance.now() - last < SILENCE_MS) await sleep(10)
  const wall = performance.now() - started
  const answer = new Promise((resolve) => child.on('message', (message) => message.usage && resolve(message.usage)))
  child.send('stop')
  const [ours, theirs] = [usage(), await answer]
  console.log(JSON.stringify({
    size,
    messages,
    received,
    wall_ms: wall,
    cpu_ms: ours.cpu_ms + theirs.cpu_ms,
    rss_kb: Math.max(ours.rss_kb, theirs.rss_kb)
  }))
  process.exit()
}

const [size, messages] = process.argv.slice(-2).map(Number)
if (process.argv[2] === 'receive') await receive(size, messages)
else await publish(size, messages)
