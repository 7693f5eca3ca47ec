/* The header alone: no other one is included before it, and a plain C11 compiler takes it. */
#include <edgecore/plugin.h>

_Static_assert(EDGECORE_ABI_MAJOR >= 1, "the header is there");
