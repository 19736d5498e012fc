#!/usr/bin/env bats
# Genesis folders of Lean devnets: their nodes by name, in one table with ours, written and run.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    unset DEVNET_DIR DEVNET_BIN
    DEVNET=$BIN/devnet
    # EIP-778's example: its key, and its record, at 127.0.0.1, UDP port 30303.
    SECRET=b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291
    EXAMPLE=enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8
}

teardown() {
    local folder
    for folder in .devnet g; do
        if [ -e "$folder/devnet.json" ]; then "$DEVNET" --dir "$folder" down; fi
    done
    end_all
}

# A folder as lean-quickstart's generator leaves one, of nodes zeam_0, ream_0 and so on at free ports:
# make_folder FOLDER NAME...
make_folder() {
    local folder=$1 name number=0
    shift
    "$DEVNET" genesis --port 0 --api-port 0 --metrics-port 0 --nodes $# "$folder" > "$folder.made"
    for name; do
        sed -i "s/devnet_$number\b/$name/" "$folder"/*.yaml
        [ "$name" = devnet_$number ] || mv "$folder/devnet_$number.key" "$folder/$name.key"
        number=$((number + 1))
    done
    chmod 644 "$folder"/*
}

# A member of the entry called NAME in a folder's validator-config.yaml: of FOLDER NAME KEY.
of() {
    awk -v name="\"$2\"" -v key="$3:" '$2 == "name:" { here = $3 == name }
        here && $1 == key { gsub("\"", "", $2); print $2; exit }' "$1/validator-config.yaml"
}

# Runs a node of the folder under its name, with a page of metrics: start_member FOLDER NAME [OPTION...].
start_member() {
    local folder=$1 name=$2
    shift 2
    start_node "$name" --key-hex "$(of "$folder" "$name" privkey)" --heartbeat 100ms \
        --listen "/ip4/127.0.0.1/udp/$(of "$folder" "$name" quic)/quic-v1" \
        --api "127.0.0.1:$(of "$folder" "$name" metricsPort)" "$@"
}

@test "names stand for the nodes of a folder, wherever --genesis stands" {
    make_folder g zeam_0 ream_0
    start_member g zeam_0
    for command in "connect --genesis g zeam_0" "--genesis g connect zeam_0" \
        "connect zeam_0 --genesis=g" "--dir g connect zeam_0"; do
        # shellcheck disable=SC2086 # they are arguments
        run -0 "$DEVNET" $command
        [[ $output == *"$(peer_id zeam_0)"*"ok     mesh"* ]]
    done
    run -2 "$DEVNET" connect --genesis g zeam_1
    [[ $output == *"zeam_1: no such node is up in $PWD/.devnet, nor in g; there are zeam_0 and ream_0"* ]]
    run -0 --separate-stderr "$DEVNET" enr show --genesis g --json zeam_0
    jq -e --arg address "$(address zeam_0)" '.multiaddrs == [$address] and .seq == 1' <<< "$output"
    run -0 --separate-stderr "$DEVNET" key show --genesis g --json zeam_0
    [ "$(jq -r .peer_id <<< "$output")" = "$(peer_id zeam_0)" ]
    run -2 "$DEVNET" enr show --genesis g zeam_1
    [[ $output == *"zeam_1: neither a node record (enr:...) nor a node in $PWD/.devnet or g"* ]]
    run -2 "$DEVNET" key show --genesis g zeam_1
    [[ $output == *"zeam_1: neither a file nor a node of g"* ]]
}

@test "a name stands for the API of a node that runs by the folder, too" {
    make_folder g zeam_0 ream_0
    start_node zeam_0 --custom-network-config-dir g --node-id zeam_0
    start_member g ream_0 --topic lean:block --topic lean:aggregation --topic lean:attestation_0
    run -0 --separate-stderr "$DEVNET" connect --genesis g --from zeam_0 ream_0
    [[ $output == *"$(peer_id ream_0)"*"ok     mesh"* ]]
    run -0 --separate-stderr "$DEVNET" connect --genesis g zeam_0 ream_0
    [[ $output == *"$(peer_id ream_0)"* ]]
    # It tells all that a node of ours tells, and is not visited: zeam_0, as ream_0 has no API there.
    run -0 --separate-stderr "$DEVNET" mesh dump --genesis g --for 600ms
    jq -e --arg api "$(ready zeam_0 .api)" --arg zeam "$(peer_id zeam_0)" --arg ream "$(peer_id ream_0)" '
        [.nodes[].peer_id] == [$zeam] and .nodes[0].volatile.api == $api and
        [.foreign[].peer_id] == [$ream] and .unreachable == [] and
        all(.nodes[0].peers[]; .peer_id == $ream)' <<< "$output"
    run -0 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e --arg api "$(ready zeam_0 .api)" '[.nodes[] | [.name, .foreign, .api, .mesh != null]] ==
        [["zeam_0", false, $api, true], ["ream_0", true, null, false]]' <<< "$output"
    run -0 "$DEVNET" mesh check --genesis g --wait 10s
    [[ $output == *"sound: 1 node, 1 foreign, 3 topics"* ]]
    run -2 "$DEVNET" mesh watch --genesis g
    [[ $output == *"watch: none of the nodes is known to have an API of ours, so name what to look at"* ]]
    run -0 "$DEVNET" mesh watch --genesis g --for 100ms zeam_0
    run -0 "$DEVNET" up --genesis g
    [[ $output == *"zeam_0 is up already"*"ream_0 is up already"* ]]
    # Where nobody is there, or somebody else, that is said.
    end zeam_0
    run ! "$DEVNET" connect --genesis g --from zeam_0 ream_0
    [[ $output == *"http://127.0.0.1:$(of g zeam_0 apiPort)"*"cannot connect"* ]]
    sed -i '/apiPort:/d' g/validator-config.yaml
    run -2 "$DEVNET" connect --genesis g --from zeam_0 ream_0
    [[ $output == *"zeam_0: the genesis folder has no apiPort of it" ]]
}

@test "which validators a node has is read, and what is wrong with them named" {
    make_folder g zeam_0 ream_0
    key=$(printf 'ab%.0s' {1..52})
    printf 'zeam_0:\n- {index: 2, pubkey_hex: %s, privkey_file: a.ssz}\n- {index: 0}\n- {index: 2}\n' \
        "$key" > g/annotated_validators.yaml
    {
        echo GENESIS_VALIDATORS:
        for _ in 1 2 3; do printf -- '- {attestation_pubkey: %s, proposal_public_key: 0x%s}\n' "$key" "$key"; done
    } >> g/config.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e '.nodes | map({(.name): .validators}) | add == {zeam_0: [0, 2], ream_0: [1]}' <<< "$output"
    [[ $stderr == *"g/annotated_validators.yaml:2: zeam_0 has other validators here than in validators.yaml"* ]]
    rm g/validators.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    [[ $stderr != *validators.yaml* ]]
    jq -e '.nodes | map({(.name): .validators}) | add == {zeam_0: [0, 2], ream_0: null}' <<< "$output"
    # Earlier files have one key for each.
    sed -i 's/VALIDATOR_COUNT: 2/NUM_VALIDATORS: 2/' g/config.yaml
    [[ $stderr == *"g/config.yaml:"*": 2 validators, and the keys of 3"* ]]
    sed -i 's/- {attestation.*/- "0x'"$key"'"/' g/config.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e '.nodes[0].validators == [0, 2]' <<< "$output"
    # More than there are, and a node that is none.
    printf 'zeam_0: [{index: 3}]\nqlean_0: []\n' > g/annotated_validators.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    [[ $stderr == *"g/annotated_validators.yaml:1: zeam_0 has validator 3, and config.yaml the keys of 3"* ]]
    [[ $stderr == *"g/annotated_validators.yaml:2: qlean_0 is none of the nodes"* ]]
    refuses() {
        echo "$2" > "g/$1"
        run -2 --separate-stderr "$DEVNET" status --genesis g
        [[ $stderr == *"g/$1:1: $3"* ]] || { echo "$stderr" && return 1; }
    }
    refuses annotated_validators.yaml 'zeam_0: [{pubkey_hex: ab}]' "zeam_0: index: a validator's number"
    refuses annotated_validators.yaml 'zeam_0: 3' "zeam_0: a list of validators is expected"
    refuses annotated_validators.yaml '[1]' "the names of nodes are expected"
    rm g/annotated_validators.yaml
    refuses config.yaml 'GENESIS_VALIDATORS: 3' "GENESIS_VALIDATORS: a list is expected"
    refuses config.yaml 'GENESIS_VALIDATORS: [{attestation_pubkey: ab}]' \
        "GENESIS_VALIDATORS: attestation_pubkey: 104 hexadecimal digits are expected"
}

