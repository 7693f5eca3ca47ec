#include "resource.h"

#include "test.h"

#include <string.h>

TEST_CASE(Resource, two_tokens_are_a_type_and_three_have_an_id) {
  static const struct {
    const char *text;
    const char *type;
    gboolean has_id;
  } rows[] = {
      {"default/pod", "pod", FALSE},
      {"default/pod/nginx", "pod", TRUE},
      {"/pod/nginx", "pod", TRUE},
      {"default/pod/", "pod", FALSE},
      {"default//nginx", "", TRUE},
      {"default/", "", FALSE},
      {"/", "", FALSE},
      {"//", "", FALSE},
      {"default/Pod/nginx", "Pod", TRUE},
      {"default/pod/n\xc3\xa4me", "pod", TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct resource resource = resource_parse(rows[i].text);
    test_note("%s", rows[i].text);
    check_str_eq(resource.type, rows[i].type);
    check_int_eq(resource.has_id, rows[i].has_id);
  }
}

TEST_CASE(Resource, any_other_count_of_tokens_has_neither) {
  static const char *const texts[] = {"",     "pod",           "podstatus", "default/pod/a/b", "default/pod/a/",
                                      "////", "a/secret/b/c/d"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    const struct resource resource = resource_parse(texts[i]);
    test_note("%s", texts[i]);
    check_str_eq(resource.type, "");
    check_false(resource.has_id);
    check_int_eq(resource.kind, RESOURCE_OTHER);
  }
}

TEST_CASE(Resource, the_kind_follows_from_the_type_alone) {
  static const struct {
    const char *type;
    enum resource_kind kind;
    gboolean mesh;
    gboolean answered_to_mesh;
    gboolean remote;
    gboolean always_remote;
  } rows[] = {
      {"pod", RESOURCE_OTHER, FALSE, FALSE, FALSE, FALSE},
      {"Secret", RESOURCE_OTHER, FALSE, FALSE, FALSE, FALSE},
      {"service", RESOURCE_SERVICE, TRUE, TRUE, FALSE, FALSE},
      {"endpoints", RESOURCE_ENDPOINTS, TRUE, TRUE, TRUE, FALSE},
      {"servicelist", RESOURCE_SERVICELIST, FALSE, FALSE, FALSE, FALSE},
      {"endpointslist", RESOURCE_ENDPOINTSLIST, FALSE, FALSE, FALSE, FALSE},
      {"podlist", RESOURCE_PODLIST, FALSE, TRUE, FALSE, FALSE},
      {"podstatus", RESOURCE_PODSTATUS, FALSE, FALSE, FALSE, FALSE},
      {"configmap", RESOURCE_CONFIGMAP, FALSE, FALSE, TRUE, FALSE},
      {"secret", RESOURCE_SECRET, FALSE, FALSE, TRUE, FALSE},
      {"persistentvolume", RESOURCE_PERSISTENTVOLUME, FALSE, FALSE, TRUE, FALSE},
      {"persistentvolumeclaim", RESOURCE_PERSISTENTVOLUMECLAIM, FALSE, FALSE, TRUE, FALSE},
      {"volumeattachment", RESOURCE_VOLUMEATTACHMENT, FALSE, FALSE, TRUE, TRUE},
      {"node", RESOURCE_NODE, FALSE, FALSE, TRUE, TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *list = g_strdup_printf("default/%s", rows[i].type);
    g_autofree char *object = g_strdup_printf("default/%s/name", rows[i].type);
    const enum resource_kind kind = resource_parse(object).kind;
    test_note("%s", rows[i].type);
    check_int_eq(kind, rows[i].kind);
    check_int_eq(resource_parse(list).kind, rows[i].kind);
    check_int_eq(resource_is_mesh(kind), rows[i].mesh);
    check_int_eq(resource_is_answered_to_mesh(kind), rows[i].answered_to_mesh);
    check_int_eq(resource_is_remote(kind), rows[i].remote);
    check_int_eq(resource_is_always_remote(kind), rows[i].always_remote);
  }
}

TEST_CASE(Resource, a_type_longer_than_a_dns_label_is_none) {
  char type[65] = {0};
  memset(type, 't', 63);
  g_autofree char *longest = g_strdup_printf("default/%s/name", type);
  struct resource resource = resource_parse(longest);
  check_str_eq(resource.type, type);
  check_true(resource.has_id);

  type[63] = 't';
  g_autofree char *too_long = g_strdup_printf("default/%s/name", type);
  resource = resource_parse(too_long);
  check_str_eq(resource.type, "");
  check_false(resource.has_id);
}

TEST_CASE(Resource, a_million_bytes_are_read_like_few) {
  g_autofree char *name = g_strnfill(1000000, 'n');
  g_autofree char *text = g_strdup_printf("default/secret/%s", name);
  const struct resource resource = resource_parse(text);

  check_int_eq(resource.kind, RESOURCE_SECRET);
  check_true(resource.has_id);
  g_strdelimit(name, "n", '/');
  check_int_eq(resource_parse(name).kind, RESOURCE_OTHER);
}
