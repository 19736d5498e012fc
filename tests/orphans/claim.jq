# Adds the events that our own nodes write, by what a case's truth.json says of this end.
#   jq --slurpfile truth truth.json --arg node dialer -f claim.jq LOG
def passes($id): [.[] | select(.name | test("packet_(sent|received)$"))
    | .time as $time | .data.frames[]? | select(.frame_type == "stream" and .stream_id == $id)
    | . + {time: $time, length: (.length // .raw.payload_length)}];

def event($time; $name; $data): {time: $time, name: "libp2p:\($name)", data: $data};

$truth[0] as $case
| .traces[0] as $trace
| $trace.events as $events
| ($trace.common_fields | .ODCID // .group_id // $case.connections[0].odcid) as $odcid
| ($case.connections[0] | [.client, .server] | map(select(. != $node))[0]) as $other
| [event($events[0].time; "peer_identified";
        {peer: "peer-\($other)", local_peer: "peer-\($node)"}),
   ($case.streams[] | select(.odcid == $odcid)
    | . as $stream
    | ($events | passes($stream.stream_id)) as $frames
    | select($frames | length > 0)
    | (.opened_by == $node) as $ours
    | {stream_id, initiator: (if $ours then "local" else "remote" end), peer: "peer-\($other)"} as $data
    | ([$frames[] | select(.offset + .length >= 24)] | last | .time) as $agreed
    | (if $ours then .opener_add_peer else .receiver_add_peer end) as $added
    | (.protocol | startswith("/meshsub/")) as $gossip
    | event($frames[0].time; "stream_opened"; $data),
      (select($agreed != null)
       | ([$frames[] | select(.offset + .length > 20)] | first | .time) as $agreed
       | if .class == "negotiation_failed_and_left_open" then
             event($agreed; "negotiation_failed"; $data + {protocol, reason: "na"})
         elif .class == "open_failed" then empty
         else
             event($agreed; "stream_negotiated"; $data + {protocol}),
             (select(($gossip | not) or $added.registered)
              | event($agreed; "stream_registered"; $data + {protocol, role:
                    (if $gossip then "gossipsub_\(if $ours then "out" else "in" end)bound"
                     elif $ours then "request" else "response" end)})),
             (select(.class == "reqresp")
              | event($frames[-1].time; "stream_closed"; $data + {reason: "ended"})),
             (select(.class == "orphaned_after_deregistration")
              | .deregistered[] | select(.side == $node)
              | ([$events | passes(4)[] | select(.fin) | .time] | first) as $fin
              | event($fin; "stream_deregistered"; $data + {reason: "peer gone"}))
         end))] as $claims
| .traces[0].events = ($events + $claims | sort_by(.time))
