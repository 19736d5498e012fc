// A Lean peer made of js-libp2p, driven by a script: commands come in on stdin and events go out on
// stdout, one JSON object a line each.

import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

import { quic } from '@chainsafe/libp2p-quic'
import { generateKeyPair, generateKeyPairFromSeed, privateKeyFromRaw } from '@libp2p/crypto/keys'
import { gossipsub, StrictNoSign, StrictSign } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { peerIdFromString } from '@libp2p/peer-id'
import { byteStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import * as wire from './wire.mjs'

const USAGE = `usage: node peer.mjs [options]
  --listen MULTIADDR     listen here (default /ip4/127.0.0.1/udp/0/quic-v1; repeatable)
  --dial MULTIADDR       dial this once listening (repeatable)
  --key-type TYPE        secp256k1 (default) or ed25519
  --seed HEX             32 bytes that the identity is made of (default: random)
  --network NAME         network part of topics (default 12345678)
  --topic NAME           subscribe: block, attestation_0 or a whole topic (default block; repeatable)
  --meshsub VERSIONS     the gossipsub versions offered, best first (default 1.2,1.1,1.0)
  --sign POLICY          none (default) or strict: whether messages are signed and must be
  --max-rpc BYTES        the largest RPC taken (default 10 MiB)
  --status               speak the status protocol: answer it, and ask it where we dialled
  --status-answer HEX    answer status with these bytes, whatever they are
  --publish TEXT         publish once, when a peer has joined the mesh of the first topic
  --wait-message         exit with 0 after the first message

ends when stdin does; commands there, such as {"command":"dial","address":"/ip4/..."}:
  dial {address}, ping {peer_id}, status {peer_id}, publish {topic, text, hex or bytes (so many
  random ones), raw (true: not compressed)}, subscribe {topic}, unsubscribe {topic}, mesh {topic},
  streams, orphan {peer_id}, close {direction}, exit
`

// The parameters of Lean networks, under the names that js-libp2p has for them.
const LEAN_GOSSIP = {
  D: 8,
  Dlo: 6,
  Dhi: 12,
  Dlazy: 6,
  heartbeatInterval: 700,
  fanoutTTL: 60_000,
  mcacheLength: 6,
  mcacheGossip: 3,
  seenTTL: 24_000,
  pruneBackoff: 60_000,
  idontwantMinDataSize: 1024,
  allowPublishToZeroTopicPeers: true,
  fallbackToFloodsub: false,
  msgIdToStrFn: (id) => Buffer.from(id).toString('hex')
}

// Signed messages keep the default id, of author and sequence number.
function signing (policy) {
  if (policy === 'strict') return { globalSignaturePolicy: StrictSign }
  return { globalSignaturePolicy: StrictNoSign, msgIdFn: ({ topic, data }) => wire.messageId(topic, data) }
}

const OUR_STATUS = {
  finalized: { root: '11'.repeat(32), slot: 64 },
  head: { root: '22'.repeat(32), slot: 96 }
}

const DIAL_TIMEOUT_MS = 10_000
const SHOWN_PAYLOAD = 4096 // bytes, up to which a message's payload is printed

function report (event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
}

async function makeKey (type, seed) {
  if (seed == null) return generateKeyPair(type === 'ed25519' ? 'Ed25519' : 'secp256k1')
  const bytes = Buffer.from(seed, 'hex')
  if (bytes.length !== 32) throw new Error(`--seed: ${bytes.length} bytes of hex instead of 32`)
  return type === 'ed25519' ? generateKeyPairFromSeed('Ed25519', bytes) : privateKeyFromRaw(bytes)
}

// js-libp2p offers no option for the versions of gossipsub, but reads this list when it starts.
function gossipsubOf (versions, options) {
  return (components) => {
    const service = gossipsub(options)(components)
    service.protocols = versions.split(',').map((version) => `/meshsub/${version}.0`)
    return service
  }
}

// Not `for await (... of stream)`: that never ends where the FIN was there before it began.
async function readToEnd (stream) {
  const bytes = byteStream(stream)
  const parts = []
  for (let chunk; (chunk = await bytes.read()) != null;) parts.push(chunk.subarray())
  return Buffer.concat(parts)
}

async function answerStatus (answer, stream, connection) {
  const status = wire.decodeStatusRequest(await readToEnd(stream))
  report('status_answered', { peer_id: connection.remotePeer.toString(), ...status })
  stream.send(answer)
  await stream.close()
}

async function askStatus (connection) {
  const peerId = connection.remotePeer.toString()
  try {
    const stream = await connection.newStream(wire.STATUS_PROTOCOL)
    stream.send(wire.encodeStatusRequest(OUR_STATUS))
    const [response] = await Promise.all([readToEnd(stream), stream.close()])
    report('status', { peer_id: peerId, ...wire.decodeStatusResponse(response) })
  } catch (error) {
    report('status_failed', { peer_id: peerId, error: error.message })
  }
}

function describeMessage ({ propagationSource, msgId, msg }) {
  const fields = { peer_id: propagationSource.toString(), topic: msg.topic, id: msgId }
  try {
    const payload = wire.decompressBlock(msg.data)
    const shown = payload.length <= SHOWN_PAYLOAD && { text: payload.toString(), hex: payload.toString('hex') }
    return { ...fields, bytes: payload.length, ...shown }
  } catch (error) {
    return { ...fields, error: error.message }
  }
}

function describeConnection (connection) {
  return {
    id: connection.id,
    peer_id: connection.remotePeer.toString(),
    direction: connection.direction,
    address: connection.remoteAddr.toString()
  }
}

function describeStreams (connection) {
  const streams = connection.streams.map(({ id, protocol, direction, status }) => ({
    id, protocol: protocol ?? null, direction, status
  }))
  return { ...describeConnection(connection), streams }
}

function reportConnections (node, options) {
  node.addEventListener('connection:open', ({ detail }) => {
    report('connection_opened', describeConnection(detail))
    if (options.status && detail.direction === 'outbound') askStatus(detail)
  })
  node.addEventListener('connection:close', ({ detail }) => report('connection_closed', describeConnection(detail)))
  node.addEventListener('peer:connect', ({ detail }) => report('connected', { peer_id: detail.toString() }))
  node.addEventListener('peer:disconnect', ({ detail }) => report('disconnected', { peer_id: detail.toString() }))
  node.addEventListener('peer:identify', ({ detail }) => report('identified', {
    peer_id: detail.peerId.toString(),
    agent: detail.agentVersion,
    protocol_version: detail.protocolVersion,
    protocols: detail.protocols,
    observed_address: detail.observedAddr?.toString()
  }))
}

function reportGossip (router) {
  router.addEventListener('subscription-change', ({ detail }) => {
    for (const { topic, subscribe } of detail.subscriptions) {
      report(subscribe ? 'subscribed' : 'unsubscribed', { peer_id: detail.peerId.toString(), topic })
    }
  })
  // Emitted for both sides' GRAFT and PRUNE: "outbound" are our own.
  for (const change of ['graft', 'prune']) {
    router.addEventListener(`gossipsub:${change}`, ({ detail }) => {
      report(change, { peer_id: detail.peerId, topic: detail.topic, direction: detail.direction })
    })
  }
  router.addEventListener('gossipsub:message', ({ detail }) => report('message', describeMessage(detail)))
}

function payloadOf ({ text, hex, bytes }) {
  if (bytes != null) return randomBytes(bytes)
  return hex == null ? Buffer.from(text ?? '') : Buffer.from(hex, 'hex')
}

async function publish (router, topic, payload, { raw, signed }) {
  const data = raw ? payload : wire.compressBlock(payload)
  const { recipients } = await router.publish(topic, data)
  report('published', {
    topic,
    id: signed ? undefined : wire.messageId(topic, data).toString('hex'),
    recipients: recipients.map((peer) => peer.toString())
  })
}

function makeCommands (node, options) {
  const router = node.services.gossipsub
  const topicOf = ({ topic }) => wire.topicName(options.network, topic ?? options.topic[0])
  return {
    async dial ({ address }) {
      // Forced, so that a connection is made even where one exists: the simultaneous dial.
      const connection = await node.dial(multiaddr(address), {
        force: true, signal: AbortSignal.timeout(DIAL_TIMEOUT_MS)
      })
      report('dialled', describeConnection(connection))
    },
    async ping ({ peer_id: peerId }) {
      report('pinged', { peer_id: peerId, rtt_ms: await node.services.ping.ping(peerIdFromString(peerId)) })
    },
    status: ({ peer_id: peerId }) => askStatus(node.getConnections(peerIdFromString(peerId))[0]),
    async publish (command) {
      await publish(router, topicOf(command), payloadOf(command), {
        raw: command.raw, signed: options.sign === 'strict'
      })
    },
    subscribe: (command) => router.subscribe(topicOf(command)),
    unsubscribe: (command) => router.unsubscribe(topicOf(command)),
    mesh (command) {
      const topic = topicOf(command)
      report('mesh', {
        topic,
        peers: router.getMeshPeers(topic),
        subscribers: router.getSubscribers(topic).map(String),
        subscribed: router.getTopics().includes(topic)
      })
    },
    streams: () => report('streams', { connections: node.getConnections().map(describeStreams) }),
    // A gossipsub stream beside the router's own, which nobody uses or ends.
    async orphan ({ peer_id: peerId }) {
      const stream = await node.getConnections(peerIdFromString(peerId))[0].newStream(router.protocols)
      stream.send(Uint8Array.of(0)) // an RPC that says nothing
      report('orphan', { peer_id: peerId, stream: stream.id, protocol: stream.protocol })
    },
    // The connections of one direction, or all.
    async close ({ direction }) {
      const connections = node.getConnections().filter((one) => direction == null || one.direction === direction)
      await Promise.all(connections.map((one) => one.close()))
    },
    async exit () {
      await node.stop()
      process.exit(0)
    }
  }
}

async function obey (commands, line) {
  let name = null
  try {
    const command = JSON.parse(line)
    name = command.command
    if (!Object.hasOwn(commands, name)) throw new Error('no such command')
    await commands[name](command)
  } catch (error) {
    report('error', { command: name, error: error.message })
  }
}

function parseOptions () {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string', multiple: true, default: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
      dial: { type: 'string', multiple: true, default: [] },
      'key-type': { type: 'string', default: 'secp256k1' },
      seed: { type: 'string' },
      network: { type: 'string', default: '12345678' },
      topic: { type: 'string', multiple: true, default: ['block'] },
      meshsub: { type: 'string', default: '1.2,1.1,1.0' },
      sign: { type: 'string', default: 'none' },
      'max-rpc': { type: 'string', default: '10485760' },
      status: { type: 'boolean', default: false },
      'status-answer': { type: 'string' },
      publish: { type: 'string' },
      'wait-message': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(USAGE)
    process.exit(0)
  }
  return values
}

