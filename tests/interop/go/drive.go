// How the go peer is driven: its options, the commands that come in, what it reports unasked.

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
)

type options struct {
	listen, dial, topics                  []string
	keyType, seed, network, meshsub, sign string
	status                                bool
	statusAnswer                          []byte // raw, code and length first
	maxRPC                                int
}

var ourStatus = status{checkpoint{strings.Repeat("11", 32), 64}, checkpoint{strings.Repeat("22", 32), 96}}

func (o *options) parse() error {
	list := func(into *[]string) func(string) error {
		return func(value string) error { *into = append(*into, value); return nil }
	}
	flag.Func("listen", "listen on this multiaddress (repeatable)", list(&o.listen))
	flag.Func("dial", "dial this once listening (repeatable)", list(&o.dial))
	flag.Func("topic", "subscribe: block, attestation_0 or a whole topic (default block; repeatable)", list(&o.topics))
	flag.StringVar(&o.keyType, "key-type", "secp256k1", "secp256k1, ed25519, ecdsa or rsa")
	flag.StringVar(&o.seed, "seed", "", "32 bytes of hex that the identity is made of (default random)")
	flag.StringVar(&o.network, "network", "12345678", "network part of topics")
	flag.StringVar(&o.meshsub, "meshsub", "1.2,1.1,1.0", "the gossipsub versions offered, best first")
	flag.StringVar(&o.sign, "sign", "none", "none or strict: whether messages are signed and must be")
	flag.BoolVar(&o.status, "status", false, "speak the status protocol: answer it, and ask it where we dialled")
	flag.IntVar(&o.maxRPC, "max-rpc", 10<<20, "the largest RPC taken, in bytes")
	answer := flag.String("status-answer", "", "answer status with these bytes of hex, whatever they are")
	flag.Parse()
	if len(o.listen) == 0 {
		o.listen = []string{"/ip4/127.0.0.1/udp/0/quic-v1"}
	}
	if len(o.topics) == 0 {
		o.topics = []string{"block"}
	}
	var err error
	o.statusAnswer, err = hex.DecodeString(*answer)
	if *answer == "" {
		o.statusAnswer = append([]byte{0}, ourStatus.encode()...)
	}
	return err
}

func (o *options) topicName(name string) string {
	if name == "" {
		name = o.topics[0]
	}
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/leanconsensus/" + o.network + "/" + name + "/ssz_snappy"
}

// The parameters of Lean networks, under the names that go-libp2p-pubsub has for them.
func (n *node) gossipOptions() []pubsub.Option {
	lean := pubsub.DefaultGossipSubParams()
	lean.D, lean.Dlo, lean.Dhi, lean.Dlazy = 8, 6, 12, 6
	lean.HeartbeatInterval = 700 * time.Millisecond
	lean.HistoryLength, lean.HistoryGossip = 6, 3
	var versions []protocol.ID
	for version := range strings.SplitSeq(n.options.meshsub, ",") {
		versions = append(versions, protocol.ID("/meshsub/"+version+".0"))
	}
	made := []pubsub.Option{
		pubsub.WithGossipSubParams(lean),
		pubsub.WithSeenMessagesTTL(24 * time.Second),
		pubsub.WithMaxMessageSize(n.options.maxRPC),
		pubsub.WithGossipSubProtocols(versions, pubsub.GossipSubDefaultFeatures),
		pubsub.WithRawTracer(n),
	}
	if n.options.sign == "strict" {
		return made // the default, and so is the id: author and sequence number
	}
	return append(made, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(func(m *pb.Message) string { return string(messageID(m.GetTopic(), m.Data)) }))
}

