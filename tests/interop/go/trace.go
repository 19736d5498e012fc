// What go-libp2p-pubsub traces, as events: subscriptions, the mesh, what is rejected.

package main

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

func (n *node) meshPeers(topic string) []peer.ID {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	peers := []peer.ID{}
	for id := range n.mesh[topic] {
		peers = append(peers, id)
	}
	return peers
}

func meshKey(topic string, id peer.ID) string { return topic + " " + string(id) }

// Called before the router acts on the RPC, so that what it then grafts and prunes is known to be
// the peer's doing.
func (n *node) RecvRPC(rpc *pubsub.RPC) {
	for _, s := range rpc.GetSubscriptions() {
		name := map[bool]string{true: "subscribed", false: "unsubscribed"}[s.GetSubscribe()]
		report(name, fields{"peer_id": rpc.From(), "topic": s.GetTopicid()})
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	clear(n.grafting)
	for _, graft := range rpc.GetControl().GetGraft() {
		n.grafting[meshKey(graft.GetTopicID(), rpc.From())] = true
	}
	for _, prune := range rpc.GetControl().GetPrune() {
		n.grafting[meshKey(prune.GetTopicID(), rpc.From())] = true
	}
}

func (n *node) changeMesh(event string, id peer.ID, topic string) {
	n.mutex.Lock()
	direction := "outbound"
	if n.grafting[meshKey(topic, id)] {
		direction = "inbound"
	}
	if n.mesh[topic] == nil {
		n.mesh[topic] = map[peer.ID]bool{}
	}
	if event == "graft" {
		n.mesh[topic][id] = true
	} else {
		delete(n.mesh[topic], id)
	}
	n.mutex.Unlock()
	report(event, fields{"peer_id": id, "topic": topic, "direction": direction})
}

func (n *node) Graft(id peer.ID, topic string) { n.changeMesh("graft", id, topic) }
func (n *node) Prune(id peer.ID, topic string) { n.changeMesh("prune", id, topic) }

func (n *node) OnClosedOutboundStream(id peer.ID) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, peers := range n.mesh {
		delete(peers, id)
	}
}

func (n *node) Leave(topic string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.mesh, topic)
}

func (n *node) RejectMessage(message *pubsub.Message, reason string) {
	report("rejected", fields{"peer_id": message.ReceivedFrom, "topic": message.GetTopic(), "reason": reason})
}

func (n *node) DropRPC(_ *pubsub.RPC, id peer.ID) { report("dropped", fields{"peer_id": id}) }

func (n *node) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (n *node) Join(string)                                          {}
func (n *node) ValidateMessage(*pubsub.Message)                      {}
func (n *node) DeliverMessage(*pubsub.Message)                       {}
func (n *node) DuplicateMessage(*pubsub.Message)                     {}
func (n *node) ThrottlePeer(peer.ID)                                 {}
func (n *node) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (n *node) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (n *node) UndeliverableMessage(*pubsub.Message)                 {}
