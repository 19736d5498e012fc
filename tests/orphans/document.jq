# A log of one JSON value a line as one document, in the form of aioquic; a record that was cut off is
# left out.
#   jq -Rnc -f document.jq LOG
[inputs | ltrimstr("\u001e") | fromjson?]
| .[0] as $header
| $header + {traces: [$header.trace + {events: .[1:]}]}
| del(.trace)
