#include "play.h"

#include "failure.h"

#include <string.h>

/* Of all messages of an input together, what x flags make included: answers repeat it, and memory has a bound. */
#define CONTENT_MAX (1 << 20)

enum place { TO_EDGED, TO_EDGEMESH, TO_EDGEFUNCTION, TO_CLOUD, TO_CALLER, PLACE_COUNT };

static const struct {
  const char *module;
  char letter;
} places[PLACE_COUNT] = {
    [TO_EDGED] = {"edged", 'e'},     [TO_EDGEMESH] = {"edgemesh", 'm'}, [TO_EDGEFUNCTION] = {"edgefunction", 'f'},
    [TO_CLOUD] = {"websocket", 'w'}, [TO_CALLER] = {FAKE_CALLERS, 'c'},
};

/* Operations that answer a sync request. */
static const char *const answering[] = {"insert",
                                        "update",
                                        "delete",
                                        "query",
                                        "action",
                                        "action_result",
                                        "createvolume",
                                        "deletevolume",
                                        "controllerpublishvolume",
                                        "controllerunpublishvolume"};

/* One message that the input sent. */
struct asked {
  gboolean sync;
  gboolean answering;
  gboolean twice; /* another one has the same id */
  guint answers[PLACE_COUNT];
};

struct play {
  fake_core *core;
  module *metamanager; /* NULL: not started */
  gboolean checks_answers;
  gboolean callers_left; /* someone stopped waiting */
  GHashTable *asked;     /* id -> struct asked */
  GPtrArray *open;       /* requests that it sent, references */
  char *last_id;
  guint count;
  gsize content_left;
};

static gboolean is_answering(const char *operation) {
  for (guint i = 0; i < G_N_ELEMENTS(answering); i++)
    if (strcmp(operation, answering[i]) == 0)
      return TRUE;
  return FALSE;
}

play *play_new(const char *path, gboolean checks_answers) {
  play *self = g_new0(play, 1);

  self->core = fake_core_new(path);
  self->checks_answers = checks_answers;
  self->asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  self->open = g_ptr_array_new_with_free_func((GDestroyNotify)message_unref);
  self->last_id = g_strdup("none");
  self->content_left = CONTENT_MAX;
  return self;
}

gboolean play_start(play *self, const struct edgecore_state *state) {
  struct edgecore_error error = FAILURE_INIT;
  module *made = NULL;
  int32_t code = module_new(fake_core_table(self->core), &made, &error);

  if (code == EDGECORE_OK)
    code = module_start(made, state, &error);
  if (code == EDGECORE_OK) {
    self->metamanager = made;
    return TRUE;
  }
  module_free(made);
  if (error.text[0] == '\0' || !g_utf8_validate(error.text, -1, NULL))
    fuzz_fail("refused with %d and an error that is no text: \"%s\"", code, error.text);
  return FALSE;
}

/* ------------------------------------------------------------------------------------------------------ what it sends */

static void check_own(const struct edgecore_message_fields *fields) {
  const char *content = fields->content;

  if (fields->content_kind == EDGECORE_CONTENT_JSON && !fuzz_is_json(content, fields->content_size))
    fuzz_fail("%s of %s to %s: its content is not JSON: %.*s", fields->operation, fields->resource, fields->parent_id,
              (int)fields->content_size, content);
  if (strcmp(fields->operation, "error") == 0 && strcmp(fields->source, FAKE_SELF) == 0 &&
      fields->content_kind == EDGECORE_CONTENT_JSON &&
      (fields->content_size < 10 || memcmp(content, "\"Error to ", 10) != 0))
    fuzz_fail("an error answer that does not begin as it should: %.*s", (int)fields->content_size, content);
}

static void check_sent(play *self, const struct fake_sent *sent, enum place place) {
  const struct edgecore_message_fields *fields = message_read(sent->message);

  /* Of the input itself, passed on. */
  if (g_hash_table_contains(self->asked, fields->id))
    return;
  /* A request to the cloud is the query as it came. */
  if (sent->context != NULL) {
    g_ptr_array_add(self->open, message_ref(sent->message));
    return;
  }
  check_own(fields);
  if (*fields->parent_id == '\0' || !self->checks_answers)
    return;
  struct asked *asked = g_hash_table_lookup(self->asked, fields->parent_id);
  if (asked == NULL)
    fuzz_fail("%s of %s answers nobody: %s", fields->operation, fields->resource, fields->parent_id);
  if (asked->answers[place]++ > 0 && !asked->twice)
    fuzz_fail("%s was answered twice at %s", fields->parent_id, places[place].module);
  if (place == TO_CALLER && !asked->sync)
    fuzz_fail("%s did not wait for an answer and got one", fields->parent_id);
}

static void take(play *self, enum place place, guint count) {
  g_autoptr(GPtrArray) sent = fake_core_take_some(self->core, places[place].module, count);

  for (guint i = 0; i < sent->len; i++) {
    const struct fake_sent *one = fake_sent_at(sent, i);
    /* A volume request keeps its message's id. */
    if (one->context != NULL && g_hash_table_contains(self->asked, message_read(one->message)->id))
      g_ptr_array_add(self->open, message_ref(one->message));
    check_sent(self, one, place);
  }
}

