/* Remote queries in the hand of a test: a fake cloud, a clock, and the answers as text. */
#ifndef TESTS_PLUGIN_REMOTE_RIG_H
#define TESTS_PLUGIN_REMOTE_RIG_H

#include "fake_core.h"
#include "fixture.h"
#include "remote.h"

#define MS ((gint64)1000)
#define SECOND G_USEC_PER_SEC

typedef struct edgecore_message any_message;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(any_message, message_unref)

struct bench {
  fake_core *core;
  struct settings settings; /* 60 s, 2 attempts */
  remote *remote;
  GString *answers; /* QUERY-ID:PARENT OPERATION CONTENT, one a line */
  guint expired;
  gint64 now; /* 1,000 s at first */
};
typedef struct bench bench;

bench *bench_new(void) G_GNUC_WARN_UNUSED_RESULT;
void bench_free(bench *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(bench, bench_free)

/* A query of edged. */
any_message *bench_query(const char *id, const char *resource) G_GNUC_WARN_UNUSED_RESULT;
/* Asks, while there is a link. Takes over the reference. */
int32_t bench_ask(bench *self, any_message *message);
/* The request that was sent since the last look; NULL when there is none. The caller owns it. */
any_message *bench_sent(bench *self, guint64 *timeout_ms) G_GNUC_WARN_UNUSED_RESULT;
/* The cloud's answer to the request, or its failure. */
int32_t bench_answer(bench *self, any_message *request, const char *operation, const char *content);
int32_t bench_fail(bench *self, any_message *request, gboolean linked);
/* What is due at this time. */
void bench_retry(bench *self);
/* What was answered since the last look. */
void bench_check_answers(const char *file, int line, bench *self, const char *want);
#define check_answers(self, want) bench_check_answers(__FILE__, __LINE__, (self), (want))
/* For remote_answer. */
void bench_on_answer(any_message *asked, any_message *reply, void *data);

#endif
