/* Looks at a shared object before dlopen does, which kills the process when the file is shorter than its headers say. */
#ifndef EDGEHOST_ELFFILE_H
#define EDGEHOST_ELFFILE_H

#include <glib.h>

/* NULL when it is a complete shared object for this machine, else why not. */
const char *elffile_check(int descriptor);

#endif
