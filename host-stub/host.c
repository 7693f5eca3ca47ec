#include "host.h"

#include "failure.h"
#include "slot.h"
#include "worker.h"

#define QUEUE_CAPACITY 1024
#define STOP_TIMEOUT_MS 5000
#define STUCK_TIMEOUT_MS 15000

struct host {
  struct activity activity;
  struct core_services services;
  struct slot slot;
  GMutex lock; /* for `workers` and `is_stopped` */
  GPtrArray *workers;
  gboolean is_stopped;
};

/* Hosts that a thread inside a plugin may still come back to. */
static GMutex left_lock;
static GSList *left;

static guint or_default(guint value, guint otherwise) {
  return value == 0 ? otherwise : value;
}

/* The same message as a sync request. NULL and *error without memory. */
static struct edgecore_message *as_sync(struct edgecore_message *message, struct edgecore_error *error) {
  struct edgecore_message_fields fields = *message_read(message);
  if (fields.flags & EDGECORE_MESSAGE_SYNC)
    return message_ref(message);
  fields.flags |= EDGECORE_MESSAGE_SYNC;
  fields.content_of = message;
  return message_new(&fields, error);
}

static gboolean take_error(GError **error, const struct edgecore_error *why) {
  g_set_error(error, HOST_ERROR, why->code, "%s", why->text);
  return FALSE;
}

host *host_new(const struct host_options *options) {
  host *self = g_new0(host, 1);
  activity_init(&self->activity);
  self->services = (struct core_services){
      .bus = bus_new(or_default(options->queue_capacity, QUEUE_CAPACITY), &self->activity),
      .activity = &self->activity,
      .logger = {options->log, options->log_data},
      .extension = options->extension,
      .extension_data = options->extension_data,
      .fault = options->fault,
      .fault_data = options->fault_data,
  };
  slot_init(&self->slot, &self->services, options->configuration, or_default(options->stop_timeout_ms, STOP_TIMEOUT_MS),
            or_default(options->stuck_timeout_ms, STUCK_TIMEOUT_MS));
  g_mutex_init(&self->lock);
  self->workers = g_ptr_array_new();
  return self;
}

gboolean host_add_module(host *self, const char *name, const char *group, host_module_fn *receive, void *data,
                         GError **error) {
  struct edgecore_error why = FAILURE_INIT;
  struct mailbox *mailbox;
  g_mutex_lock(&self->lock);
  int32_t code = bus_add(self->services.bus, name, group, FALSE, &mailbox, &why);
  worker *added = code == EDGECORE_OK ? worker_new(self, mailbox, &self->activity, receive, data, &why) : NULL;
  if (added != NULL)
    g_ptr_array_add(self->workers, added);
  else if (code == EDGECORE_OK)
    bus_remove(self->services.bus, mailbox);
  g_mutex_unlock(&self->lock);
  return added != NULL || take_error(error, &why);
}

gboolean host_load(host *self, const char *file, GError **error) {
  return slot_load(&self->slot, file, error);
}

int32_t host_send(host *self, const char *module, struct edgecore_message *message, gboolean wait,
                  struct edgecore_error *error) {
  return bus_send(self->services.bus, module, message, wait ? -1 : 0, error);
}

struct edgecore_message *host_send_sync(host *self, const char *module, struct edgecore_message *message,
                                        guint64 timeout_ms, struct edgecore_error *error) {
  struct edgecore_message *request = as_sync(message, error);
  if (request == NULL)
    return NULL;
  struct edgecore_message *answer = bus_call(self->services.bus, module, request, timeout_ms, error);
  message_unref(request);
  return answer;
}

int32_t host_respond(host *self, struct edgecore_message *answer, struct edgecore_error *error) {
  return bus_respond(self->services.bus, worker_current(), answer, error);
}

int32_t host_respond_as(host *self, const char *module, struct edgecore_message *answer, struct edgecore_error *error) {
  const struct mailbox *mailbox = bus_find(self->services.bus, module);
  if (mailbox == NULL)
    return failure_set(error, EDGECORE_NOT_FOUND, "answer: there is no module \"%s\"", module);
  return bus_respond(self->services.bus, mailbox, answer, error);
}

gboolean host_settle(host *self, gint64 timeout_ms) {
  gint64 deadline = timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;
  return activity_wait(&self->activity, deadline);
}

gboolean host_swap(host *self, const char *file, config *configuration, struct host_swap_report *report,
                   GError **error) {
  return slot_swap(&self->slot, file, configuration, report, error);
}

char *host_active_version(host *self) {
  return slot_version(&self->slot);
}

gboolean host_is_current(host *self, const char *file) {
  return slot_is_current(&self->slot, file);
}

gboolean host_is_down(host *self) {
  return atomic_load(&self->slot.is_down);
}

void host_stop(host *self) {
  g_mutex_lock(&self->lock);
  gboolean was_stopped = self->is_stopped;
  self->is_stopped = TRUE;
  g_mutex_unlock(&self->lock);
  if (was_stopped)
    return;

  slot_close(&self->slot);
  guint queued = bus_length(self->services.bus);
  bus_close(self->services.bus);
  g_ptr_array_foreach(self->workers, (GFunc)(void (*)(void))worker_free, NULL);
  if (queued > 0)
    logger_printf(&self->services.logger, EDGECORE_LOG_WARNING, "edgehost", "stopped with %u messages still queued",
                  queued);
}

void host_free(host *self) {
  host_stop(self);
  if (self->slot.has_left_thread) {
    g_mutex_lock(&left_lock);
    left = g_slist_prepend(left, self);
    g_mutex_unlock(&left_lock);
    return;
  }
  g_ptr_array_unref(self->workers);
  g_mutex_clear(&self->lock);
  slot_clear(&self->slot);
  bus_free(self->services.bus);
  activity_clear(&self->activity);
  g_free(self);
}

char *host_inspect(const char *file, GError **error) {
  struct image *image = loader_open(file, 0, error);
  if (image == NULL)
    return NULL;
  char *text = g_strdup_printf("module         %s\n"
                               "group          %s\n"
                               "version        %s\n"
                               "description    %s\n"
                               "ABI            %u.%u\n"
                               "state formats  writes %u, reads %u to %u\n",
                               image->module, image->group, image->version, image->description, image->abi_major,
                               image->abi_minor, image->state_format_written, image->state_format_oldest,
                               image->state_format_newest);
  loader_close(image);
  return text;
}
