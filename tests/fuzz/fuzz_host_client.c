/* A host that dials an attacker: see host_script.h. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    host_script_run(false, bytes_of(data, size));
    return 0;
}