@test "a plain list of validators is read in each form that is in use" {
    make_folder g zeam_0 ream_0
    lists() {
        cat > g/validators.yaml
        run -1 --separate-stderr "$DEVNET" status --genesis g --json
        jq -ce '[.nodes[].validators]' <<< "$output"
    }
    run -1 --separate-stderr "$DEVNET" status --genesis g --json # as written by devnet genesis
    [ "$(jq -ce '[.nodes[].validators]' <<< "$output")" = '[[0],[1]]' ]
    [ "$(lists <<< $'ream_0:\n    - 4\n    - 1\nzeam_0: []')" = '[null,[1,4]]' ]
    [ "$(lists <<< $'validators:\n  zeam_0: [7]\n  ream_0:')" = '[[7],null]' ]
    [ "$(lists <<< $'zeam_0:\n- {index: 2, pubkey_hex: ab}\n- {index: 2, pubkey_hex: cd}')" = '[[2],null]' ]
    # What cannot be is told, and what cannot be read refused.
    lists <<< $'zeam_0: [1, 2]\nqlean_0: [0]\nream_0: [2, 1, 3]\nream_1: [5]' > /dev/null
    [[ $stderr == *"g/validators.yaml:2: qlean_0 and 1 more are none of the nodes"* ]]
    [[ $stderr == *"g: zeam_0 and ream_0 have validator 1 both, and it is not the only one"* ]] ||
        [[ $stderr == *"g: ream_0 and zeam_0 have validator 1 both, and it is not the only one"* ]]
    # Of nobody, in each form that says so.
    for nobody in '' '~' '---' '{}' 'validators:' 'validators: []' 'validators: {}'; do
        [ "$(lists <<< "$nobody")" = '[null,null]' ]
        lists <<< "$nobody" > /dev/null
        [[ $stderr != *"none of the nodes"* ]]
    done
    # More than config.yaml counts, where it has no keys.
    sed -i 's/^VALIDATOR_COUNT.*/VALIDATOR_COUNT: 2/' g/config.yaml
    lists <<< $'zeam_0: [1]\nream_0: [0, 2]' > /dev/null
    [[ $stderr == *"g/validators.yaml:2: ream_0 has validator 2, and config.yaml counts 2"* ]]
    [[ $stderr != *"zeam_0 has validator"* ]]
    refuses() {
        printf '%b' "$1" > g/validators.yaml
        run -2 --separate-stderr "$DEVNET" status --genesis g
        [[ $stderr == *"g/validators.yaml:$2"* ]] || { echo "$stderr" && return 1; }
    }
    refuses 'zeam_0:\n- 1\n- -1\n' "3: zeam_0: index: a validator's number is expected"
    refuses 'zeam_0: [[1]]' "1: zeam_0: index: a validator's number is expected"
    refuses 'zeam_0: 3' "1: zeam_0: a list of validators is expected"
    refuses 'zeam_0: [9223372036854775808]' "1: zeam_0: index: a validator's number is expected"
    refuses 'zeam_0: [1]\nzeam_0: [2]' "2: zeam_0: is there already, on line 1"
    refuses '[1]' "1: the names of nodes are expected"
}

