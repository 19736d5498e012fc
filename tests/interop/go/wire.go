// What Lean nodes put on the wire and go-libp2p does not bring: message ids, the status exchange.

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/golang/snappy"
)

const (
	statusProtocol = "/leanconsensus/req/status/1/ssz_snappy"
	statusSize     = 80
	maxBlock       = 10 << 20
	messageIDSize  = 20
)

type checkpoint struct {
	Root string `json:"root"`
	Slot uint64 `json:"slot"`
}

type status struct{ Finalized, Head checkpoint }

func decompressBlock(block []byte) ([]byte, error) {
	if size, err := snappy.DecodedLen(block); err != nil || size > maxBlock {
		return nil, fmt.Errorf("snappy: no block of up to %d bytes", maxBlock)
	}
	return snappy.Decode(nil, block)
}

// First 20 bytes of SHA-256 over domain, topic length, topic and payload; the domain says whether
// the payload could be decompressed.
func messageID(topic string, data []byte) []byte {
	input := []byte{1, 0, 0, 0}
	payload, err := decompressBlock(data)
	if err != nil {
		input[0], payload = 0, data
	}
	input = binary.LittleEndian.AppendUint64(input, uint64(len(topic)))
	input = append(append(input, topic...), payload...)
	hash := sha256.Sum256(input)
	return hash[:messageIDSize]
}

func (s status) encode() []byte {
	var ssz []byte
	for _, c := range []checkpoint{s.Finalized, s.Head} {
		root, _ := hex.DecodeString(c.Root)
		ssz = binary.LittleEndian.AppendUint64(append(ssz, root...), c.Slot)
	}
	var frames bytes.Buffer
	writer := snappy.NewBufferedWriter(&frames)
	writer.Write(ssz)
	writer.Close()
	return append(binary.AppendUvarint(nil, statusSize), frames.Bytes()...)
}

func decodeStatus(message []byte) (status, error) {
	announced, size := binary.Uvarint(message)
	if size <= 0 {
		return status{}, errors.New("status: no length")
	}
	ssz, err := io.ReadAll(snappy.NewReader(bytes.NewReader(message[size:])))
	if err != nil {
		return status{}, err
	}
	if announced != statusSize || len(ssz) != statusSize {
		return status{}, fmt.Errorf("status: announced %d bytes, came %d, instead of %d",
			announced, len(ssz), statusSize)
	}
	at := func(offset int) checkpoint {
		return checkpoint{hex.EncodeToString(ssz[offset : offset+32]), binary.LittleEndian.Uint64(ssz[offset+32:])}
	}
	return status{at(0), at(40)}, nil
}

func decodeStatusResponse(message []byte) (status, error) {
	if len(message) == 0 {
		return status{}, errors.New("status: an empty response")
	}
	if message[0] != 0 {
		return status{}, fmt.Errorf("status: answered with code %d", message[0])
	}
	return decodeStatus(message[1:])
}
