#include "layout.h"
#include "test.h"

#include <edgecore/plugin.h>
#include <string.h>

_Static_assert(sizeof(void *) == 8, "the numbers of layout.h are those of a 64-bit machine");

/* A header that moves a field does not compile here ... */
#define FIELD(struct_, name_, offset_, size_)                                                                          \
  _Static_assert(offsetof(struct struct_, name_) == (offset_), #struct_ "." #name_ " has moved");                      \
  _Static_assert(sizeof(((struct struct_ *)0)->name_) == (size_), #struct_ "." #name_ " has another size");
LAYOUT_1_0_FIELDS(FIELD)
LAYOUT_1_1_FIELDS(FIELD)
#undef FIELD
#define STRUCT(name_, size_) _Static_assert(sizeof(struct name_) >= (size_), #name_ " has shrunk");
LAYOUT_1_0_STRUCTS(STRUCT)
#undef STRUCT
#define STRUCT(name_, size_) _Static_assert(sizeof(struct name_) == (size_), #name_ " has another size");
LAYOUT_1_1_STRUCTS(STRUCT)
#undef STRUCT
#define CONSTANT(name_, value_) _Static_assert(name_ == (value_), #name_ " has another value");
LAYOUT_1_0_CONSTANTS(CONSTANT)
#undef CONSTANT

#define FIELD(struct_, name_, offset_, size_) {#struct_ "." #name_, offset_, size_, 0},
#define STRUCT(name_, size_) {#name_, 0, size_, 0},
#define CONSTANT(name_, value_) {#name_, value_, 0, 0},
static const struct layout_row fields[] = {LAYOUT_1_0_FIELDS(FIELD)};
static const struct layout_row structs[] = {LAYOUT_1_0_STRUCTS(STRUCT)};
static const struct layout_row constants[] = {LAYOUT_1_0_CONSTANTS(CONSTANT)};
#undef FIELD
#undef STRUCT
#undef CONSTANT

const struct layout layout_pinned = {
    fields, structs, constants, G_N_ELEMENTS(fields), G_N_ELEMENTS(structs), G_N_ELEMENTS(constants),
};

/* ... and these say so with both numbers. */
static void check_rows(const struct layout_row *want, const struct layout_row *got, size_t count, gboolean may_grow) {
  for (size_t i = 0; i < count; i++) {
    test_note("%s", want[i].name);
    check_str_eq(got[i].name, want[i].name);
    check_int_eq(got[i].offset, want[i].offset);
    if (may_grow)
      check_int_ge(got[i].size, want[i].size);
    else
      check_int_eq(got[i].size, want[i].size);
  }
}

static void check_layout(const struct layout *want, const struct layout *got, gboolean may_grow) {
  require_int_eq(got->field_count, want->field_count);
  require_int_eq(got->struct_count, want->struct_count);
  require_int_eq(got->constant_count, want->constant_count);
  check_rows(want->fields, got->fields, want->field_count, FALSE);
  check_rows(want->structs, got->structs, want->struct_count, may_grow);
  check_rows(want->constants, got->constants, want->constant_count, FALSE);
}

TEST_CASE(Abi, todays_header_has_the_pinned_offsets) {
  check_layout(&layout_pinned, &layout_current, TRUE);
}

TEST_CASE(Abi, the_frozen_header_has_the_pinned_offsets) {
  check_layout(&layout_pinned, &layout_v1_0, FALSE);
}

TEST_CASE(Abi, todays_header_only_adds_to_the_frozen_one) {
  check_layout(&layout_v1_0, &layout_current, TRUE);
}

/* So that a field cannot be added without being listed. */
TEST_CASE(Abi, only_the_structs_that_are_listed_have_grown) {
#define STRUCT(name_, size_) {#name_, 0, size_, 0},
  static const struct layout_row grown[] = {LAYOUT_1_1_STRUCTS(STRUCT)};
#undef STRUCT
  for (size_t i = 0; i < layout_v1_0.struct_count; i++) {
    uint64_t want = layout_v1_0.structs[i].size;
    for (size_t k = 0; k < G_N_ELEMENTS(grown); k++)
      if (strcmp(grown[k].name, layout_v1_0.structs[i].name) == 0)
        want = grown[k].size;
    test_note("%s", layout_v1_0.structs[i].name);
    check_int_eq(layout_current.structs[i].size, want);
  }
}

TEST_CASE(Abi, the_table_names_every_field) {
  /* The fields of a struct follow each other without a gap that is not padding, and reach to its end. */
  const struct layout *frozen = &layout_v1_0;
  size_t at = 0;
  for (size_t i = 0; i < frozen->struct_count; i++) {
    g_autofree char *prefix = g_strconcat(frozen->structs[i].name, ".", NULL);
    uint64_t end = 0;
    for (; at < frozen->field_count && g_str_has_prefix(frozen->fields[at].name, prefix); at++) {
      const struct layout_row *field = &frozen->fields[at];
      test_note("%s", field->name);
      check_int_eq(field->offset, (end + field->alignment - 1) / field->alignment * field->alignment);
      end = field->offset + field->size;
    }
    const struct layout_row *whole = &frozen->structs[i];
    test_note("%s", whole->name);
    check_int_eq(whole->size, (end + whole->alignment - 1) / whole->alignment * whole->alignment);
  }
  check_int_eq(at, frozen->field_count);
}

/* The first group of every match of the pattern in the header. */
static GPtrArray *names_in_header(const char *path, const char *pattern) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  check_true(g_file_get_contents(path, &text, NULL, &error));
  g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, &error);
  check_no_error(error);
  g_autoptr(GMatchInfo) match = NULL;
  for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match); g_match_info_next(match, NULL))
    g_ptr_array_add(names, g_match_info_fetch(match, 1));
  return names;
}

static gboolean rows_have(const struct layout_row *rows, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].name, name) == 0)
      return TRUE;
  return FALSE;
}

TEST_CASE(Abi, the_table_names_every_struct_and_constant) {
  const char *frozen = TESTS_SOURCE_DIR "/abi/v1.0/edgecore/plugin.h";
  g_autoptr(GPtrArray) names = names_in_header(frozen, "^struct (edgecore_\\w+) \\{");
  check_int_eq(names->len, layout_v1_0.struct_count);
  for (guint i = 0; i < names->len; i++)
    if (!rows_have(layout_v1_0.structs, layout_v1_0.struct_count, names->pdata[i]))
      check_fail("struct %s is not in layout.h", (char *)names->pdata[i]);
  g_autoptr(GPtrArray) values = names_in_header(frozen, "^  (EDGECORE_\\w+) =");
  check_int_ge(values->len, 20);
  for (guint i = 0; i < values->len; i++)
    if (!rows_have(layout_v1_0.constants, layout_v1_0.constant_count, values->pdata[i]))
      check_fail("%s is not in layout.h", (char *)values->pdata[i]);
}

TEST_CASE(Abi, the_frozen_header_is_never_edited) {
  g_autofree char *text = NULL;
  gsize size = 0;
  require_true(g_file_get_contents(TESTS_SOURCE_DIR "/abi/v1.0/edgecore/plugin.h", &text, &size, NULL));
  g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
  check_str_eq(sum, "d586b8648c28b74ba2b607a07a6a7b9751f83b319c5ba883964180038497ce05");
}

TEST_CASE(Abi, the_version_is_that_of_the_lists) {
  check_int_eq(EDGECORE_ABI_MAJOR, 1);
  check_int_eq(EDGECORE_ABI_MINOR, 1);
}
