# Compares a report of devnet-orphans with a case's truth.json; prints a line for each difference.
#   jq -r --slurpfile truth truth.json --argjson both true -f compare.jq report.json
# $both: the logs of both ends were read, so that the end of a connection cannot have been missed.

def accused: ["orphaned", "orphaned_at_opener", "unread_at_receiver",
    "orphaned_after_deregistration", "negotiation_failed_and_left_open", "request_never_answered"];

# Whether the same node has a live stream on another connection too.
def has_twin($streams): . as $one | any($streams[]; .odcid != $one.odcid and
    .opened_by == $one.opened_by and (.class | startswith("live")));

def allowed($class):
    if $class == "live" or $class == "live_until_connection_ended" then
        if $both then [$class] else ["live", "live_until_connection_ended"] end
    elif $class == "open_failed" then ["open_at_end", "closed"]
    elif $class == null then ["not_ours"]
    else [$class] end;

($truth[0].streams // []) as $streams
| [.connections[] | .id as $id | .streams[] | {id: $id, stream: .id, verdict, orphan}] as $judged
| ($judged[]
    | . as $one
    | ([$streams[] | select(.odcid == $one.id and .stream_id == $one.stream) | .class] | first) as $class
    | select([.verdict] | inside(allowed($class)) | not)
    | select((.verdict == "duplicate_across_connections" and (first($streams[] |
        select(.odcid == $one.id and .stream_id == $one.stream)) | has_twin($streams))) | not)
    | "\(.id) stream \(.stream): \(.verdict), and the truth is \($class)"),
  ($streams[]
    | . as $one
    | select([.class] | inside(accused))
    | select(any($judged[]; .id == $one.odcid and .stream == $one.stream_id) | not)
    | "\(.odcid) stream \(.stream_id): not seen, and the truth is \(.class)")