@test "a nodes.yaml alone stands for its nodes" {
    start_node a
    start_node b
    { ready a .enr && address b; } | sed 's/^/- /' > bootnodes.yaml
    start_node c --bootnode bootnodes.yaml
    await_mesh a c
    await_mesh b c
    run -0 --separate-stderr "$BIN/devnet-mesh" dump --for 600ms bootnodes.yaml
    jq -e --arg a "$(peer_id a)" --arg b "$(peer_id b)" '.nodes == [] and .unreachable == [] and
        ([.foreign[].peer_id] | sort) == ([$a, $b] | sort)' <<< "$output"
    faulty() {
        printf '%s\n' "$1" > bad.yaml
        run -2 timeout 10 "$BIN/devnet-node" --bootnode bad.yaml
        [[ $output == *"--bootnode bad.yaml$2"* ]] || { echo "$output" && return 1; }
        run -2 "$BIN/devnet-mesh" dump bad.yaml
        [[ $output == *"devnet-mesh: bad.yaml$2"* ]] || { echo "$output" && return 1; }
    }
    faulty "- enr:abc" ":1: enr:abc: node record: "
    faulty "[]" ": has no nodes"
    none=/ip4/127.0.0.1/udp/0/quic-v1/p2p/$(peer_id a)
    faulty "- $none" ":1: $none: port 0 cannot be dialled"
    for option in --bootnode --direct; do
        run -2 timeout 10 "$BIN/devnet-node" $option "$none"
        [[ $output == *"$option $none: port 0 cannot be dialled"* ]]
    done
    faulty "validators: []" ":1: a list of node records is expected"
    rm bad.yaml && mkfifo bad.yaml
    run -2 timeout 10 "$BIN/devnet-mesh" dump bad.yaml
    [[ $output == *"bad.yaml: not a plain file"* ]]
    run -2 "$BIN/devnet-node" --bootnode absent.yaml
    [[ $output == *"--bootnode absent.yaml: No such file or directory"* ]]
}

@test "a folder stands for all its nodes where a mesh is asked for" {
    make_folder g zeam_0 ream_0
    start_member g zeam_0
    start_member g ream_0 --bootnode "$(address zeam_0)"
    await_mesh zeam_0 ream_0
    run -0 --separate-stderr "$DEVNET" mesh dump --for 2s --genesis g
    jq -e --arg a "$(peer_id zeam_0)" --arg b "$(peer_id ream_0)" \
        '[.foreign[].peer_id] == ([$a, $b] | sort) and .nodes == []' <<< "$output"
    echo "$output" > before.json
    run -0 --separate-stderr "$BIN/devnet-mesh" dump --for 500ms g
    jq -e '.foreign | length == 2' <<< "$output"
    # A name stands for the node's metrics, too, where they are served.
    run -0 --separate-stderr "$DEVNET" mesh dump --for 500ms --genesis g zeam_0
    jq -e --arg page "http://127.0.0.1:$(of g zeam_0 metricsPort)/metrics" '.unreachable == [] and
        .foreign[0].volatile.metrics_url == $page' <<< "$output"
    run -0 "$DEVNET" mesh diff --genesis g --for 2s before.json
    run -0 --separate-stderr "$DEVNET" mesh check --genesis g --wait 10s
    [[ $output == "sound: 0 nodes, 2 foreign"* ]]
    sed -i 's/metricsPort: .*/metricsPort: 1/' g/validator-config.yaml
    run -0 --separate-stderr "$DEVNET" mesh dump --for 500ms --genesis g zeam_0
    jq -e '.unreachable == [] and (.foreign[0].volatile | has("metrics") | not)' <<< "$output"
}

