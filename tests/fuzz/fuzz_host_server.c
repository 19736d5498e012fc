/* A host that listens, and an attacker who dials it: see host_script.h. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    host_script_run(true, bytes_of(data, size));
    return 0;
}
