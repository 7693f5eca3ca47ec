/* Tests in plain C, run by GoogleTest. shim.cc is the one C++ file: it registers every TEST_CASE with testing::RegisterTest, and its
 * main fails when no test ran, also when a filter left none.
 *
 *   TEST_CASE(Store, save_keeps_the_value) {
 *     g_autofree char *path = test_path("edge.db");
 *     require_not_null(store);
 *     check_int_eq(store_count(store), 1);
 *   }
 *
 * check_... records a failure, with both values, and goes on; its value is whether it held. require_... also returns from the
 * (void) function that it stands in, so g_autoptr and g_autofree clean up. Both may be used by any thread. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef void test_fn(const void *data);

/* ------------------------------------------------------------------------------------------------------- registering */

struct test_entry {
  const char *suite;
  const char *name;
  const char *file;
  int line;
  test_fn *run;
  const void *data;
  struct test_entry *next;
};

/* `entry` stays the caller's and lives as long as the program. Called before main. */
void test_register(struct test_entry *entry);

#define TEST_CASE(suite_, name_)                                                                                       \
  static void suite_##_##name_(void);                                                                                  \
  static void suite_##_##name_##_run(const void *data) {                                                               \
    (void)data;                                                                                                        \
    suite_##_##name_();                                                                                                \
  }                                                                                                                    \
  __attribute__((constructor)) static void suite_##_##name_##_register(void) {                                         \
    static struct test_entry entry = {#suite_, #name_, __FILE__, __LINE__, suite_##_##name_##_run, NULL, NULL};        \
    test_register(&entry);                                                                                             \
  }                                                                                                                    \
  static void suite_##_##name_(void)

/* Registers one test for each row of data that is known only at run time, say a file's lines. Called in a TEST_GENERATOR. Copies
 * suite and name; every character of the name that a filter could not hold becomes '_'. `data` lives as long as the program. */
void test_add(const char *suite, const char *name, const char *file, int line, test_fn *run, const void *data);

/* The body runs once, before main; it only calls test_add. */
#define TEST_GENERATOR(name_) __attribute__((constructor)) static void name_##_generator(void)

/* ------------------------------------------------------------------------------------------------------- around a test */

/* A directory for the running test alone; removed with all that is in it when the test ends. Owned by the shim. */
const char *test_directory(void);
/* A path in it; owned by the caller. */
char *test_path(const char *name) G_GNUC_WARN_UNUSED_RESULT;
/* A file of that name and these bytes in it; size -1: up to the NUL. The path is owned by the caller. */
char *test_file(const char *name, const void *bytes, gssize size) G_GNUC_WARN_UNUSED_RESULT;
/* The same for who does not need the path. */
void test_write(const char *name, const void *bytes, gssize size);
/* Said with every later failure of this test, say which row of a table is being tried. */
void test_note(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Runs the body and says which of its checks failed; they are no failures of the running test. For tests of checks. "" when all held; the
 * caller owns it. */
typedef void test_body_fn(void *data);
char *test_caught(test_body_fn *body, void *data) G_GNUC_WARN_UNUSED_RESULT;

/* -------------------------------------------------------------------------------------------------------------- checks */

/* What the macros call. Each returns whether the check held. */
bool test_that(bool held, const char *file, int line, const char *format, ...) G_GNUC_PRINTF(4, 5);
bool test_int(const char *file, int line, const char *left, const char *relation, const char *right, intmax_t a,
              intmax_t b);
bool test_str(const char *file, int line, const char *left, const char *right, const char *a, const char *b);
bool test_contains(const char *file, int line, const char *what, const char *text, const char *part, bool wanted);
bool test_mem(const char *file, int line, const char *what, const void *a, size_t a_size, const void *b, size_t b_size);
bool test_no_error(const char *file, int line, const GError *error);
bool test_error(const char *file, int line, const GError *error, GQuark domain, int code, const char *part);

#define check_true(e) test_that((e) ? true : false, __FILE__, __LINE__, "%s is false", #e)
#define check_false(e) test_that((e) ? false : true, __FILE__, __LINE__, "%s is true", #e)
#define check_null(e) test_that((e) == NULL, __FILE__, __LINE__, "%s is not NULL", #e)
#define check_not_null(e) test_that((e) != NULL, __FILE__, __LINE__, "%s is NULL", #e)
#define check_int_eq(a, b) test_int(__FILE__, __LINE__, #a, "==", #b, (intmax_t)(a), (intmax_t)(b))
#define check_int_ne(a, b) test_int(__FILE__, __LINE__, #a, "!=", #b, (intmax_t)(a), (intmax_t)(b))
#define check_int_le(a, b) test_int(__FILE__, __LINE__, #a, "<=", #b, (intmax_t)(a), (intmax_t)(b))
#define check_int_ge(a, b) test_int(__FILE__, __LINE__, #a, ">=", #b, (intmax_t)(a), (intmax_t)(b))
/* NULL equals NULL only. */
#define check_str_eq(a, b) test_str(__FILE__, __LINE__, #a, #b, (a), (b))
#define check_contains(text, part) test_contains(__FILE__, __LINE__, #text, (text), (part), true)
#define check_lacks(text, part) test_contains(__FILE__, __LINE__, #text, (text), (part), false)
#define check_mem_eq(a, a_size, b, b_size) test_mem(__FILE__, __LINE__, #a " == " #b, (a), (a_size), (b), (b_size))
#define check_no_error(error) test_no_error(__FILE__, __LINE__, (error))
/* The error is there, is of this domain and code, and its text holds `part`. */
#define check_error(error, domain, code, part) test_error(__FILE__, __LINE__, (error), (domain), (int)(code), (part))
#define check_fail(...) test_that(false, __FILE__, __LINE__, __VA_ARGS__)

#define require_that_(held)                                                                                            \
  do {                                                                                                                 \
    if (!(held))                                                                                                       \
      return;                                                                                                          \
  } while (0)
#define require_true(e) require_that_(check_true(e))
#define require_false(e) require_that_(check_false(e))
#define require_null(e) require_that_(check_null(e))
#define require_not_null(e) require_that_(check_not_null(e))
#define require_int_eq(a, b) require_that_(check_int_eq(a, b))
#define require_int_ge(a, b) require_that_(check_int_ge(a, b))
#define require_str_eq(a, b) require_that_(check_str_eq(a, b))
#define require_no_error(error) require_that_(check_no_error(error))

G_END_DECLS

#endif
