# Compares reports of devnet-orphans with a case's truth.json; prints a line for each difference.
#   jq -nr --slurpfile truth truth.json -f compare.jq REPORT... --args STATUS...
# The exit statuses are those that the reports came with. The last report is of both ends' logs, so that
# the end of a connection cannot have been missed ($both).

def accused: ["orphaned", "orphaned_at_opener", "unread_at_receiver",
    "orphaned_after_deregistration", "negotiation_failed_and_left_open", "request_never_answered"];

# Whether the same node has a live stream on another connection too.
def has_twin($streams): . as $one | any($streams[]; .odcid != $one.odcid and
    .opened_by == $one.opened_by and (.class | startswith("live")));

def allowed($class; $both):
    if $class == "live" or $class == "live_until_connection_ended" then
        if $both then [$class] else ["live", "live_until_connection_ended"] end
    elif $class == "open_failed" then ["open_at_end", "closed"]
    elif $class == null then ["not_ours"]
    else [$class] end;

# Of one report.
def differences($streams; $both):
    [.connections[] | .id as $id | .streams[] | {id: $id, stream: .id, verdict, orphan}] as $judged
    | ($judged[]
        | . as $one
        | ([$streams[] | select(.odcid == $one.id and .stream_id == $one.stream) | .class] | first) as $class
        | select([.verdict] | inside(allowed($class; $both)) | not)
        | select((.verdict == "duplicate_across_connections" and (first($streams[] |
            select(.odcid == $one.id and .stream_id == $one.stream)) | has_twin($streams))) | not)
        | "\(.id) stream \(.stream): \(.verdict), and the truth is \($class)"),
      ($streams[]
        | . as $one
        | select([.class] | inside(accused))
        | select(any($judged[]; .id == $one.odcid and .stream == $one.stream_id) | not)
        | "\(.odcid) stream \(.stream_id): not seen, and the truth is \(.class)");

($truth[0].streams // []) as $streams
| (if any($streams[]; .class | test("^orphaned|^unread")) then 1 else 0 end) as $due
| [inputs] as $reports
| ($ARGS.positional | map(tonumber)) as $statuses
| if ($reports | length) != ($statuses | length) then "\($reports | length) reports and exit statuses \($statuses)"
  else
    range($reports | length) as $i
    | ($i == ($reports | length) - 1) as $both
    | (select($statuses[$i] != $due) | "report \($i + 1): exit status \($statuses[$i]) where \($due) was due"),
      ($reports[$i] | differences($streams; $both) | "report \($i + 1): \(.)")
  end
