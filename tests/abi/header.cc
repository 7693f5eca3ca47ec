// The header alone, in C++.
#include <edgecore/plugin.h>

static_assert(EDGECORE_ABI_MAJOR >= 1, "the header is there");
