/* Included after <edgecore/plugin.h>, with LAYOUT_NAME defined: gives the layout that this header has for the lines of layout.h.
 * Two sources include it, one with today's header, one with the frozen one, since a program cannot include both. */
#include "layout.h"

#define FIELD(struct_, name_, offset_, size_)                                                                          \
  {#struct_ "." #name_, offsetof(struct struct_, name_), sizeof(((struct struct_ *)0)->name_),                         \
   _Alignof(__typeof__(((struct struct_ *)0)->name_))},
#define STRUCT(name_, size_) {#name_, 0, sizeof(struct name_), _Alignof(struct name_)},
#define CONSTANT(name_, value_) {#name_, (uint64_t)name_, 0, 0},
static const struct layout_row fields[] = {LAYOUT_1_0_FIELDS(FIELD)};
static const struct layout_row structs[] = {LAYOUT_1_0_STRUCTS(STRUCT)};
static const struct layout_row constants[] = {LAYOUT_1_0_CONSTANTS(CONSTANT)};
#undef FIELD
#undef STRUCT
#undef CONSTANT

const struct layout LAYOUT_NAME = {
    fields,
    structs,
    constants,
    sizeof fields / sizeof fields[0],
    sizeof structs / sizeof structs[0],
    sizeof constants / sizeof constants[0],
};