@test "status has ours and others in one table: state, head, peers and agent" {
    make_folder g zeam_0 ream_0 qlean_0
    root=$(printf 'ab%.0s' {1..32})
    start_member g zeam_0 --agent zeam/1 --head "0x$root:7"
    start_member g ream_0 --agent ream/1 --bootnode "$(address zeam_0)"
    await_mesh zeam_0 ream_0
    # A visit is short, and may come too early on a busy machine.
    shows_table() {
        run -1 --separate-stderr "$DEVNET" status --genesis g
        [[ ${lines[0]} =~ ^node\ +state\ +head\ +peers\ +agent$ &&
            ${lines[1]} =~ ^zeam_0\ +up\ +7\ 0xabababab\ +1\ +zeam/1$ &&
            ${lines[2]} =~ ^ream_0\ +up\ +0\ 0x00000000\ +1\ +ream/1$ &&
            ${lines[3]} =~ ^qlean_0\ +down\ +-\ +-\ +-$ ]]
    }
    DEADLINE=60 eventually shows_table
    "$DEVNET" up -n 1 > /dev/null
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e --arg api "http://127.0.0.1:$(of g zeam_0 apiPort)" '(.up | not) and
        [.nodes[] | [.name, .state, .foreign // false, .peers]] == [["node1", "up", false, 0],
            ["zeam_0", "up", true, 1], ["ream_0", "up", true, 1], ["qlean_0", "down", true, null]] and
        .nodes[1].lean_api == $api and (.nodes[1].metrics | endswith("/metrics"))' <<< "$output"
}

@test "status --watch tells again and again, and of what comes and goes" {
    make_folder g zeam_0
    launch watch "$DEVNET" status --genesis g --watch --interval 100ms --json
    await watch '.nodes[0].state == "down"' > /dev/null
    start_member g zeam_0
    await watch '.nodes[0].state == "up"' > /dev/null
    launch table "$DEVNET" status --genesis g --watch --interval 100ms
    eventually grep -E '^zeam_0 +up ' table.out
    end zeam_0
    await watch '.nodes[0].state == "down"' . "$(lines_of watch)" > /dev/null
    eventually grep -E '^zeam_0 +down ' table.out
}

@test "nodes.yaml alone makes a folder, and adds to a validator-config.yaml" {
    mkdir g
    start_node a
    printf -- '- %s\n- "%s"\n' "$(ready a .enr)" "$EXAMPLE" > g/nodes.yaml
    run -1 "$DEVNET" status --genesis g
    [[ $output == *"$(peer_id a) up "*"16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm down"* ]]
    run -0 "$DEVNET" connect --until handshake --genesis g "$(peer_id a)"
    make_folder h zeam_0
    cat g/nodes.yaml >> h/nodes.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis h --json
    [ "$(jq -r '[.nodes[].name] | join(" ")' <<< "$output")" = \
        "zeam_0 $(peer_id a) 16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm" ]
    # A record that says something else than the node's entry.
    sed -i "s/quic: .*/quic: 9/" h/validator-config.yaml
    run -1 --separate-stderr "$DEVNET" status --genesis h
    [[ $stderr == *"warn: h/nodes.yaml:1: zeam_0 is said to be at /ip4/127.0.0.1/udp/"*", unlike in validator-config.yaml"* ]]
}

@test "a key that others can read is a warning" {
    make_folder g zeam_0 ream_0
    run -1 --separate-stderr "$DEVNET" status --genesis g
    [[ $stderr == *"devnet: warn: g/zeam_0.key and 1 more: others can use these keys"* ]]
    chmod 600 g/*.key
    run -1 --separate-stderr "$DEVNET" status --genesis g
    [ -z "$stderr" ]
    # A key file is enough where the entry has none.
    sed -i '/privkey/d' g/validator-config.yaml
    run -0 --separate-stderr "$DEVNET" key show --genesis g zeam_0
}

# A folder whose validator-config.yaml has one entry of these lines, each indented as it should be.
entry() {
    mkdir -p g
    { printf 'validators:\n  - name: a_0\n' && printf '    %s\n' "$@"; } > g/validator-config.yaml
}

# Whether the folder is refused, with a text.
refused() {
    run -2 "$DEVNET" status --genesis g
    [[ $output == *"$1"* ]] || { echo "$output" && return 1; }
}

@test "each fault is named with file, line and key" {
    file=g/validator-config.yaml key="privkey: $SECRET" place='enrFields: {ip: 127.0.0.1, quic: 9001}'
    entry "$place"
    refused "$file:2: a_0: neither a key (privkey, or the file a_0.key) nor a record (enr)"
    entry 'privkey: abc' "$place"
    refused "$file:3: a_0: privkey: not a key; expected 64 hexadecimal digits"
    entry "privkey: $(printf '00%.0s' {1..32})" "$place"
    refused "$file:3: a_0: privkey: secret key is zero"
    entry "$key"
    refused "$file:2: a_0: enrFields: missing: where the node is (ip, quic)"
    entry "$key" 'enrFields: {ip: "__HIVE_LOCAL_IP__", quic: 9001}'
    refused "$file:4: a_0: ip: __HIVE_LOCAL_IP__ is left in"
    entry "$key" 'enrFields:' '  ip: 127.0.0.1'
    refused "$file:5: a_0: enrFields: node record: no port (quic, udp)"
    entry "$key" 'enrFields: {ip: 127.0.0.1, quic: 0}'
    refused "$file:4: a_0: enrFields: quic: \"0\" is not a port"
    entry "$key" "$place" 'apiPort: many'
    refused "$file:5: a_0: apiPort: not a port"
    entry "$key" "$place" 'isAggregator: maybe'
    refused "$file:5: a_0: isAggregator: true or false is expected"
    entry "$key" "$place" 'isAggregator: True' 'apiPort:' 'metricsPort: null' 'enr: ~' # which tells nothing more
    run -1 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e '.nodes[0] | .lean_api == null and .metrics == null' <<< "$output"
    # What tells nothing of its place tells nothing in a record, either; truths are YAML's there, too.
    entry "$key" 'enrFields: {ip: 127.0.0.1, ip6: , quic: 9001, udp: null, seq: ~, is_aggregator: True}'
    run -0 "$DEVNET" enr show --genesis g --json a_0
    jq -e '.seq == 1 and (.fields | .quic == 9001 and .is_aggregator and (has("udp") or has("ip6") | not))' <<< "$output"
    entry "$key" 'enrFields: {ip: [127.0.0.1], quic: 9001}'
    refused "$file:4: a_0: ip: one value is expected"
    entry "$key" "$place" 'is_aggregator: maybe' # as hive has it
    refused "$file:5: a_0: isAggregator: true or false is expected"
    entry "$key" "$place" '- name: a_0'
    sed -i 's/^    - name/  - name/' $file
    refused "$file:5: name: a_0: there is a node of that name already"
    entry "$key" "$place" 'name: b'
    refused "$file:5: name: is there already, on line 2"
    entry "$key" "$place" '- name: b_0' "$key" 'enrFields: {ip: 127.0.0.1, quic: 9002}'
    sed -i 's/^    - name/  - name/' $file
    refused "$file:6: b_0: has the key of a_0, too"
    entry "$key" "$place" '- name: b_0' "privkey: $(printf '02%.0s' {1..32})" "$place"
    sed -i 's/^    - name/  - name/' $file
    run -1 "$DEVNET" status --genesis g
    [[ $output == *"warn: $file:5: b_0 is to be where a_0 is: 127.0.0.1, port 9001"* ]]
    entry "$key" 'enr: enr:abc'
    refused "$file:4: a_0: enr: enr:abc: node record: "
    entry "privkey: $(printf '01%.0s' {1..32})" "enr: $EXAMPLE"
    refused "$file:4: a_0: enr: it is the record of another key than privkey"
    entry "$key" "$place"
    sed -i 's/a_0/..\/a/' $file
    refused "$file:2: name: \"../a\": 1 to 64 letters, digits, _ and - are expected"
    printf 'validators: 5\n' > $file
    refused "$file:1: validators: a list of nodes is expected"
    printf 'validators: [\n' > $file
    refused "$file:2: not YAML: "
    printf 'a: &x 1\nb: &x 2\n' > $file
    refused "$file:2: not YAML: found duplicate anchor; first occurrence, second occurrence"
    entry "$key" "$place"
    printf '01%.0s' {1..32} > g/a_0.key
    refused "$file:2: a_0: privkey is another key than that in g/a_0.key"
    echo short > g/a_0.key
    refused "g/a_0.key: not a key file"
    rm g/a_0.key
    printf -- '- %s\n- enr:x\n' "$EXAMPLE" > g/nodes.yaml
    refused "g/nodes.yaml:2: enr:x: node record: "
    printf -- '- /ip4/__HIVE_LOCAL_IP__/udp/1/quic-v1\n' > g/nodes.yaml
    refused "g/nodes.yaml:1: __HIVE_LOCAL_IP__ is left in"
    printf -- '- %s\n-\n' "$EXAMPLE" > g/nodes.yaml
    refused "g/nodes.yaml:2: a node record is expected"
    printf -- '- /ip4/127.0.0.1/udp/1/quic-v1\n' > g/nodes.yaml
    refused "g/nodes.yaml:1: /ip4/127.0.0.1/udp/1/quic-v1: must end with /p2p/PEERID"
    rm g/nodes.yaml
    printf -- '- GENESIS_TIME: 1\n' > g/config.yaml
    refused "g/config.yaml:1: keys and values are expected"
    printf 'GENESIS_TIME: soon\n' > g/config.yaml
    refused "g/config.yaml:1: GENESIS_TIME: seconds since 1970 are expected"
    printf '\nATTESTATION_COMMITTEE_COUNT: 0\n' > g/config.yaml
    refused "g/config.yaml:2: attestation committees: expected 1 to 64"
    printf 'GENESIS_TIME: 1\nVALIDATOR_COUNT: -1\n' > g/config.yaml
    refused "g/config.yaml:2: VALIDATOR_COUNT: a number is expected"
    head -c 5000000 /dev/zero | tr '\0' '#' > g/config.yaml
    refused "g/config.yaml: larger than 4194304 bytes"
    for file in validator-config.yaml nodes.yaml config.yaml; do # of which nobody may ever write one
        rm -f g/$file && mkfifo g/$file
        refused "g/$file: not a plain file"
        rm g/$file
        [ $file != validator-config.yaml ] || entry "$key" "$place"
    done
    rm -r g
    refused "g: no genesis folder: neither validator-config.yaml nor nodes.yaml is there"
}

@test "genesis writes a folder that is taken as it is, whole, and leaves a full one alone" {
    run -0 "$DEVNET" genesis -n 3 --name mine --ip 10.0.0.1 new/folder/
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[2]} == "mine_2 /ip4/10.0.0.1/udp/9003/quic-v1/p2p/16Uiu2HA"*" enr:"* ]]
    [ "$(of new/folder mine_1 quic)" = 9002 ] && [ "$(of new/folder mine_1 apiPort)" = 5052 ]
    [ "$(of new/folder mine_1 metricsPort)" = 8082 ]
    [ "$(cat new/folder/mine_1.key)" = "$(of new/folder mine_1 privkey)" ]
    [ "$(stat -c %a new/folder/mine_0.key)" = 600 ]
    diff <(awk '{ print "- " $3 }' <<< "$output") new/folder/nodes.yaml
    grep -x 'VALIDATOR_COUNT: 3' new/folder/config.yaml
    python3 -c 'import sys, yaml; [yaml.safe_load(open(f)) for f in sys.argv[1:]]' new/folder/*.yaml
    [ "$(ls -A new)" = folder ]
    before=$(cat new/folder/*)
    run -2 "$DEVNET" genesis new/folder
    [[ $output == *"new/folder: is not empty; --force replaces what is written"* ]]
    [ "$(cat new/folder/*)" = "$before" ]
    echo keep > new/folder/other
    run -0 "$DEVNET" genesis -n 1 --force new/folder
    [ "$(cat new/folder/other)" = keep ] && [ "$(wc -l < new/folder/nodes.yaml)" -eq 1 ]
    [ "$(ls -A new)" = folder ]
    mkdir empty
    run -0 --separate-stderr "$DEVNET" genesis --json empty
    jq -e '.folder == "empty" and [.nodes[] | [.name, .api_port, .metrics_port, .validators]] ==
        [["devnet_0", 5051, 8081, [0]], ["devnet_1", 5052, 8082, [1]]] and
        all(.nodes[]; . as $node | .address | endswith("/p2p/" + $node.peer_id))' <<< "$output"
    diff <(jq -r '"- " + .nodes[].enr' <<< "$output") empty/nodes.yaml
    diff <(jq -r '.nodes[].key_file' <<< "$output") <(cd empty && printf '%s\n' *.key)
    # Of a node at ::1 the API is where ours has it.
    "$DEVNET" genesis -n 1 --ip ::1 --port 0 --api-port 0 --metrics-port 0 six
    run -1 --separate-stderr "$DEVNET" status --genesis six --json
    [ "$(jq -r '.nodes[0].lean_api' <<< "$output")" = "http://127.0.0.1:$(of six devnet_0 apiPort)" ]
}

@test "what genesis cannot write is named, and nothing is left" {
    run -2 "$DEVNET" genesis --ip localhost g
    [[ $output == *"ip: \"localhost\" is not an IPv4 address"* ]]
    run -2 "$DEVNET" genesis --port 65535 g
    [[ $output == *"--port 65535: there are not 2 ports from there on"* ]]
    run -2 "$DEVNET" genesis --name a/b g
    [[ $output == *"--name a/b: up to 60 letters"* ]]
    echo file > taken
    run -2 "$DEVNET" genesis taken/g
    [[ $output == *"taken"* ]]
    [ "$(ls -A)" = taken ]
}

@test "up --genesis runs our nodes in the place of those that are not up" {
    make_folder g zeam_0 ream_0 qlean_0
    start_member g zeam_0
    run -0 --separate-stderr "$DEVNET" up -v --genesis g
    [ "${lines[0]}" = "zeam_0 is up already" ]
    [[ ${lines[1]} == "ream_0 http://127.0.0.1:$(of g ream_0 apiPort) /ip4/127.0.0.1/udp/$(of g ream_0 quic)/quic-v1/p2p/"* ]]
    [[ ${lines[2]} == "qlean_0 "* && ${lines[3]} == "ream_0 connected to qlean_0: mesh" ]]
    await zeam_0 'select(.event == "mesh_joined") | .peer_id' > /dev/null
    [ "$(stat -c %a .devnet/ream_0/genesis.key)" = 600 ]
    run -0 --separate-stderr "$DEVNET" status --genesis g --json
    jq -e '[.nodes[] | [.name, .state, .foreign // false]] ==
        [["ream_0", "up", false], ["qlean_0", "up", false], ["zeam_0", "up", true]] and
        (.nodes[0].mesh | keys | map(split("/")[3]) == ["aggregation", "attestation_0", "block"])' <<< "$output"
    curl --silent --fail "http://127.0.0.1:$(of g ream_0 metricsPort)/metrics" | grep '^lean_connected_peers'
    run -0 "$DEVNET" connect --genesis g ream_0 zeam_0
    run -0 --separate-stderr "$DEVNET" mesh check --wait 10s --genesis g
    [[ $output == "sound: 2 nodes, 1 foreign"* ]]
    "$DEVNET" down
    run -2 "$DEVNET" up --genesis g --with ream_0=cat
    [[ $output == *"devnet: --with ream_0: the genesis folder has a node of that name, which is to be run here" ]]
    [ ! -e .devnet/devnet.json ]
    # Where a client has its metrics at its API's port, so have we.
    sed -i "s/metricsPort: $(of g qlean_0 metricsPort)/metricsPort: $(of g qlean_0 apiPort)/" g/validator-config.yaml
    "$DEVNET" up --genesis g
    curl --silent --fail "http://127.0.0.1:$(of g qlean_0 apiPort)/metrics" | grep '^lean_'
    run -2 "$DEVNET" up --genesis g -n 2
    [[ $output == *"--nodes: the genesis folder says which there are"* ]]
}

@test "up in a genesis folder leaves its files as they are" {
    make_folder g zeam_0 ream_0
    start_member g zeam_0
    cp -r g before
    for _ in first second; do
        # shellcheck disable=SC2016 # as the program is told
        "$DEVNET" --dir g up --with other="cp {nodes} told; exec '$(realpath "$BIN")/devnet-node' --api off --key {key} \
            --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --topic lean:block --bootnode {nodes}"
        grep -qF "$("$DEVNET" --dir g status --json | jq -r '.nodes[] | select(.name == "ream_0").enr')" told
        for file in before/*; do cmp "$file" "g/${file#*/}"; done
        "$DEVNET" --dir g down
        for file in before/*; do cmp "$file" "g/${file#*/}"; done
    done
    # One that is a list of records alone is one the next time, too.
    mkdir h
    cp g/nodes.yaml h
    for _ in first second; do
        run -0 "$DEVNET" --dir h up
        [[ $output == *": there is no node that is to be run"* ]]
        run -0 "$DEVNET" --dir h connect --until handshake "$(peer_id zeam_0)"
    done
    cmp g/nodes.yaml h/nodes.yaml
}

