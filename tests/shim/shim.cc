#include "test.h"

#include "secret.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <glib/gstdio.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>

namespace {

test_entry *first_entry;
test_entry *last_entry;
std::mutex running_mutex;
std::string running_directory;
std::string running_note;

void remove_tree(const std::string &path) {
  if (g_file_test(path.c_str(), G_FILE_TEST_IS_DIR) && !g_file_test(path.c_str(), G_FILE_TEST_IS_SYMLINK)) {
    g_chmod(path.c_str(), 0700);
    g_autoptr(GDir) directory = g_dir_open(path.c_str(), 0, nullptr);
    while (const char *name = directory ? g_dir_read_name(directory) : nullptr)
      remove_tree(path + G_DIR_SEPARATOR_S + name);
  }
  g_remove(path.c_str());
}

class Case : public testing::Test {
public:
  explicit Case(const test_entry *entry) : entry_(entry) {
  }
  void TestBody() override {
    entry_->run(entry_->data);
  }
  void SetUp() override {
    std::lock_guard<std::mutex> lock(running_mutex);
    running_note.clear();
  }
  void TearDown() override {
    std::lock_guard<std::mutex> lock(running_mutex);
    if (!running_directory.empty())
      remove_tree(running_directory);
    running_directory.clear();
  }

private:
  const test_entry *entry_;
};

bool report(const char *file, int line, const std::string &text) {
  std::string note;
  {
    std::lock_guard<std::mutex> lock(running_mutex);
    note = running_note;
  }
  ADD_FAILURE_AT(file, line) << (note.empty() ? "" : "[" + note + "] ") << text;
  return false;
}

std::string shown(const char *text) {
  if (text == nullptr)
    return "NULL";
  const size_t limit = 4000;
  const size_t length = strlen(text);
  std::string quoted = "\"" + std::string(text, length < limit ? length : limit) + "\"";
  return length < limit ? quoted : quoted + "... (" + std::to_string(length) + " bytes)";
}

std::string formatted(const char *format, va_list arguments) {
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  return text;
}

} // namespace

void test_register(test_entry *entry) {
  entry->next = nullptr;
  (last_entry != nullptr ? last_entry->next : first_entry) = entry;
  last_entry = entry;
}

void test_add(const char *suite, const char *name, const char *file, int line, test_fn *run, const void *data) {
  char *clean = g_strdup(name);
  g_strcanon(clean, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_", '_');
  test_register(new test_entry{g_intern_string(suite), g_intern_string(clean), file, line, run, data, nullptr});
  g_free(clean);
}

const char *test_directory(void) {
  std::lock_guard<std::mutex> lock(running_mutex);
  if (running_directory.empty()) {
    g_autoptr(GError) error = nullptr;
    g_autofree char *path = g_dir_make_tmp("edgecore-test-XXXXXX", &error);
    if (path == nullptr)
      g_error("cannot make a directory for the test: %s", error->message);
    running_directory = path;
  }
  return running_directory.c_str();
}

char *test_path(const char *name) {
  return g_build_filename(test_directory(), name, nullptr);
}

char *test_file(const char *name, const void *bytes, gssize size) {
  g_autoptr(GError) error = nullptr;
  char *path = test_path(name);
  if (!g_file_set_contents(path, static_cast<const char *>(bytes), size, &error))
    g_error("cannot write the test's file: %s", error->message);
  return path;
}

void test_write(const char *name, const void *bytes, gssize size) {
  g_free(test_file(name, bytes, size));
}

void test_note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string note = formatted(format, arguments);
  va_end(arguments);
  std::lock_guard<std::mutex> lock(running_mutex);
  running_note = note;
}

char *test_caught(test_body_fn *body, void *data) {
  using Reporter = testing::ScopedFakeTestPartResultReporter;
  testing::TestPartResultArray results;
  {
    Reporter reporter(Reporter::INTERCEPT_ALL_THREADS, &results);
    body(data);
  }
  std::string all;
  for (int i = 0; i < results.size(); i++)
    all += std::string(results.GetTestPartResult(i).message()) + "\n";
  return g_strdup(all.c_str());
}

