// What Lean nodes put on the wire and js-libp2p does not bring: snappy, message ids, the status exchange.

import { createHash } from 'node:crypto'

const LITERAL = 0
const COPY_1_BYTE_OFFSET = 1
const COPY_2_BYTE_OFFSET = 2
const LITERAL_WITH_2_BYTE_LENGTH = 61 << 2
const MAX_BLOCK = 10 * 1024 * 1024

const FRAME_COMPRESSED = 0x00
const FRAME_UNCOMPRESSED = 0x01
const FRAME_FIRST_SKIPPABLE = 0x80
const FRAME_IDENTIFIER = 0xff
const STREAM_IDENTIFIER = Buffer.from('ff060000734e61507059', 'hex')
const MAX_FRAME_CONTENT = 65536

const CODE_SUCCESS = 0
const STATUS_SIZE = 80

export const STATUS_PROTOCOL = '/leanconsensus/req/status/1/ssz_snappy'

export function topicName (network, name) {
  return name.startsWith('/') ? name : `/leanconsensus/${network}/${name}/ssz_snappy`
}

// Unsigned LEB128: the one number format of libp2p, protobuf and snappy.
export function encodeVarint (value) {
  const bytes = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  bytes.push(value)
  return Buffer.from(bytes)
}

export function decodeVarint (bytes) {
  let value = 0
  for (let i = 0; i < bytes.length && i < 5; i++) {
    value += (bytes[i] & 0x7f) * 2 ** (7 * i)
    if (bytes[i] < 0x80) return { value, size: i + 1 }
  }
  throw new Error('varint: cut short or longer than 5 bytes')
}

// A snappy block of literals only: legal for every decoder, though it compresses nothing.
export function compressBlock (data) {
  const parts = [encodeVarint(data.length)]
  for (let at = 0; at < data.length; at += MAX_FRAME_CONTENT) {
    const literal = data.subarray(at, at + MAX_FRAME_CONTENT)
    const tag = Buffer.from([LITERAL_WITH_2_BYTE_LENGTH, 0, 0])
    tag.writeUInt16LE(literal.length - 1, 1)
    parts.push(tag, literal)
  }
  return Buffer.concat(parts)
}

export function decompressBlock (block) {
  const { value: length, size } = decodeVarint(block)
  if (length > MAX_BLOCK) throw new Error(`snappy: a block of ${length} bytes is over the limit`)
  const input = Buffer.from(block)
  const output = Buffer.alloc(length)
  let at = size
  let filled = 0
  while (at < input.length) {
    const element = readElement(input, at)
    if (filled + element.length > length) throw new Error('snappy: more data than announced')
    if (element.literal) {
      if (element.next > input.length) throw new Error('snappy: literal cut short')
      input.copy(output, filled, element.next - element.length, element.next)
    } else {
      if (element.offset === 0 || element.offset > filled) throw new Error('snappy: copy from outside')
      // Byte by byte: source and destination overlap when a pattern repeats.
      for (let i = 0; i < element.length; i++) output[filled + i] = output[filled + i - element.offset]
    }
    filled += element.length
    at = element.next
  }
  if (filled !== length) throw new Error('snappy: less data than announced')
  return output
}

function readElement (input, at) {
  const tag = input[at]
  const kind = tag & 3
  const high = tag >> 2
  if (kind === LITERAL) {
    const lengthBytes = high < 60 ? 0 : high - 59
    const length = 1 + (lengthBytes === 0 ? high : input.readUIntLE(at + 1, lengthBytes))
    return { literal: true, length, next: at + 1 + lengthBytes + length }
  }
  if (kind === COPY_1_BYTE_OFFSET) {
    return { length: 4 + (high & 7), offset: ((tag >> 5) << 8) | input.readUInt8(at + 1), next: at + 2 }
  }
  const offsetBytes = kind === COPY_2_BYTE_OFFSET ? 2 : 4
  return { length: high + 1, offset: input.readUIntLE(at + 1, offsetBytes), next: at + 1 + offsetBytes }
}