@test "devnet-node is a node of the folder by the options that Lean's clients share" {
    make_folder g zeam_0 ream_0 qlean_0
    start_node zeam_0 --custom-network-config-dir g --node-id zeam_0
    [ "$(address zeam_0)" = "/ip4/127.0.0.1/udp/$(of g zeam_0 quic)/quic-v1/p2p/$(peer_id zeam_0)" ]
    [ "$(ready zeam_0 .api)" = "http://127.0.0.1:$(of g zeam_0 apiPort)" ]
    [ "$("$DEVNET" key show --json g/zeam_0.key 2> /dev/null | jq -r .peer_id)" = "$(peer_id zeam_0)" ]
    start_node ream_0 --custom-network-config-dir g --node-id ream_0 --node-key g/ream_0.key \
        --api-port "$(of g ream_0 apiPort)" --metrics-port "$(of g ream_0 metricsPort)" \
        --is-aggregator --attestation-committee-count 3
    [[ $(cat ream_0.err) == *"--node-key g/ream_0.key: others can use this key"* ]]
    await_mesh zeam_0 ream_0
    topics() { api "$1" /mesh | jq -c '[.topics | to_entries[] | select(.value.subscribed) | .key | split("/")[3]] | sort'; }
    [ "$(topics zeam_0)" = '["aggregation","attestation_0","block"]' ]
    [ "$(topics ream_0)" = '["aggregation","attestation_0","attestation_1","attestation_2","block"]' ]
    run -0 "$DEVNET" enr show --json "$(ready ream_0 .enr)"
    jq -e '.fields.is_aggregator' <<< "$output"
    # As many validators as the folder says, or the option.
    [ "$(api zeam_0 /lean/v0/fork_choice | jq .validator_count)" = 3 ]
    start_node other --validator-count 7
    [ "$(api other /lean/v0/fork_choice | jq .validator_count)" = 7 ]
    # The third of three committees, for the third of the folder's nodes.
    start_node qlean_0 --custom-network-config-dir g --node-id qlean_0 --attestation-committee-count 3
    [ "$(topics qlean_0)" = '["aggregation","attestation_2","block"]' ]
    page=http://127.0.0.1:$(of g ream_0 metricsPort)
    curl --silent --fail "$page/metrics" | grep '^lean_connected_peers'
    [ "$(curl --silent --output /dev/null --write-out '%{http_code}' "$page/health")" = 404 ]
    # Each with all others, as the folder says.
    eventually bash -c "curl --silent '$(ready qlean_0 .api)/peers' | jq -e '.peers | length == 2'"
    run -0 --separate-stderr "$DEVNET" status --genesis g
}

