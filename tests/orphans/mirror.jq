# The same log with the roles exchanged: what the client did, the server does, and the reverse.
def other_end: if . % 2 == 0 then . + 1 else . - 1 end;

if .streams then
    .streams[].stream_id |= other_end
else
    .traces[].vantage_point.type |= if . == "client" then "server" else "client" end
    | (.traces[].events[].data | select(type == "object") | .frames[]? | .stream_id | numbers)
        |= other_end
end
