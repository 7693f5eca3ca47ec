#include "jsontext.h"
#include "message.h"
#include "step.h"
#include <string.h>

static void append_name(GString *out, const char *name) {
  g_string_append_c(out, '"');
  g_string_append(out, name);
  g_string_append(out, "\":");
}

static void append_content(GString *out, const struct edgecore_message_fields *fields) {
  switch ((enum edgecore_content_kind)fields->content_kind) {
  case EDGECORE_CONTENT_NONE:
    return;
  case EDGECORE_CONTENT_RAW:
    g_string_append_c(out, ',');
    step_append_bytes(out, "content_raw", fields->content, fields->content_size);
    return;
  case EDGECORE_CONTENT_JSON:
    /* The core does not check it, but a line that is no JSON would spoil all that reads them. */
    if (!json_text_check(fields->content, fields->content_size, NULL)) {
      g_string_append(out, ",\"content_unencodable\":true");
      return;
    }
    g_string_append(out, ",\"content\":");
    json_text_append_value(out, fields->content, fields->content_size);
    return;
  }
}

void step_append_text(GString *out, const char *name, const char *text) {
  append_name(out, name);
  json_text_append_string(out, text, strlen(text));
}

void step_append_bytes(GString *out, const char *name, const void *bytes, gsize size) {
  if (size > 0 && !g_utf8_validate_len(bytes, size, NULL)) {
    g_autofree char *base64 = g_base64_encode(bytes, size);
    g_string_append_printf(out, "\"%s_base64\":\"", name);
    g_string_append(out, base64);
    g_string_append_c(out, '"');
    return;
  }
  append_name(out, name);
  json_text_append_string(out, bytes, size);
}

void step_append_message(GString *out, struct edgecore_message *message) {
  const struct edgecore_message_fields *fields = message_read(message);
  const struct {
    const char *name;
    const char *text;
    gboolean is_optional;
  } texts[] = {
      {"id", fields->id, FALSE},       {"parent_id", fields->parent_id, TRUE},  {"source", fields->source, FALSE},
      {"group", fields->group, FALSE}, {"operation", fields->operation, FALSE}, {"resource", fields->resource, FALSE},
  };

  g_string_append_c(out, '{');
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    if (texts[i].is_optional && *texts[i].text == '\0')
      continue;
    if (i > 0)
      g_string_append_c(out, ',');
    step_append_text(out, texts[i].name, texts[i].text);
  }
  if (fields->flags & EDGECORE_MESSAGE_SYNC)
    g_string_append(out, ",\"sync\":true");
  append_content(out, fields);
  g_string_append_c(out, '}');
}