@test "a node answers as Lean's nodes do, of what it was told" {
    root=0x$(printf 'ab%.0s' {1..32})
    start_node a --finalized "$root:3" --head "0x$(printf 'cd%.0s' {1..32}):7"
    [ "$(api a /lean/v0/health)" = '{"service":"lean-rpc-api","status":"healthy"}' ]
    [ "$(api a /lean/v0/checkpoints/justified)" = "{\"root\":\"$root\",\"slot\":3}" ]
    api a /lean/v0/fork_choice > choice
    jq -e --arg root "$root" '[.nodes[].slot] == [3, 7] and .finalized == {root: $root, slot: 3} and
        .head == .nodes[1].root and .safe_target == .head and .validator_count == 0' choice
    start_node b
    api b /lean/v0/fork_choice | jq -e '.nodes | length == 1'
}

@test "anybody is served the routes of Lean's nodes and metrics, and nothing else, where that is asked for" {
    "$DEVNET" genesis -n 1 --port 0 --api-port 0 --metrics-port 0 g > /dev/null
    port=$(of g devnet_0 apiPort)
    start_node a --api-public "0.0.0.0:$port"
    # Under any name, as another machine has it, and at any address.
    ask() {
        curl --silent --output answer --write-out '%{http_code}' --max-time 15 \
            --header 'Host: somewhere.example' "$@"
    }
    for path in /lean/v0/health /lean/v0/fork_choice /lean/v0/checkpoints/justified /metrics; do
        [ "$(ask "http://127.0.0.2:$port$path")" = 200 ]
    done
    for path in /health /mesh /peers /events /; do
        [ "$(ask "http://127.0.0.2:$port$path")" = 404 ]
    done
    for path in /connect /publish /disconnect; do
        [ "$(ask --data '{}' "http://127.0.0.2:$port$path")" != 200 ]
    done
    [ "$(ask --data '' "http://127.0.0.2:$port/metrics")" = 405 ]
    # Our own API is where it was, for us alone.
    [ "$(ask "$(ready a .api)/health")" = 403 ]
    [ "$(api a /health | jq -r .status)" = ok ]
}

@test "what is wrong with the options of a client is named" {
    make_folder g zeam_0 ream_0
    refuses() {
        run -2 "$BIN/devnet-node" "${@:2}"
        [[ $output == *"$1"* ]] || { echo "$output" && return 1; }
    }
    refuses "--custom-network-config-dir h: no genesis folder" --custom-network-config-dir h
    refuses "--node-id x: there is no such node in g" --custom-network-config-dir g --node-id x
    refuses "--node-id needs --custom-network-config-dir" --node-id zeam_0
    refuses "--node-key h.key: cannot read the key file" --node-key h.key
    refuses "--node-key, --key and --key-hex exclude each other" --node-key g/zeam_0.key --key a
    refuses "--api and --api-port exclude each other" --api 127.0.0.1:0 --api-port 9
    refuses "--api-public x: not an address to listen on" --api-public x
    refuses "--api-public: not with --api off" --api-public 127.0.0.1:0 --api off
    refuses "--metrics-port: not with --api off" --metrics-port 9 --api off
    # Somebody else is there.
    start_node zeam_0 --custom-network-config-dir g --node-id zeam_0
    run -1 "$BIN/devnet-node" --custom-network-config-dir g --node-id zeam_0
    [[ $output == *"--node-id zeam_0: "*"ddress"* ]]
    run -1 "$BIN/devnet-node" --api-port "$(of g zeam_0 apiPort)"
    [[ $output == *"--api-port 127.0.0.1:"* ]]
}

@test "lean-quickstart's way of starting a client starts ours" {
    make_folder g devnet_0 devnet_1
    # shellcheck disable=SC2034 # what it sources uses them
    start_it() (
        configDir=g item=$1 isAggregator=$2 attestationCommitteeCount=$3 DEVNET_NODE=$BIN/devnet-node
        apiPort=$(of g "$item" apiPort) metricsPort=$(of g "$item" metricsPort)
        # shellcheck disable=SC1091 # it is checked by itself
        source "$BATS_TEST_DIRNAME/../devnet/lean/devnet-cmd.sh"
        # shellcheck disable=SC2154 # it sets them
        [ "$node_setup" = binary ] && echo "exec $node_binary"
    )
    start_it devnet_0 true 2 > start_0
    start_it devnet_1 false '' > start_1
    for number in 0 1; do
        launch devnet_$number bash start_$number
        await devnet_$number '.event == "ready"' > /dev/null
    done
    await_mesh devnet_0 devnet_1
    api devnet_0 /mesh | jq -e '(.agent == "devnet-node-without-chain") and (.topics | has("/leanconsensus/12345678/attestation_1/ssz_snappy"))'
    [ "$(wc -l < "$BATS_TEST_DIRNAME/../devnet/lean/devnet-cmd.sh")" -le 10 ]
}

@test "an option of Lean's clients, without a folder, subscribes to what they do" {
    "$DEVNET" genesis -n 1 --port 0 --api-port 0 --metrics-port 0 g > /dev/null 2>&1
    topics() { api "$1" /mesh | jq -c '[.topics | keys[] | split("/")[3]]'; }
    lean='["aggregation","attestation_0","block"]'
    start_node plain
    [ "$(topics plain)" = '["block"]' ]
    start_node key --node-key g/devnet_0.key
    [ "$(topics key)" = "$lean" ]
    start_node metrics --metrics-port "$(of g devnet_0 metricsPort)"
    [ "$(topics metrics)" = "$lean" ]
    start_node told --metrics-port "$(of g devnet_0 apiPort)" --topic lean:block
    [ "$(topics told)" = '["block"]' ]
}

@test "hive's environment starts a client of ours" {
    "$DEVNET" genesis -n 1 --port 0 --api-port 0 --metrics-port 0 g > /dev/null
    port=$(of g devnet_0 apiPort)
    start_node a --topic lean:block
    start_node b --topic lean:block
    launch c env DEVNET_NODE="$BIN/devnet-node" HIVE_ASSETS="$PWD" HIVE_CLIENT_PRIVATE_KEY="$SECRET" HIVE_NODE_ID=c_0 \
        HIVE_BOOTNODES="$(ready a .enr),$(address b)" HIVE_LEAN_FORK_DIGEST=12345678 \
        HIVE_IS_AGGREGATOR=1 HIVE_ATTESTATION_COMMITTEE_COUNT=2 HIVE_CHECK_LIVE_PORT="$port" \
        QUIC_PORT="$(of g devnet_0 quic)" "$BATS_TEST_DIRNAME/../devnet/lean/hive.sh"
    await c '.event == "ready"' > /dev/null
    [ "$(peer_id c)" = 16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm ]
    await_mesh a c
    await_mesh b c
    curl --silent --fail "http://127.0.0.1:$port/lean/v0/health" | jq -e '.status == "healthy"'
    api c /mesh | jq -e '(.agent | contains("keeps no chain")) and
        (.topics | has("/leanconsensus/12345678/attestation_1/ssz_snappy"))'
}

@test "a node whose key is not known is not run, which is said" {
    mkdir g
    printf 'validators:\n  - {name: there_0, enr: "%s"}\n' "$EXAMPLE" > g/validator-config.yaml
    run -0 "$DEVNET" up --genesis g
    [[ $output == *"there_0: is not up, and is not run here: its key is not known"* ]]
    [[ $output == *"g: there is no node that is to be run"* ]]
    run -2 "$DEVNET" key show --genesis g there_0
    [[ $output == *"there_0: g has its record, and not its key"* ]]
}