func (n *node) start() error {
	key, err := makeKey(n.options.keyType, n.options.seed)
	if err != nil {
		return err
	}
	n.host, err = libp2p.New(libp2p.Identity(key), libp2p.ListenAddrStrings(n.options.listen...),
		libp2p.Transport(quic.NewTransport), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return err
	}
	if err = n.reportConnections(); err != nil {
		return err
	}
	if n.options.status {
		n.host.SetStreamHandler(statusProtocol, n.answerStatus)
	}
	if n.router, err = pubsub.NewGossipSub(context.Background(), n.host, n.gossipOptions()...); err != nil {
		return err
	}
	for _, topic := range n.options.topics {
		if err = n.subscribe(n.options.topicName(topic)); err != nil {
			return err
		}
	}
	var addresses []string
	for _, address := range n.host.Network().ListenAddresses() {
		addresses = append(addresses, fmt.Sprintf("%s/p2p/%s", address, n.host.ID()))
	}
	report("ready", fields{"peer_id": n.host.ID(), "listen": addresses, "pid": os.Getpid()})
	for _, address := range n.options.dial {
		text, _ := json.Marshal(fields{"command": "dial", "address": address})
		go n.obey(string(text))
	}
	return nil
}

func describeConnection(c network.Conn) fields {
	return fields{"id": c.ID(), "peer_id": c.RemotePeer(), "address": c.RemoteMultiaddr().String(),
		"direction": strings.ToLower(c.Stat().Direction.String())}
}

func (n *node) reportConnections() error {
	n.host.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			report("connection_opened", describeConnection(c))
			if n.options.status && c.Stat().Direction == network.DirOutbound {
				go n.askStatus(c.RemotePeer())
			}
		},
		DisconnectedF: func(_ network.Network, c network.Conn) { report("connection_closed", describeConnection(c)) },
	})
	events, err := n.host.EventBus().Subscribe([]any{new(event.EvtPeerConnectednessChanged), new(event.EvtPeerIdentificationCompleted)})
	if err != nil {
		return err
	}
	go func() {
		for one := range events.Out() {
			switch e := one.(type) {
			case event.EvtPeerConnectednessChanged:
				report(map[bool]string{true: "connected", false: "disconnected"}[e.Connectedness == network.Connected], fields{"peer_id": e.Peer})
			case event.EvtPeerIdentificationCompleted:
				report("identified", fields{"peer_id": e.Peer, "agent": e.AgentVersion, "protocol_version": e.ProtocolVersion,
					"protocols": e.Protocols, "observed_address": fmt.Sprint(e.ObservedAddr)})
			}
		}
	}()
	return nil
}

func (n *node) reportStreams() {
	connections := []fields{}
	for _, c := range n.host.Network().Conns() {
		streams := []fields{}
		for _, s := range c.GetStreams() {
			streams = append(streams, fields{"id": s.ID(), "protocol": s.Protocol(), "direction": strings.ToLower(s.Stat().Direction.String())})
		}
		described := describeConnection(c)
		described["streams"] = streams
		connections = append(connections, described)
	}
	report("streams", fields{"connections": connections})
}

type command struct {
	Command, Address, Topic, Text, Hex, Direction string
	PeerID                                        string `json:"peer_id"`
	Bytes                                         int
	Raw                                           bool
}

func (n *node) obey(line string) {
	var c command
	err := json.Unmarshal([]byte(line), &c)
	if err == nil {
		err = n.carryOut(c)
	}
	if err != nil {
		report("error", fields{"command": c.Command, "error": err.Error()})
	}
}

func (n *node) carryOut(c command) error {
	topic := n.options.topicName(c.Topic)
	id, wrong := peer.Decode(c.PeerID)
	switch c.Command {
	case "dial":
		return n.dial(c.Address)
	case "ping", "status":
		if wrong != nil {
			return wrong
		}
		if c.Command == "ping" {
			return n.ping(id)
		}
		n.askStatus(id)
	case "publish":
		return n.publish(topic, c)
	case "subscribe":
		return n.subscribe(topic)
	case "unsubscribe":
		n.mutex.Lock()
		defer n.mutex.Unlock()
		if reader := n.readers[topic]; reader != nil {
			reader.Cancel()
		}
	case "mesh":
		report("mesh", fields{"topic": topic, "peers": n.meshPeers(topic), "subscribers": n.router.ListPeers(topic),
			"subscribed": slices.Contains(n.router.GetTopics(), topic)})
	case "streams":
		n.reportStreams()
	case "close":
		for _, one := range n.host.Network().Conns() {
			if c.Direction == "" || c.Direction == strings.ToLower(one.Stat().Direction.String()) {
				one.Close()
			}
		}
	case "exit":
		n.host.Close()
		os.Exit(0)
	default:
		return errors.New("no such command")
	}
	return nil
}
