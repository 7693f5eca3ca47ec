#include "delivery.h"

#include "fake_core.h"
#include "test.h"

static struct edgecore_message *any_message(void) {
  return fake_message(.operation = "update", .resource = "a/pod/1");
}

TEST_CASE(Delivery, a_list_keeps_order_and_takes_over_references) {
  const guint before = message_count_live();
  g_autoptr(fake_core) core = fake_core_new(NULL);
  GArray *deliveries = deliveries_new();
  struct edgecore_message *first = any_message();
  struct edgecore_message *second = any_message();

  deliveries_add(deliveries, DELIVERY_SEND, DESTINATION_EDGED, first, NULL);
  deliveries_add(deliveries, DELIVERY_REQUEST, DESTINATION_CLOUD, second, message_ref(first));
  require_int_eq(deliveries->len, 2);
  const struct delivery *last = &g_array_index(deliveries, struct delivery, 1);
  check_int_eq(last->kind, DELIVERY_REQUEST);
  check_int_eq(last->to, DESTINATION_CLOUD);
  check_true(last->message == second);
  check_true(last->context == first);
  check_int_eq(message_count_live(), before + 2);
  deliveries_free(deliveries, fake_core_table(core));
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Delivery, what_is_truncated_gives_its_references_back) {
  const guint before = message_count_live();
  g_autoptr(fake_core) core = fake_core_new(NULL);
  GArray *deliveries = deliveries_new();

  for (guint i = 0; i < 5; i++)
    deliveries_add(deliveries, DELIVERY_SEND, DESTINATION_EDGED, any_message(), any_message());
  deliveries_truncate(deliveries, fake_core_table(core), 2);
  check_int_eq(deliveries->len, 2);
  check_int_eq(message_count_live(), before + 4);
  deliveries_truncate(deliveries, fake_core_table(core), 2);
  check_int_eq(deliveries->len, 2);
  deliveries_free(deliveries, fake_core_table(core));
  deliveries_free(NULL, fake_core_table(core));
  check_int_eq(message_count_live(), before);
}

TEST_CASE(Delivery, only_a_message_sent_to_the_cloud_is_for_the_cloud) {
  for (int kind = DELIVERY_SEND; kind <= DELIVERY_LINK; kind++)
    for (int to = DESTINATION_CLOUD; to <= DESTINATION_CALLER; to++) {
      const struct delivery delivery = {.kind = (enum delivery_kind)kind, .to = (enum destination)to};
      test_note("kind %d to %d", kind, to);
      check_int_eq(delivery_is_for_cloud(&delivery), kind == DELIVERY_SEND && to == DESTINATION_CLOUD);
    }
}