static void take_all(play *self) {
  for (int place = 0; place < PLACE_COUNT; place++)
    take(self, (enum place)place, G_MAXUINT);
}

/* ------------------------------------------------------------------------------------------------------- what it gets */

static char *content_of(play *self, struct fuzz_text line, guint times, gsize *size) {
  GString *content = g_string_new_len(line.at, line.end - line.at);

  for (; times > 0 && content->len <= self->content_left / 4; times--) {
    g_autofree char *once = g_memdup2(content->str, content->len);
    gsize length = content->len;
    for (int i = 0; i < 3; i++)
      g_string_append_len(content, once, (gssize)length);
  }
  self->content_left -= MIN(self->content_left, content->len);
  *size = content->len;
  return g_string_free(content, FALSE);
}

static guint count_of(const char *flags, char flag) {
  guint count = 0;

  for (; *flags != '\0'; flags++)
    count += *flags == flag;
  return count;
}

/* Sixteen times over for each time; takes the text over. */
static char *lengthened(char *text, guint times) {
  GString *longer = g_string_new(NULL);

  for (int i = 0; times > 0 && i < 16 * (int)MIN(times, 8); i++)
    g_string_append(longer, text);
  if (times == 0)
    g_string_append(longer, text);
  g_free(text);
  return g_string_free(longer, FALSE);
}

struct edgecore_message *play_message(play *self, struct fuzz_text *line) {
  g_autofree char *flags = fuzz_word(line);
  g_autofree char *operation = fuzz_word(line);
  g_autofree char *source = fuzz_word(line);
  g_autofree char *resource = lengthened(fuzz_word(line), count_of(flags, 'l'));
  gsize size;
  g_autofree char *content = content_of(self, *line, count_of(flags, 'x'), &size);
  gboolean has_content = strpbrk(flags, "rj") != NULL;
  g_autofree char *id =
      strchr(flags, 'd') != NULL ? g_strdup(self->last_id) : g_strdup_printf("message-%u", self->count++);
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .flags = strchr(flags, 's') != NULL ? EDGECORE_MESSAGE_SYNC : 0,
      .id = id,
      .parent_id = strchr(flags, 'p') != NULL ? self->last_id : NULL,
      .source = source,
      .group = "resource",
      .operation = operation,
      .resource = resource,
      .content_kind = !has_content                 ? EDGECORE_CONTENT_NONE
                      : strchr(flags, 'j') != NULL ? EDGECORE_CONTENT_JSON
                                                   : EDGECORE_CONTENT_RAW,
      .content = has_content ? content : NULL,
      .content_size = has_content ? size : 0,
  };
  struct edgecore_message *message = message_new(&fields, NULL);
  if (message == NULL)
    return NULL;

  struct asked *asked = g_hash_table_lookup(self->asked, id);
  if (asked == NULL)
    g_hash_table_insert(self->asked, g_strdup(id), asked = g_new0(struct asked, 1));
  else
    asked->twice = TRUE;
  asked->sync |= (fields.flags & EDGECORE_MESSAGE_SYNC) != 0;
  asked->answering = is_answering(operation);
  g_free(self->last_id);
  self->last_id = g_steal_pointer(&id);
  return message;
}

static void command_message(play *self, struct fuzz_text *line) {
  struct edgecore_message *message = play_message(self, line);

  if (message != NULL)
    fake_core_push(self->core, message);
}

static void command_complete(play *self, struct fuzz_text *line) {
  static const int32_t outcomes[] = {EDGECORE_OK, EDGECORE_TIMEOUT, EDGECORE_NOT_FOUND, EDGECORE_OK};
  gint64 outcome = fuzz_number(line, 0, G_N_ELEMENTS(outcomes) - 1);
  gint64 number = fuzz_number(line, 0, G_MAXINT32);
  g_autofree char *operation = fuzz_word(line);

  take_all(self);
  if (self->open->len == 0)
    return;
  g_autoptr(any_message) request = g_ptr_array_steal_index(self->open, (guint)(number % self->open->len));
  const struct edgecore_message_fields *asked = message_read(request);
  const struct edgecore_message_fields fields = {
      .size = sizeof fields,
      .parent_id = asked->id,
      .source = "edgecontroller",
      .group = asked->group,
      .operation = operation,
      .resource = asked->resource,
      .content_kind = line->at == line->end ? EDGECORE_CONTENT_NONE
                      : outcome == 0        ? EDGECORE_CONTENT_RAW
                                            : EDGECORE_CONTENT_JSON,
      .content = line->at == line->end ? NULL : line->at,
      .content_size = (guint64)(line->end - line->at),
  };
  struct edgecore_message *reply = outcomes[outcome] == EDGECORE_OK ? message_new(&fields, NULL) : NULL;
  if (outcomes[outcome] == EDGECORE_OK && reply == NULL)
    return;
  fake_core_complete(self->core, request, outcomes[outcome], reply);
}

