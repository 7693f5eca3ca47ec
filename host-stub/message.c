#include "message.h"

#include "failure.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ID_SIZE 16        /* bytes of a UUID */
#define ID_TEXT_LENGTH 36 /* and its characters */
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Header, texts and content are one allocation. A message made with content_of has none of its own and keeps the message that
 * owns the bytes. */
struct edgecore_message {
  atomic_uint references;
  struct edgecore_message *owner;
  struct edgecore_message_fields fields;
  char storage[];
};

struct text {
  const char *from;
  size_t size; /* with the NUL */
};

enum { TEXT_ID, TEXT_PARENT_ID, TEXT_SOURCE, TEXT_GROUP, TEXT_OPERATION, TEXT_RESOURCE, TEXT_COUNT };
static const char *const text_names[TEXT_COUNT] = {"id", "parent_id", "source", "group", "operation", "resource"};

static atomic_uint live;

/* One call of getrandom serves 256 ids; the pool is the thread's own, so there is nothing to lock. */
static gboolean random_id(guint8 id[ID_SIZE]) {
  static _Thread_local guint8 pool[256 * ID_SIZE];
  static _Thread_local size_t left;

  while (left == 0) {
    ssize_t got = getrandom(pool, sizeof pool, 0);
    if (got < 0 && errno != EINTR)
      return FALSE;
    if (got > 0)
      left = (size_t)got / ID_SIZE;
  }
  left--;
  memcpy(id, pool + left * ID_SIZE, ID_SIZE);
  return TRUE;
}

static gboolean id_write(char *to) {
  static const char digits[] = "0123456789abcdef";
  guint8 id[ID_SIZE];
  if (!random_id(id))
    return FALSE;

  id[6] = (guint8)((id[6] & 0x0f) | 0x40);
  id[8] = (guint8)((id[8] & 0x3f) | 0x80);
  for (guint i = 0; i < ID_SIZE; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *to++ = '-';
    *to++ = digits[id[i] >> 4];
    *to++ = digits[id[i] & 15];
  }
  *to = '\0';
  return TRUE;
}

/* Nearly every text is ASCII, and eight bytes at a time show that. */
static gboolean is_utf8(const char *text, size_t length) {
  size_t i = 0;
  uint64_t word;
  for (; i + sizeof word <= length; i += sizeof word) {
    memcpy(&word, text + i, sizeof word);
    if (word & HIGH_BITS)
      return g_utf8_validate(text + i, (gssize)(length - i), NULL);
  }
  return g_utf8_validate(text + i, (gssize)(length - i), NULL);
}

static int32_t texts_check(const struct edgecore_message_fields *fields, struct text texts[TEXT_COUNT],
                           struct edgecore_error *error) {
  const char *const from[TEXT_COUNT] = {fields->id,    fields->parent_id, fields->source,
                                        fields->group, fields->operation, fields->resource};
  for (guint i = 0; i < TEXT_COUNT; i++) {
    const char *text = from[i] == NULL ? "" : from[i];
    size_t length = strlen(text);
    if (!is_utf8(text, length))
      return failure_set(error, EDGECORE_INVALID, "message: %s is not UTF-8", text_names[i]);
    texts[i] = (struct text){text, length + 1};
  }
  if (texts[TEXT_ID].size == 1)
    texts[TEXT_ID].size = ID_TEXT_LENGTH + 1;
  return EDGECORE_OK;
}

static int32_t fields_check(const struct edgecore_message_fields *fields, struct edgecore_error *error) {
  if (fields == NULL || fields->size < sizeof *fields)
    return failure_set(error, EDGECORE_INVALID, "message: the struct is too short");
  if (fields->flags & ~EDGECORE_MESSAGE_SYNC)
    return failure_set(error, EDGECORE_INVALID, "message: unknown flags 0x%x", fields->flags);
  if (fields->reserved != 0)
    return failure_set(error, EDGECORE_INVALID, "message: reserved is %u, not 0", fields->reserved);
  if (fields->content_of != NULL)
    return EDGECORE_OK;
  if (fields->content_kind > EDGECORE_CONTENT_JSON)
    return failure_set(error, EDGECORE_INVALID, "message: unknown kind of content %u", fields->content_kind);
  if (fields->content_size > 0 && (fields->content == NULL || fields->content_kind == EDGECORE_CONTENT_NONE))
    return failure_set(error, EDGECORE_INVALID, "message: %" G_GUINT64_FORMAT " bytes of content, but no %s",
                       fields->content_size, fields->content == NULL ? "address" : "kind");
  return EDGECORE_OK;
}