function crc32c (data) {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

function maskedChecksum (data) {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

// The framing format, one uncompressed chunk for each 64 KiB.
export function compressFrames (data) {
  const parts = [STREAM_IDENTIFIER]
  for (let at = 0; at < data.length; at += MAX_FRAME_CONTENT) {
    const content = data.subarray(at, at + MAX_FRAME_CONTENT)
    const header = Buffer.alloc(8)
    header.writeUInt8(FRAME_UNCOMPRESSED, 0)
    header.writeUIntLE(4 + content.length, 1, 3)
    header.writeUInt32LE(maskedChecksum(content), 4)
    parts.push(header, content)
  }
  return Buffer.concat(parts)
}

export function decompressFrames (frames) {
  const input = Buffer.from(frames)
  if (!input.subarray(0, STREAM_IDENTIFIER.length).equals(STREAM_IDENTIFIER)) {
    throw new Error('snappy frames: no stream identifier')
  }
  const parts = []
  for (let at = STREAM_IDENTIFIER.length; at < input.length;) {
    const type = input[at]
    const body = input.subarray(at + 4, at + 4 + input.readUIntLE(at + 1, 3))
    if (type === FRAME_COMPRESSED || type === FRAME_UNCOMPRESSED) {
      const content = type === FRAME_COMPRESSED ? decompressBlock(body.subarray(4)) : body.subarray(4)
      if (maskedChecksum(content) !== body.readUInt32LE(0)) throw new Error('snappy frames: wrong checksum')
      parts.push(content)
    } else if (type < FRAME_FIRST_SKIPPABLE && type !== FRAME_IDENTIFIER) {
      throw new Error(`snappy frames: unknown chunk type ${type}`)
    }
    at += 4 + body.length
  }
  return Buffer.concat(parts)
}

// First 20 bytes of SHA-256 over domain, topic length, topic and payload; the domain says whether
// the payload could be decompressed.
export function messageId (topic, data) {
  let domain = Buffer.from([1, 0, 0, 0])
  let payload
  try {
    payload = decompressBlock(data)
  } catch {
    domain = Buffer.from([0, 0, 0, 0])
    payload = data
  }
  const topicBytes = Buffer.from(topic)
  const topicLength = Buffer.alloc(8)
  topicLength.writeBigUInt64LE(BigInt(topicBytes.length))
  const hash = createHash('sha256')
  for (const part of [domain, topicLength, topicBytes, payload]) hash.update(part)
  return hash.digest().subarray(0, 20)
}

function encodeStatus ({ finalized, head }) {
  const ssz = Buffer.alloc(STATUS_SIZE)
  Buffer.from(finalized.root, 'hex').copy(ssz, 0)
  ssz.writeBigUInt64LE(BigInt(finalized.slot), 32)
  Buffer.from(head.root, 'hex').copy(ssz, 40)
  ssz.writeBigUInt64LE(BigInt(head.slot), 72)
  return ssz
}

function decodeStatus (ssz) {
  if (ssz.length !== STATUS_SIZE) throw new Error(`status: ${ssz.length} bytes instead of ${STATUS_SIZE}`)
  const checkpoint = (at) => ({
    root: ssz.subarray(at, at + 32).toString('hex'),
    slot: Number(ssz.readBigUInt64LE(at + 32))
  })
  return { finalized: checkpoint(0), head: checkpoint(40) }
}

export function encodeStatusRequest (status) {
  return Buffer.concat([encodeVarint(STATUS_SIZE), compressFrames(encodeStatus(status))])
}

export function decodeStatusRequest (bytes) {
  const { value: announced, size } = decodeVarint(bytes)
  const ssz = decompressFrames(bytes.subarray(size))
  if (ssz.length !== announced) throw new Error(`status: announced ${announced} bytes, came ${ssz.length}`)
  return decodeStatus(ssz)
}

export function encodeStatusResponse (status) {
  return Buffer.concat([Buffer.from([CODE_SUCCESS]), encodeStatusRequest(status)])
}

export function decodeStatusResponse (bytes) {
  if (bytes.length === 0) throw new Error('status: an empty response')
  if (bytes[0] !== CODE_SUCCESS) throw new Error(`status: answered with code ${bytes[0]}`)
  return decodeStatusRequest(bytes.subarray(1))
}