bool test_that(bool held, const char *file, int line, const char *format, ...) {
  if (held)
    return true;
  va_list arguments;
  va_start(arguments, format);
  std::string text = formatted(format, arguments);
  va_end(arguments);
  return report(file, line, text);
}

bool test_int(const char *file, int line, const char *left, const char *relation, const char *right, intmax_t a,
              intmax_t b) {
  const std::string is(relation);
  const bool held = is == "==" ? a == b : is == "!=" ? a != b : is == "<=" ? a <= b : a >= b;
  if (held)
    return true;
  return report(file, line,
                std::string("want ") + left + " " + relation + " " + right + "\n  left:  " + std::to_string(a) +
                    "\n  right: " + std::to_string(b));
}

bool test_str(const char *file, int line, const char *left, const char *right, const char *a, const char *b) {
  if (g_strcmp0(a, b) == 0)
    return true;
  return report(file, line,
                std::string("want ") + left + " == " + right + "\n  left:  " + shown(a) + "\n  right: " + shown(b));
}

bool test_contains(const char *file, int line, const char *what, const char *text, const char *part, bool wanted) {
  const bool found = text != nullptr && strstr(text, part) != nullptr;
  if (found == wanted)
    return true;
  return report(file, line,
                std::string(what) + (wanted ? " lacks " : " holds ") + shown(part) + "\n  it is: " + shown(text));
}

bool test_mem(const char *file, int line, const char *what, const void *a, size_t a_size, const void *b,
              size_t b_size) {
  const auto *x = static_cast<const unsigned char *>(a);
  const auto *y = static_cast<const unsigned char *>(b);
  size_t at = 0;
  while (at < a_size && at < b_size && x[at] == y[at])
    at++;
  if (at == a_size && at == b_size)
    return true;
  return report(file, line,
                std::string("want ") + what + "\n  left:  " + std::to_string(a_size) + " bytes\n  right: " +
                    std::to_string(b_size) + " bytes\n  first difference at " + std::to_string(at));
}

bool test_no_error(const char *file, int line, const GError *error) {
  if (error == nullptr)
    return true;
  return report(file, line, std::string("unexpected error: ") + error->message);
}

bool test_error(const char *file, int line, const GError *error, GQuark domain, int code, const char *part) {
  const std::string want = std::string(g_quark_to_string(domain)) + " " + std::to_string(code) + " with " + shown(part);
  if (error == nullptr)
    return report(file, line, "want error " + want + "\n  got none");
  if (error->domain == domain && error->code == code && strstr(error->message, part) != nullptr)
    return true;
  return report(file, line,
                "want error " + want + "\n  got " + g_quark_to_string(error->domain) + " " +
                    std::to_string(error->code) + " with " + shown(error->message));
}

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) {
    fprintf(stderr, "%s: unknown argument %s\n", argv[0], argv[1]);
    return 2;
  }
  g_log_set_always_fatal(static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
  for (const test_entry *entry = first_entry; entry != nullptr; entry = entry->next)
    testing::RegisterTest(entry->suite, entry->name, nullptr, nullptr, entry->file, entry->line,
                          [entry]() -> Case * { return new Case(entry); });
  const int status = RUN_ALL_TESTS();
  if (!testing::GTEST_FLAG(list_tests) && testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    fprintf(stderr, "%s: no test ran\n", argv[0]);
    return 1;
  }
  guint lines, contents;
  secret_count(&lines, &contents);
  if (lines > 0)
    printf("%u lines of logs were searched for the SECRET, which %u contents held\n", lines, contents);
  /* One test alone may have no content. */
  if (lines > 0 && contents == 0 && testing::GTEST_FLAG(filter) == "*") {
    fprintf(stderr, "%s: lines of logs were looked at, but no content held the SECRET: see secret.h\n", argv[0]);
    return 1;
  }
  return status;
}