static size_t texts_size(const struct text texts[TEXT_COUNT]) {
  size_t sum = 0;
  for (guint i = 0; i < TEXT_COUNT; i++)
    sum += texts[i].size;
  return sum;
}

static struct edgecore_message *message_allocate(size_t text_size, uint64_t content_size,
                                                 struct edgecore_error *error) {
  size_t head = sizeof(struct edgecore_message) + text_size;
  if (content_size <= PTRDIFF_MAX - head) {
    struct edgecore_message *self = malloc(head + (size_t)content_size);
    if (self != NULL)
      return self;
  }
  failure_set(error, EDGECORE_NO_MEMORY, "message: no memory for %" G_GUINT64_FORMAT " bytes of content", content_size);
  return NULL;
}

/* Returns where the content goes, behind the last text. */
static char *texts_copy(struct edgecore_message *self, const struct text texts[TEXT_COUNT]) {
  const char **const to[TEXT_COUNT] = {&self->fields.id,    &self->fields.parent_id, &self->fields.source,
                                       &self->fields.group, &self->fields.operation, &self->fields.resource};
  char *place = self->storage;
  for (guint i = 0; i < TEXT_COUNT; i++) {
    *to[i] = place;
    if (i != TEXT_ID || texts[i].from[0] != '\0')
      memcpy(place, texts[i].from, texts[i].size);
    place += texts[i].size;
  }
  return place;
}

static void content_share(struct edgecore_message *self, struct edgecore_message *from) {
  self->owner = message_ref(from->owner == NULL ? from : from->owner);
  self->fields.content_kind = from->fields.content_kind;
  self->fields.content = from->fields.content;
  self->fields.content_size = from->fields.content_size;
}

static void content_copy(struct edgecore_message *self, const struct edgecore_message_fields *fields, char *place) {
  self->owner = NULL;
  self->fields.content_kind = fields->content_kind;
  self->fields.content = fields->content_size == 0 ? NULL : place;
  self->fields.content_size = fields->content_size;
  if (fields->content_size > 0)
    memcpy(place, fields->content, (size_t)fields->content_size);
}

struct edgecore_message *message_new(const struct edgecore_message_fields *fields, struct edgecore_error *error) {
  struct text texts[TEXT_COUNT];
  if (fields_check(fields, error) != EDGECORE_OK || texts_check(fields, texts, error) != EDGECORE_OK)
    return NULL;

  uint64_t content_size = fields->content_of == NULL ? fields->content_size : 0;
  struct edgecore_message *self = message_allocate(texts_size(texts), content_size, error);
  if (self == NULL)
    return NULL;

  self->fields = (struct edgecore_message_fields){.size = sizeof self->fields, .flags = fields->flags};
  self->fields.timestamp = fields->timestamp == 0 ? g_get_real_time() / 1000 : fields->timestamp;
  char *place = texts_copy(self, texts);
  if (texts[TEXT_ID].from[0] == '\0' && !id_write(self->storage)) {
    free(self);
    failure_set(error, EDGECORE_FAILED, "message: no random bytes for its id: %s", g_strerror(errno));
    return NULL;
  }
  if (fields->content_of != NULL)
    content_share(self, fields->content_of);
  else
    content_copy(self, fields, place);
  atomic_init(&self->references, 1);
  atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
  return self;
}

struct edgecore_message *message_ref(struct edgecore_message *message) {
  atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
  return message;
}

void message_unref(struct edgecore_message *message) {
  if (message == NULL || atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) != 1)
    return;

  message_unref(message->owner);
  free(message);
  atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

const struct edgecore_message_fields *message_read(const struct edgecore_message *message) {
  return &message->fields;
}

guint message_count_live(void) {
  return atomic_load(&live);
}
