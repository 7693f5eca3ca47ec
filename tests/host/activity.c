#include "activity.h"

#include "test.h"

struct fixture {
  struct activity activity;
  gboolean rested;
};

static gpointer wait_for_rest(gpointer data) {
  struct fixture *self = data;
  self->rested = activity_wait(&self->activity, -1);
  return NULL;
}

TEST_CASE(Activity, nothing_moves_at_first) {
  struct fixture self = {0};
  activity_init(&self.activity);
  check_true(activity_wait(&self.activity, -1));
  activity_clear(&self.activity);
}

TEST_CASE(Activity, waits_for_the_last_one) {
  struct fixture self = {0};
  activity_init(&self.activity);
  activity_add(&self.activity, 3);
  GThread *thread = g_thread_new("waiter", wait_for_rest, &self);
  activity_remove(&self.activity, 2);
  activity_add(&self.activity, 1);
  activity_remove(&self.activity, 2);
  g_thread_join(thread);
  check_true(self.rested);
  activity_clear(&self.activity);
}

TEST_CASE(Activity, gives_up_at_the_deadline) {
  struct fixture self = {0};
  activity_init(&self.activity);
  activity_add(&self.activity, 1);
  check_false(activity_wait(&self.activity, g_get_monotonic_time()));
  activity_remove(&self.activity, 1);
  check_true(activity_wait(&self.activity, g_get_monotonic_time()));
  activity_clear(&self.activity);
}

TEST_CASE(Activity, gives_up_when_it_is_hopeless) {
  struct fixture self = {0};
  activity_init(&self.activity);
  activity_add(&self.activity, 1);
  GThread *thread = g_thread_new("waiter", wait_for_rest, &self);
  activity_set_hopeless(&self.activity, TRUE);
  g_thread_join(thread);
  check_false(self.rested);
  check_false(activity_wait(&self.activity, -1));
  activity_remove(&self.activity, 1);
  check_true(activity_wait(&self.activity, -1));
  activity_clear(&self.activity);
}

static gpointer add_and_remove(gpointer data) {
  for (guint i = 0; i < 20000; i++) {
    activity_add(data, 1);
    activity_remove(data, 1);
  }
  activity_remove(data, 1);
  return NULL;
}

TEST_CASE(Activity, no_wake_up_is_lost) {
  for (guint round = 0; round < 20; round++) {
    struct fixture self = {0};
    GThread *threads[2];
    activity_init(&self.activity);
    activity_add(&self.activity, G_N_ELEMENTS(threads));
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
      threads[i] = g_thread_new("mover", add_and_remove, &self.activity);
    check_true(activity_wait(&self.activity, -1));
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
      g_thread_join(threads[i]);
    activity_clear(&self.activity);
  }
}
