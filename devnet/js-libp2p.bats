load devnet.bash
setup() {
    js='node_modules/.bin/node peer.mjs --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --status'
    devnet_up --with js="cd $BATS_TEST_DIRNAME/../tests/interop/js && tail -f /dev/null |
        $js --seed \$(cat {key}) --dial {bootnode}"
}
teardown() { devnet_down; }
@test "js-libp2p meshes and leaves no orphaned stream" {
    assert_step mesh js        # dialled from outside, step by step
    assert_meshed js           # in a node's mesh, and the whole mesh is sound
    assert_no_orphans          # by the QUIC logs
}
