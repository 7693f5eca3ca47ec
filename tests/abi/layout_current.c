#include <edgecore/plugin.h>

#define LAYOUT_NAME layout_current
#include "layout_of.h"
