#!/usr/bin/env bats
# devnet up -f and devnet run -f: a whole experiment in a file.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load own_devnet.bash
load snapshots

# Whether no process of the devnet here is left.
nobody_is_left() {
    local file
    for file in .devnet/*/events.jsonl; do
        run ! pgrep --full -- "--key $PWD/$(dirname "$file")/key"
    done
}

# A file that is refused before anything is started: refused WHAT-IS-SAID LINE...
refused() {
    local said=$1
    shift
    printf '%s\n' "$@" > bad.yaml
    run -2 devnet run -f bad.yaml
    [[ $output == "devnet: $said"* ]] || { echo "$output, and not $said" >&2 && return 1; }
    [ ! -e .devnet ]
}

@test "the example runs, ends as its checks say, and a report of it has all that repeats it" {
    cp "$BATS_TEST_DIRNAME/../devnet/example.yaml" .
    [[ $(< "$BATS_TEST_DIRNAME/../README.md") == *"$(< example.yaml)"* ]]
    run -0 --separate-stderr devnet run -f example.yaml
    time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'
    grep -qE "^$time at 200ms kill node2: node2 killed$" <<< "$output"
    grep -qE "^$time at 1s start node2$" <<< "$output"
    grep -qx "  node2 started" <<< "$output"
    grep -qE "^$time check mesh check --wait 20s$" <<< "$output"
    grep -qx "mine stopped" <<< "$output"
    [ "${lines[-1]}" = "example.yaml: 9 steps and checks ended as expected" ]
    nobody_is_left

    cmp example.yaml crash/devnet.yaml
    jq -es 'length == 9 and all(.ok) and (map(.line) == [14, 15, 16, 17, 18, 19, 21, 22, 23]) and
        .[1].command == "kill node2" and .[1].output == "node2 killed\n" and .[3].exit == 1 and
        (.[:6] | all(.event == "step" and .since_up_ms >= 100)) and (.[6:] | all(.event == "check")) and
        .[5].since_up_ms >= 1000 and (map(.t) == (map(.t) | sort))' crash/steps.jsonl
    # shellcheck disable=SC2016 # the script's
    [ "$(sed -n 1p crash/commands)" = 'cd "$(dirname "$0")" || exit' ]
    grep -qE '^devnet .* run -f devnet.yaml --report .*  # '"$time$" crash/commands
    grep -qx "# in $PWD: devnet run -f example.yaml" crash/commands
    grep -qE "^# .*devnet --dir $PWD/.devnet start node2  # $time$" crash/commands
    [ "$(grep -vc '^#' crash/commands)" -eq 2 ] # where and the file, and nothing twice
    grep -q 'devnet run -f devnet.yaml` repeats it' crash/README.md
    # What has been up since is no experiment.
    devnet up -n 1
    [ ! -e .devnet/devnet.yaml ] && [ ! -e .devnet/steps.jsonl ]
}

@test "the commands of a report repeat its experiment wherever it was brought" {
    mkdir here there temporary
    printf '%s\n' 'nodes: 1' 'report: crash' 'checks:' '  - status' > here/file.yaml
    (cd here && devnet run -f file.yaml --timeout 20s)
    mv here/crash there
    rm -r here
    TMPDIR=$PWD/temporary run -0 sh there/crash/commands
    [ "${lines[-1]}" = "devnet.yaml: 1 steps and checks ended as expected" ]
    [ ! -e there/crash/.devnet ]
    for folder in temporary/*; do # of the devnet, and of the report
        cmp there/crash/devnet.yaml "$folder/devnet.yaml"
        grep -q -- '--timeout 20000ms' "$folder/commands"
    done
}

@test "a step or a check that ends otherwise fails the run, which goes on, reports and ends" {
    cat > file.yaml <<- 'E'
		nodes: 1
		timeline:
		  - at 0s stop node1
		  - at 0s status
		  - at 0s expect 1 status
		  - [at, 0s, expect, any, publish, node1, "a topic of several words", "two\nlines"]
		checks:
		  - expect 1 orphans
		report: told
	E
    run -1 --separate-stderr devnet run -f file.yaml --json
    [ "$stderr" = "devnet: 2 of 5 steps and checks did not end as expected, the first is file.yaml:4: status" ]
    jq -es 'map(.event) == ["up", "step", "step", "step", "step", "check", "report", "end"] and
        (map(.ok) | .[1:]) == [true, false, true, true, false, true, false] and
        (.[0].nodes | length) == 1 and .[2].exit == 1 and .[2].expected == 0 and .[4].expected == "any" and
        (.[7] | .done == 5 and .failed == 2 and (.interrupted | not))' <<< "$output"
    bash -n told/commands
    nobody_is_left
    # A report would not be written: nothing is begun.
    rm -r .devnet
    run -2 devnet run -f file.yaml
    [[ $output == *"told: is not empty"* ]]
    [ ! -e .devnet ]
}

@test "nodes that do not come up leave a report" {
    printf '%s\n' 'nodes:' '  - first' '  - {name: mine, command: "echo why >&2; exit 7"}' 'report: told' > file.yaml
    run -1 --separate-stderr devnet run --json -f file.yaml
    [[ $stderr == *"mine ended before it was connected to first"*"why"* ]]
    jq -es 'map(.event) == ["report", "end"] and .[0].ok and (.[1] | (.ok | not) and
        .error == "mine ended before it was connected to first" and (.interrupted | not))' <<< "$output"
    grep -qx why told/nodes/mine/log
    cmp file.yaml told/devnet.yaml
    jq -e '.event == "up" and (.ok | not) and (.error | startswith("mine ended"))' told/steps.jsonl
    grep -q ' run -f devnet.yaml ' told/commands
    nobody_is_left
    # Of ours, which say that they are not told right.
    printf '%s\n' 'nodes: 1' 'report: other' 'options: --listen /ip4/192.0.2.1/udp/0/quic-v1' > ours.yaml
    run -1 devnet run -f ours.yaml
    [[ ${lines[-1]} == "$PWD/other: 1 nodes; see README.md in it" ]]
    cmp ours.yaml other/devnet.yaml
    # Of another devnet that is in the way there is none.
    devnet up -n 1
    rm -r told
    run -1 --separate-stderr devnet run --json -f file.yaml
    jq -e '.event == "end" and (.error | startswith("a devnet is up in "))' <<< "$output"
    [ ! -e told ]
}

@test "a run whose report cannot be written does not end as one that is good" {
    printf '%s\n' 'nodes: 1' 'timeline:' '  - at 0s report told' 'checks: [status]' 'report: told' > file.yaml
    run -1 devnet run -f file.yaml
    [[ $output == *"$PWD/told: is not empty; "* && $output != *"ended as expected"* ]]
}

@test "a run whose report can be nowhere is refused before anything is started" {
    printf '%s\n' 'nodes: 1' 'checks: [status]' > file.yaml
    refused_report() {
        run -2 devnet "${@:3}" run -f file.yaml --report "$1"
        [[ $output == "devnet: report: $2"* ]] || { echo "$output, and not $2" >&2 && return 1; }
        [ ! -e .devnet ]
    }
    refused_report no/such/dir "$PWD/no/such/dir: No such file or directory"
    refused_report file.yaml/told "$PWD/file.yaml/told: Not a directory"
    refused_report '' "'': name a folder that is empty, or is not there"
    refused_report .devnet "$PWD/.devnet: is the folder of the devnet, $PWD/.devnet, or within it or around it"
    refused_report "$PWD//.devnet/" "$PWD//.devnet: is the folder of the devnet"
    mkdir empty
    ln -s empty link
    refused_report empty/told "$PWD/empty/told: is the folder of the devnet" --dir link
    refused_report empty "$PWD/empty: is the folder of the devnet" --dir empty/a/b
    refused_report empty/. "'empty/.': name a folder "
    [ -z "$(ls -A empty)" ]
    [ "$(ls -A)" = $'empty\nfile.yaml\nlink' ]
    [ "$(devnet run -f file.yaml --report empty/ | tail -n 1)" = "file.yaml: 1 steps and checks ended as expected" ]
    [ -s empty/README.md ]
    run -2 devnet report ''
    [ "$output" = "devnet: '': name a folder that is empty, or is not there, by its own name" ]
}

@test "a signal ends a run between steps and within one, and nothing is left" {
    printf '%s\n' 'nodes: 1' 'timeline:' '  - at 10m status' 'report: told' > wait.yaml
    printf '%s\n' 'nodes: 2' 'connect: none' 'wait: 10m' 'checks: [mesh]' 'report: told' > check.yaml
    for file in wait check; do
        launch "$file" devnet run --json -f "$file.yaml"
        await "$file" '.event == "up"' > /dev/null
        [ "$file" = wait ] || eventually pgrep --parent "${pid_of[$file]}" > /dev/null
        status=0
        end "$file" TERM || status=$?
        [ "$status" -eq 1 ]
        jq -es '.[-1] | .event == "end" and .interrupted and (.ok | not)' "$file.out"
        [ "$(cat "$file.err")" = "devnet: interrupted" ]
        [ ! -e told ]
        nobody_is_left
        run -1 devnet status
    done
}

@test "up takes names, options, pairs and programs from the file, and leaves the rest to run" {
    cat > file.yaml <<- 'E'
		nodes:
		  - hub
		  - count: 1
		    options: --agent 'two words'
		  - name: mine
		    command: devnet-node --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off
		  - edge
		options: [--heartbeat, 200ms]
		connect:
		  - hub node1
		  - node1 mine
		timeline:
		  - at 1s kill hub
	E
    run -0 --separate-stderr devnet up -f file.yaml
    [[ ${lines[0]} == "hub http://"* && ${lines[1]} == "node1 http://"* && ${lines[2]} == "edge http://"* ]]
    [[ ${lines[3]} == "3 nodes connected in 1 pair (listed)" && ${lines[4]} == "mine - "* ]]
    [[ ${lines[5]} == "hub connected to mine" && ${lines[6]} == "node1 connected to mine" ]]
    [[ $stderr == *"file.yaml: its timeline and checks are for devnet run -f"* ]]
    # Each has its own options after those of all.
    tr '\0' '|' < "/proc/$(cat .devnet/node1/pid)/cmdline" > arguments
    grep -q -- '|--agent|two words|--heartbeat|200ms|' arguments
    run ! grep -q -- --agent "/proc/$(cat .devnet/edge/pid)/cmdline"
    # Who was connected is known: it is dialled again.
    run -0 devnet restart mine
    [ "$(grep -c ' connected to mine: handshake' <<< "$output")" -eq 2 ]
    run -1 --separate-stderr devnet run --json -f file.yaml
    [[ $stderr == *"a devnet is up in "* ]]
    jq -e '.event == "end" and (.ok | not) and .done == 0' <<< "$output"
    devnet report told
    cmp file.yaml told/devnet.yaml
    run -2 devnet up -f file.yaml -n 3
    [[ $output == *"-f file.yaml: the file says which nodes there are"* ]]
    run -0 devnet down
    [[ $output == *"hub stopped"* ]]
}

@test "an experiment is not run where its copy would replace a file of somebody's" {
    mkdir .devnet
    printf '%s\n' 'nodes: 1' 'checks: [status]' | tee file.yaml > .devnet/devnet.yaml
    for command in run up; do
        run -2 devnet $command -f file.yaml
        [[ $output == "devnet: $PWD/.devnet/devnet.yaml: is not of an earlier devnet, and would be replaced: "* ]]
        run -2 devnet $command -f .devnet/devnet.yaml
        [[ $output == "devnet: .devnet/devnet.yaml: is where the devnet in $PWD/.devnet keeps a copy "* ]]
    done
    (cd .devnet && run -2 devnet --dir . run && cmp devnet.yaml ../file.yaml)
    mv .devnet/devnet.yaml .devnet/steps.jsonl
    run -2 devnet run -f file.yaml
    [[ $output == "devnet: $PWD/.devnet/steps.jsonl: is not of an earlier devnet, "* ]]
    [ "$(ls .devnet)" = steps.jsonl ]
    cmp .devnet/steps.jsonl file.yaml
    # Its own copy it replaces.
    rm .devnet/steps.jsonl
    devnet run -f file.yaml
    echo '# another' >> file.yaml
    devnet up -f file.yaml
    devnet down
    devnet run -f file.yaml
    cmp .devnet/devnet.yaml file.yaml
    [ "$(wc -l < .devnet/steps.jsonl)" -eq 1 ]
}

@test "a file that is not sound is refused with its line before anything is started" {
    refused "bad.yaml:1: nodes: is missing" '# nothing'
    refused "bad.yaml:2: conect: no such key here; is connect meant?" 'nodes: 2' 'conect: ring'
    refused "bad.yaml:2: not YAML: " 'nodes: 2' $'\tconnect: ring'
    refused "bad.yaml:3: nodes: is there already, on line 1" 'nodes: 2' 'seed: 1' 'nodes: 3'
    refused "bad.yaml:2: unknown option --hertbeat" 'nodes: 2' 'options: --hertbeat 2s'
    refused "bad.yaml:3: --heartbeat: '2' is not a duration" 'nodes:' '  - a' \
        '  - {name: b, options: --heartbeat 2}'
    refused "bad.yaml:3: klil: cannot be a step; is kill meant?" 'nodes: 2' 'timeline:' '  - at 1s klil node2'
    refused "bad.yaml:4: timeline: at 1s: is before the step above" 'nodes: 2' 'timeline:' \
        '  - at 2s kill node1' '  - at 1s start node1'
    refused "bad.yaml:3: node3: no such node by then; there are node1, node2" 'nodes: 2' 'timeline:' \
        '  - at 1s kill node1 node3'
    refused "bad.yaml:6: node2: no such node by then; there are node1, extra, other" 'nodes: 2' 'timeline:' \
        "  - at 1s add extra --with other='x y' -- --heartbeat 4s" '  - at 1s remove node2' '  - at 1s connect extra other' \
        '  - at 1s kill node2'
    refused "bad.yaml:3: node1: there is a node of that name already" 'nodes: 1' 'timeline:' '  - at 1s add node1'
    refused "bad.yaml:3: --rate: 'x' is not a decimal number" 'nodes: 1' 'timeline:' \
        '  - at 1s publish node1 block --size 10 --rate x'
    refused "bad.yaml:3: unknown option --weit for check" 'nodes: 1' 'checks:' '  - mesh check --weit 3s'
    refused "bad.yaml:3: partition: needs partitionable: true, or paths" 'nodes: 2' 'timeline:' \
        '  - at 1s partition node1'
    refused "bad.yaml:2: paths: node1,node3:loss=1: node3: no such node" 'nodes: 2' 'paths: ["node1,node3:loss=1"]'
    refused "bad.yaml:4: node3: no such node by then" 'nodes: 2' 'partitionable: true' 'timeline:' \
        '  - at 1s partition node1,node3 node2'
    refused "bad.yaml:4: node1,node2:los=1: " 'nodes: 2' 'partitionable: true' 'timeline:' \
        '  - at 1s path node1,node2:los=1'
    refused "bad.yaml:3: stop: too few operands" 'nodes: 1' 'checks:' '  - stop'
    refused "bad.yaml:2: heartbeat: options for the nodes begin with --" 'nodes: 2' 'options: heartbeat 2s'
    refused "bad.yaml:2: 2: options for the nodes begin with --" 'nodes: 2' 'options: --is-aggregator 2'
    refused "bad.yaml:2: --api off: a node of a devnet " 'nodes: 2' 'options: --api off'
    refused "bad.yaml:2: --help: does nothing here" 'nodes: 2' 'options: --help'
    refused "bad.yaml:3: --key: a node of a devnet has a key of its own, DIR/NAME/key" 'nodes:' '  - a' \
        '  - {name: b, options: --key=own}'
    refused "bad.yaml:3: unknown option --nosuch" 'nodes: 1' 'timeline:' '  - at 0s add x -- --nosuch'
    refused "bad.yaml:3: --key: a node of a devnet " 'nodes: 1' 'timeline:' '  - at 0s add x -- --key own'
    refused "bad.yaml:3: --help: does nothing here" 'nodes: 1' 'timeline:' '  - at 0s kill --help'
    refused "bad.yaml:3: stop --dir: a step is of the devnet of the file" 'nodes: 1' 'timeline:' \
        '  - at 0s stop node1 --dir /tmp/other'
    refused "bad.yaml:4: nope: no such node by then; there are node1" 'nodes: 1' 'checks:' \
        '  - orphans node1 ./nope' '  - orphans node1 nope'
    refused "bad.yaml:3: nope: no such node by then" 'nodes: 1' 'checks:' '  - mesh check nope'
    # Of several it is the last that there is none of.
    refused "bad.yaml:3: node3: no such node by then" 'nodes: 2' 'checks:' '  - logs node1 node2 node3'
    refused "bad.yaml:3: tap: no such node by then" 'nodes: 2' 'checks:' '  - logs tap'
    # What can never work is none the better for standing in a step.
    for command in 'orphans late' 'mesh diff late late' 'mesh check late' 'mesh graph --before late node1' \
        'connect node1 --from late'; do
        refused "bad.yaml:4: late: no such node by then; there are node1" 'nodes: [node1, late]' 'timeline:' \
            '  - at 0s remove late' "  - at 0s $command"
    done
    refused "bad.yaml:5: late: no such node by then" 'nodes: [node1, late]' 'timeline:' \
        '  - at 0s mesh diff late node1' '  - at 0s remove late' '  - at 0s orphans late'
    for command in '--from=nodeX node1' '-f nodeX node1' 'node1 --from nodeX'; do
        refused "bad.yaml:3: nodeX: no such node by then" 'nodes: 1' 'timeline:' "  - at 0s connect $command"
    done
    refused "bad.yaml:3: nodeY: no such node by then" 'nodes: 1' 'checks:' '  - mesh graph --before nodeY'
    refused "bad.yaml:3: --with bad: expected NAME='COMMAND', " 'nodes: 1' 'timeline:' '  - at 0s add --with bad'
    refused "bad.yaml:3: --with node9: not a name for a node: " 'nodes: 1' 'timeline:' \
        '  - at 0s add --with node9=cat'
    refused "bad.yaml:3: add: name the nodes, or a program by --with" 'nodes: 1' 'timeline:' '  - at 0s add'
    for command in 'node1 block' 'node1 block x --size 100' 'node1 block x -s100'; do
        refused "bad.yaml:3: publish: give a FILE or TEXT, or --size, and not both" 'nodes: 1' 'timeline:' \
            "  - at 0s publish $command"
    done
    refused "bad.yaml:3: publish: the text is empty" 'nodes: 1' 'timeline:' "  - at 0s publish node1 block ''"
    head -c 2M /dev/zero | tr '\0' '#' > huge.yaml
    run -2 devnet up -f huge.yaml
    [[ $output == "devnet: huge.yaml: larger than 1048576 bytes" ]]
    run -2 devnet run
    [[ $output == "devnet: devnet.yaml: No such file or directory" ]]
    [ ! -e .devnet ]
}

@test "a step may look at what one before has written" {
    printf '%s\n' 'nodes: 1' 'timeline:' '  - at 0s report early' '  - at 0s mesh dump -o early-mesh' \
        '  - at 0s mesh dump --output=also' '  - at 0s connect node1 --until handshake --qlog visit' 'checks:' \
        '  - expect 2 orphans early' '  - mesh diff early-mesh node1' '  - mesh graph --before also --dot node1' \
        '  - expect any orphans visit' '  - expect 1 publish node1 block --size 10' > file.yaml
    devnet run -f file.yaml
}

@test "a file may have a tap between its nodes" {
    printf '%s\n' 'nodes: 2' 'tap: true' 'checks: [logs -e tap node1, orphans tap]' > file.yaml
    run -0 devnet run -f file.yaml
    jq -es 'any(.event == "connected" and .dialler == "node1" and .listener == "node2")' .devnet/tap/events.jsonl
    nobody_is_left
}

@test "the schema takes the example, as JSON too, and refuses what the program does" {
    bad=('nodes: 0' 'nodes: []' '{}' '{nodes: 1, node: 2}' '{nodes: 1, connect: rings}'
        '{nodes: [{name: a, count: 2}]}' '{nodes: [{name: node1, command: x}]}' '{nodes: 1, timeout: 10}'
        '{nodes: 1, timeline: [kill node1]}' '{nodes: 1, timeline: [at 1s down]}' '{nodes: 1, checks: [at 1s mesh]}'
        '{nodes: 1, paths: all}' '{nodes: 1, partitionable: maybe}' '{nodes: 1, tap: maybe}' '{nodes: 1, timeline: [at 1s expect all kill node1]}' '{nodes: 1, version: 2}'
        '{nodes: 1, timeout: 0s}' '{nodes: 1, timeout: 0.0ms}' '{nodes: 4, connect: "random:1"}' '{nodes: 4, connect: "random:0"}'
        '{nodes: 2, tap: true, paths: ["all:loss=1"]}' '{nodes: 2, tap: true, partitionable: true}')
    good=('{nodes: 1, timeout: 0.5s}' '{nodes: 4, connect: "random:10"}' '{nodes: 2, tap: false, paths: ["all:loss=1"]}'
        '{nodes: 2, tap: true, partitionable: false}')
    for text in "${bad[@]}"; do
        echo "$text" > bad.yaml
        run -2 devnet run -f bad.yaml
    done
    printf '%s\n' "${bad[@]}" > bad.txt
    for text in "${good[@]}"; do
        echo "$text" > good.yaml
        run -2 devnet run -f good.yaml --report "$PWD"
        [[ $output == *"is not empty"* ]] # that alone
    done
    printf '%s\n' "${good[@]}" > good.txt
    run_python - "$BATS_TEST_DIRNAME/../devnet" <<- 'E'
		import json, sys, yaml, jsonschema
		folder = sys.argv[1]
		schema = json.load(open(folder + "/experiment.schema.json"))
		jsonschema.Draft202012Validator.check_schema(schema)
		validator = jsonschema.Draft202012Validator(schema)
		example = yaml.safe_load(open(folder + "/example.yaml"))
		validator.validate(example)
		json.dump(example, open("example.json", "w"))
		for line in open("good.txt"):
		    validator.validate(yaml.safe_load(line))
		for line in open("bad.txt"):
		    assert not validator.is_valid(yaml.safe_load(line)), line
	E
    # JSON is YAML.
    sed -i 's/at 100ms publish/at 100ms frobnicate/' example.json
    run -2 devnet run -f example.json
    [[ $output == "devnet: example.json:1: frobnicate: cannot be a step" ]]
}
