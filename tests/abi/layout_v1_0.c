/* Compiled with the include path of the frozen header. */
#include <edgecore/plugin.h>

#define LAYOUT_NAME layout_v1_0
#include "layout_of.h"

#define STRUCT(name_, size_) _Static_assert(sizeof(struct name_) == (size_), #name_ " is the struct of ABI 1.0");
LAYOUT_1_0_STRUCTS(STRUCT)
#undef STRUCT
_Static_assert(EDGECORE_ABI_MINOR == 0, "the frozen header is that of ABI 1.0");
