# The log of one end as the one of a tap's leg to the other end, by a case's truth.json: the server's
# is the front, which the dialler talks to, and the client's the back.
#   jq --slurpfile truth truth.json -f tap.jq LOG
def event($time; $name; $data): {time: $time, name: "tap:\($name)", data: $data};

$truth[0] as $case
| .traces[0] as $trace
| ($trace.common_fields | .ODCID // .group_id // $case.connections[0].odcid) as $odcid
| ($case.connections[] | select(.odcid == $odcid)) as $ends
| $trace.events[0].time as $begin
| [event($begin; "connection"; {
        leg: (if $trace.vantage_point.type == "server" then "front" else "back" end),
        dialler: $ends.client, dialler_peer: "peer-\($ends.client)",
        listener: $ends.server, listener_peer: "peer-\($ends.server)"}),
   ($case.streams[] | select(.odcid == $odcid)
    | {stream_id, opener: .opened_by, protocol} as $data
    | . as $stream
    | [$trace.events[] | select(.name | test("packet_(sent|received)$"))
       | {time, name} + (.data.frames[]? | select(.frame_type == "stream"
                                                  and .stream_id == $stream.stream_id))] as $frames
    | select($frames | length > 0)
    | event($frames[0].time; "stream_proposed"; $data),
      (first($frames[] | select(.name != $frames[0].name
                                and .offset + (.length // .raw.payload_length) > 20))
       | event(.time; (if $stream.class == "negotiation_failed_and_left_open"
                       then "negotiation_refused" else "stream_negotiated" end); $data)))] as $heard
| .traces[0].events |= (. + $heard | sort_by(.time))