async function makeNode (options) {
  return createLibp2p({
    privateKey: await makeKey(options['key-type'], options.seed),
    addresses: { listen: options.listen },
    transports: [quic()],
    // The default refuses the sixth connection a second from one host, without a word.
    connectionManager: { inboundConnectionThreshold: Infinity },
    services: {
      identify: identify(),
      ping: ping(),
      gossipsub: gossipsubOf(options.meshsub, {
        ...LEAN_GOSSIP, ...signing(options.sign), maxInboundDataLength: Number(options['max-rpc'])
      })
    },
    start: false
  })
}

async function main () {
  const options = parseOptions()
  const node = await makeNode(options)
  const router = node.services.gossipsub
  const commands = makeCommands(node, options)
  reportConnections(node, options)
  reportGossip(router)
  const answer = options['status-answer']
  if (options.status) {
    await node.handle(wire.STATUS_PROTOCOL, (stream, connection) => answerStatus(
      answer == null ? wire.encodeStatusResponse(OUR_STATUS) : Buffer.from(answer, 'hex'), stream, connection))
  }
  if (options.publish != null) {
    router.addEventListener('gossipsub:graft', () => obey(commands, JSON.stringify({
      command: 'publish', text: options.publish
    })), { once: true })
  }
  if (options['wait-message']) router.addEventListener('message', () => commands.exit(), { once: true })

  await node.start()
  for (const topic of options.topic) router.subscribe(wire.topicName(options.network, topic))
  report('ready', { peer_id: node.peerId.toString(), listen: node.getMultiaddrs().map(String), pid: process.pid })

  for (const address of options.dial) obey(commands, JSON.stringify({ command: 'dial', address }))
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') obey(commands, line)
  }
  // Whoever drove this peer is gone: leave nothing behind.
  await commands.exit()
}

main().catch((error) => {
  process.stderr.write(`peer.mjs: ${error.message}\n`)
  process.exit(1)
})
