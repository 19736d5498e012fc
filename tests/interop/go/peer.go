// A Lean peer made of go-libp2p, driven as js/peer.mjs is: commands come in on stdin and events go
// out on stdout, one JSON object a line each; the same options, commands and events. Writes QUIC
// logs into the folder that QLOGDIR names.

package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

const (
	dialTimeout   = 10 * time.Second
	shownPayload  = 4096 // bytes, up to which a message's payload is printed
	streamTimeout = 10 * time.Second
)

type fields map[string]any

type node struct {
	host     host.Host
	router   *pubsub.PubSub
	options  options
	mutex    sync.Mutex
	topics   map[string]*pubsub.Topic
	readers  map[string]*pubsub.Subscription
	mesh     map[string]map[peer.ID]bool
	grafting map[string]bool // "topic peer" whose GRAFT or PRUNE has just come in
}

var output sync.Mutex

func report(event string, rest fields) {
	line := fields{"event": event}
	for key, value := range rest {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func makeKey(kind, seed string) (crypto.PrivKey, error) {
	types := map[string]int{"rsa": crypto.RSA, "ed25519": crypto.Ed25519, "secp256k1": crypto.Secp256k1, "ecdsa": crypto.ECDSA}
	if seed == "" {
		key, _, err := crypto.GenerateKeyPairWithReader(types[kind], 2048, rand.Reader)
		return key, err
	}
	raw, err := hex.DecodeString(seed)
	if err != nil || len(raw) != 32 {
		return nil, errors.New("--seed: not 32 bytes of hex")
	}
	switch kind {
	case "secp256k1":
		return crypto.UnmarshalSecp256k1PrivateKey(raw)
	case "ed25519":
		return crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(raw))
	}
	return nil, fmt.Errorf("--seed: makes no %s key", kind)
}

func (n *node) answerStatus(stream network.Stream) {
	stream.SetDeadline(time.Now().Add(streamTimeout))
	defer stream.Close()
	request, err := io.ReadAll(stream)
	asked, decoding := decodeStatus(request)
	if err = errors.Join(err, decoding); err != nil {
		report("error", fields{"command": "status", "error": err.Error()})
	} else {
		report("status_answered", fields{"peer_id": stream.Conn().RemotePeer(), "finalized": asked.Finalized, "head": asked.Head})
	}
	stream.Write(n.options.statusAnswer)
}

func (n *node) askStatus(id peer.ID) {
	ctx, cancel := context.WithTimeout(context.Background(), streamTimeout)
	defer cancel()
	stream, err := n.host.NewStream(ctx, id, statusProtocol)
	var answer []byte
	if err == nil {
		defer stream.Close()
		stream.SetDeadline(time.Now().Add(streamTimeout))
		if _, err = stream.Write(ourStatus.encode()); err == nil {
			stream.CloseWrite()
			answer, err = io.ReadAll(stream)
		}
	}
	told, decoding := decodeStatusResponse(answer)
	if err == nil {
		err = decoding
	}
	if err != nil {
		report("status_failed", fields{"peer_id": id, "error": err.Error()})
		return
	}
	report("status", fields{"peer_id": id, "finalized": told.Finalized, "head": told.Head})
}

func (n *node) join(name string) (*pubsub.Topic, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if topic := n.topics[name]; topic != nil {
		return topic, nil
	}
	topic, err := n.router.Join(name)
	if err == nil {
		n.topics[name] = topic
	}
	return topic, err
}

func (n *node) subscribe(name string) error {
	topic, err := n.join(name)
	if err != nil {
		return err
	}
	reader, err := topic.Subscribe()
	if err != nil {
		return err
	}
	n.mutex.Lock()
	n.readers[name] = reader
	n.mutex.Unlock()
	go func() {
		for {
			message, err := reader.Next(context.Background())
			if err != nil {
				return
			}
			if message.ReceivedFrom != n.host.ID() {
				reportMessage(message)
			}
		}
	}()
	return nil
}

func reportMessage(message *pubsub.Message) {
	event := fields{"peer_id": message.ReceivedFrom, "topic": message.GetTopic(), "id": hex.EncodeToString([]byte(message.ID))}
	payload, err := decompressBlock(message.Data)
	if err != nil {
		event["error"] = err.Error()
	} else if event["bytes"] = len(payload); len(payload) <= shownPayload {
		event["text"], event["hex"] = string(payload), hex.EncodeToString(payload)
	}
	report("message", event)
}

func (n *node) publish(name string, c command) error {
	topic, err := n.join(name)
	if err != nil {
		return err
	}
	payload := []byte(c.Text)
	if c.Bytes > 0 {
		payload = make([]byte, c.Bytes)
		rand.Read(payload)
	} else if c.Hex != "" {
		payload, err = hex.DecodeString(c.Hex)
	}
	if err != nil {
		return err
	}
	data := payload
	if !c.Raw {
		data = snappy.Encode(nil, payload)
	}
	event := fields{"topic": name, "recipients": topic.ListPeers()}
	if n.options.sign == "none" { // otherwise the id is of what the router adds
		event["id"] = hex.EncodeToString(messageID(name, data))
	}
	if err = topic.Publish(context.Background(), data); err == nil {
		report("published", event)
	}
	return err
}

func (n *node) ping(id peer.ID) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	result := <-ping.Ping(ctx, n.host, id)
	if result.Error == nil {
		report("pinged", fields{"peer_id": id, "rtt_ms": float64(result.RTT.Microseconds()) / 1000})
	}
	return result.Error
}

func (n *node) dial(address string) error {
	target, err := peer.AddrInfoFromString(address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	if err = n.host.Connect(ctx, *target); err == nil {
		for _, connection := range n.host.Network().ConnsToPeer(target.ID)[:1] {
			report("dialled", describeConnection(connection))
		}
	}
	return err
}

func main() {
	n := &node{topics: map[string]*pubsub.Topic{}, readers: map[string]*pubsub.Subscription{},
		mesh: map[string]map[peer.ID]bool{}, grafting: map[string]bool{}}
	err := n.options.parse()
	if err == nil {
		err = n.start()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "peer: %v\n", err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if text := strings.TrimSpace(lines.Text()); text != "" {
			go n.obey(text)
		}
	}
	// Whoever drove this peer is gone: leave nothing behind.
	n.host.Close()
}
