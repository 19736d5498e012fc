# A log of aioquic in the form of ngtcp2: JSON text sequences, whole relative milliseconds, a fin
# only where there is one, and no time of day but where the events of our nodes are in it.
.traces[0] as $trace
| ($trace.events[0].time | floor) as $start
| any($trace.events[]; .name | startswith("libp2p:")) as $ours
| {qlog_format: "JSON-SEQ", qlog_version: "0.3",
   trace: {vantage_point: $trace.vantage_point,
           common_fields: {time_format: "relative", reference_time:
                               (if $ours then $start else 0 end),
                           group_id: $trace.common_fields.ODCID}}},
  ($trace.events[]
    | .time |= (floor - $start)
    | if .data.frames then .data.frames |= map(if .fin == false then del(.fin) else . end) else . end)