static int place_of(struct fuzz_text *line) {
  g_autofree char *word = fuzz_word(line);

  for (int place = 0; place < PLACE_COUNT; place++)
    if (word[0] == places[place].letter)
      return place;
  return -1;
}

static void command_capacity(play *self, struct fuzz_text *line) {
  gboolean own = line->at < line->end && *line->at == 's';
  int place = place_of(line);
  guint capacity = (guint)fuzz_number(line, 0, FAKE_CAPACITY);

  if (own)
    fake_core_set_capacity(self->core, FAKE_SELF, capacity);
  else if (place >= 0 && place != TO_CALLER)
    fake_core_set_capacity(self->core, places[place].module, capacity);
}

static void command_present(play *self, struct fuzz_text *line) {
  int place = place_of(line);
  gboolean is_present = fuzz_number(line, 0, 1) != 0;

  if (place < 0)
    return;
  fake_core_set_present(self->core, places[place].module, is_present);
  self->callers_left |= place == TO_CALLER;
}

static void command_take(play *self, struct fuzz_text *line) {
  int place = place_of(line);

  if (place >= 0)
    take(self, (enum place)place, (guint)fuzz_number(line, 0, G_MAXINT32));
}

static void command_fail(play *self, struct fuzz_text *line) {
  guint nth = (guint)fuzz_number(line, 0, 1000);
  gint64 code = fuzz_number(line, 0, 1);

  fake_core_fail_nth(self->core, NULL, nth, code == 0 ? EDGECORE_NO_MEMORY : EDGECORE_AGAIN);
}

static void command_swap(play *self, struct fuzz_text *line) {
  struct edgecore_error error = FAILURE_INIT;
  struct edgecore_state state = {.size = sizeof state};
  module *old = g_steal_pointer(&self->metamanager);

  (void)line;
  if (module_stop(old, &state, &error) != EDGECORE_OK)
    fuzz_fail("cannot stop: %s", error.text);
  if (!play_start(self, &state))
    fuzz_fail("its own state was refused");
  module_free(old);
}

static void command_run(play *self, struct fuzz_text *line) {
  (void)line;
  fake_core_run(self->core, self->metamanager);
}

static void command_time(play *self, struct fuzz_text *line) {
  fake_core_run_for(self->core, self->metamanager, fuzz_number(line, 0, 100) * G_USEC_PER_SEC);
}

static const struct {
  char letter;
  void (*run)(play *self, struct fuzz_text *line);
} commands[] = {
    {'m', command_message},  {'c', command_complete}, {'r', command_run},  {'t', command_time}, {'g', command_take},
    {'k', command_capacity}, {'p', command_present},  {'f', command_fail}, {'w', command_swap},
};

void play_command(play *self, struct fuzz_text line) {
  char letter = line.at < line.end ? *line.at : '\0';

  line.at += MIN(line.end - line.at, 2);
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
    if (commands[i].letter == letter)
      commands[i].run(self, &line);
}

/* -------------------------------------------------------------------------------------------------------- how it ends */

void play_settle(play *self) {
  fake_core_fail_nth(self->core, NULL, 0, EDGECORE_OK);
  fake_core_set_capacity(self->core, FAKE_SELF, FAKE_CAPACITY);
  for (int place = 0; place < PLACE_COUNT; place++) {
    fake_core_set_capacity(self->core, places[place].module, G_MAXUINT);
    fake_core_set_present(self->core, places[place].module, TRUE);
  }
  /* Longer than any time-out, in steps that let the queues be looked at. */
  for (int i = 0; i < 4; i++) {
    fake_core_run_for(self->core, self->metamanager, 61 * G_USEC_PER_SEC);
    take_all(self);
  }
}

static void check_asked(gpointer key, gpointer value, gpointer data) {
  const struct asked *asked = value;
  const play *self = data;

  if (asked->sync && asked->answering && !asked->twice && !self->callers_left && asked->answers[TO_CALLER] != 1)
    fuzz_fail("%s waited for an answer and got %u", (const char *)key, asked->answers[TO_CALLER]);
}

void play_end(play *self) {
  gboolean started = self->metamanager != NULL;

  if (started && self->checks_answers && fake_core_held(self->core) != 0)
    fuzz_fail("%" G_GUINT64_FORMAT " things are held although there is room", fake_core_held(self->core));
  if (started)
    fake_core_end(self->core, self->metamanager);
  if (started && self->checks_answers)
    g_hash_table_foreach(self->asked, check_asked, self);
  if (!g_utf8_validate(fake_core_log(self->core), -1, NULL))
    fuzz_fail("the log is not UTF-8: %s", fake_core_log(self->core));
  fake_core_free(self->core);
  g_ptr_array_unref(self->open);
  g_hash_table_unref(self->asked);
  g_free(self->last_id);
  g_free(self);
  if (message_count_live() != 0)
    fuzz_fail("%u messages are left", message_count_live());
}
