# Checks a page in Prometheus' text format, version 0.0.4, as strictly as promtool: each family has
# HELP and TYPE before its samples and appears once; names, labels and values are well formed; no
# series twice; counters end in _total; buckets grow and end in +Inf, which is _count.
# Ends with 1 and says which line is wrong.
function wrong(what) { print FILENAME ":" FNR ": " what ": " $0 > "/dev/stderr"; failed = 1 }
function family_of(name,    base) {
    if (name in type) return name
    base = name
    sub(/_(bucket|sum|count)$/, "", base)
    return base in type && type[base] == "histogram" ? base : ""
}
/^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* ./ {
    if ($3 in help) wrong("second HELP")
    help[$3] = 1
    next
}
/^# TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|gauge|histogram)$/ {
    if ($3 in type) wrong("second TYPE")
    if (!($3 in help)) wrong("no HELP before it")
    if ($4 == "counter" && $3 !~ /_total$/) wrong("a counter without _total")
    if ($4 != "counter" && $3 ~ /_total$/) wrong("_total, and no counter")
    type[$3] = $4
    current = $3
    next
}
/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*\})? -?[0-9.]+(e[-+][0-9]+)?$/ {
    series = $0
    sub(/ [^ ]*$/, "", series)
    name = series
    sub(/\{.*/, "", name)
    if (series in seen) wrong("series twice")
    seen[series] = 1
    if (family_of(name) == "" || family_of(name) != current) wrong("not below its TYPE")
    if (name == current && type[current] == "histogram") wrong("a histogram without its suffix")
    if (type[current] != "gauge" && $NF < 0) wrong("negative")
    if (name == current "_bucket") {
        if ($NF + 0 < below) wrong("fewer than in the bucket below")
        below = $NF + 0
        last = /le="\+Inf"/
    } else if (name == current "_count") {
        if (!last || $NF + 0 != below) wrong("not what is in the bucket +Inf")
        below = 0
    }
    next
}
{ wrong("not of the format") }
END { if (NR == 0) { print "empty" > "/dev/stderr"; failed = 1 } exit failed }
