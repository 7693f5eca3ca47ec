/* Looks at lines of a log, where there is no content to be found: test_shim.c runs it. No test of the project by itself. */
#include "secret.h"
#include "test.h"

TEST_CASE(Blind, a_line_without_content_passes) {
  secret_check_line(EDGECORE_LOG_INFO, "a line");
}
