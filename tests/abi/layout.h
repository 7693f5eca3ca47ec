/* What ABI 1.0 looks like in memory on a 64-bit machine, written by hand: where each field of each struct lies, how many bytes it
 * has, and what each constant is. A later minor adds lists of its
 * own at the end; none of the lines before them ever changes. */
#ifndef TESTS_LAYOUT_H
#define TESTS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* FIELD(struct, name, offset, size) */
#define LAYOUT_1_0_FIELDS(FIELD)                                                                                       \
  FIELD(edgecore_error, size, 0, 4)                                                                                    \
  FIELD(edgecore_error, code, 4, 4)                                                                                    \
  FIELD(edgecore_error, text, 8, 504)                                                                                  \
  FIELD(edgecore_message_fields, size, 0, 4)                                                                           \
  FIELD(edgecore_message_fields, flags, 4, 4)                                                                          \
  FIELD(edgecore_message_fields, timestamp, 8, 8)                                                                      \
  FIELD(edgecore_message_fields, id, 16, 8)                                                                            \
  FIELD(edgecore_message_fields, parent_id, 24, 8)                                                                     \
  FIELD(edgecore_message_fields, source, 32, 8)                                                                        \
  FIELD(edgecore_message_fields, group, 40, 8)                                                                         \
  FIELD(edgecore_message_fields, operation, 48, 8)                                                                     \
  FIELD(edgecore_message_fields, resource, 56, 8)                                                                      \
  FIELD(edgecore_message_fields, content_kind, 64, 4)                                                                  \
  FIELD(edgecore_message_fields, reserved, 68, 4)                                                                      \
  FIELD(edgecore_message_fields, content, 72, 8)                                                                       \
  FIELD(edgecore_message_fields, content_size, 80, 8)                                                                  \
  FIELD(edgecore_message_fields, content_of, 88, 8)                                                                    \
  FIELD(edgecore_item, size, 0, 4)                                                                                     \
  FIELD(edgecore_item, outcome, 4, 4)                                                                                  \
  FIELD(edgecore_item, message, 8, 8)                                                                                  \
  FIELD(edgecore_item, context, 16, 8)                                                                                 \
  FIELD(edgecore_module, size, 0, 4)                                                                                   \
  FIELD(edgecore_module, flags, 4, 4)                                                                                  \
  FIELD(edgecore_module, name, 8, 8)                                                                                   \
  FIELD(edgecore_module, group, 16, 8)                                                                                 \
  FIELD(edgecore_model_step, size, 0, 4)                                                                               \
  FIELD(edgecore_model_step, version, 4, 4)                                                                            \
  FIELD(edgecore_model_step, sql, 8, 8)                                                                                \
  FIELD(edgecore_model, size, 0, 4)                                                                                    \
  FIELD(edgecore_model, flags, 4, 4)                                                                                   \
  FIELD(edgecore_model, table, 8, 8)                                                                                   \
  FIELD(edgecore_model, application_id, 16, 4)                                                                         \
  FIELD(edgecore_model, step_count, 20, 4)                                                                             \
  FIELD(edgecore_model, steps, 24, 8)                                                                                  \
  FIELD(edgecore_config_value, size, 0, 4)                                                                             \
  FIELD(edgecore_config_value, kind, 4, 4)                                                                             \
  FIELD(edgecore_config_value, text, 8, 8)                                                                             \
  FIELD(edgecore_config_value, integer, 16, 8)                                                                         \
  FIELD(edgecore_config_value, origin, 24, 8)                                                                          \
  FIELD(edgecore_state, size, 0, 4)                                                                                    \
  FIELD(edgecore_state, format, 4, 4)                                                                                  \
  FIELD(edgecore_state, data, 8, 8)                                                                                    \
  FIELD(edgecore_state, data_size, 16, 8)                                                                              \
  FIELD(edgecore_state, messages, 24, 8)                                                                               \
  FIELD(edgecore_state, message_count, 32, 4)                                                                          \
  FIELD(edgecore_state, reserved, 36, 4)                                                                               \
  FIELD(edgecore_core, size, 0, 4)                                                                                     \
  FIELD(edgecore_core, abi_major, 4, 2)                                                                                \
  FIELD(edgecore_core, abi_minor, 6, 2)                                                                                \
  FIELD(edgecore_core, register_module, 8, 8)                                                                          \
  FIELD(edgecore_core, register_model, 16, 8)                                                                          \
  FIELD(edgecore_core, config_get, 24, 8)                                                                              \
  FIELD(edgecore_core, log, 32, 8)                                                                                     \
  FIELD(edgecore_core, message_new, 40, 8)                                                                             \
  FIELD(edgecore_core, message_ref, 48, 8)                                                                             \
  FIELD(edgecore_core, message_unref, 56, 8)                                                                           \
  FIELD(edgecore_core, message_read, 64, 8)                                                                            \
  FIELD(edgecore_core, receive, 72, 8)                                                                                 \
  FIELD(edgecore_core, receive_fd, 80, 8)                                                                              \
  FIELD(edgecore_core, send, 88, 8)                                                                                    \
  FIELD(edgecore_core, send_to_group, 96, 8)                                                                           \
  FIELD(edgecore_core, send_sync, 104, 8)                                                                              \
  FIELD(edgecore_core, send_resp, 112, 8)                                                                              \
  FIELD(edgecore_core, set_held, 120, 8)                                                                               \
  FIELD(edgecore_core, get_extension, 128, 8)                                                                          \
  FIELD(edgecore_clock, size, 0, 4)                                                                                    \
  FIELD(edgecore_clock, reserved, 4, 4)                                                                                \
  FIELD(edgecore_clock, now, 8, 8)                                                                                     \
  FIELD(edgecore_plugin_descriptor, size, 0, 4)                                                                        \
  FIELD(edgecore_plugin_descriptor, magic, 4, 4)                                                                       \
  FIELD(edgecore_plugin_descriptor, abi_major, 8, 2)                                                                   \
  FIELD(edgecore_plugin_descriptor, abi_minor, 10, 2)                                                                  \
  FIELD(edgecore_plugin_descriptor, flags, 12, 4)                                                                      \
  FIELD(edgecore_plugin_descriptor, module, 16, 8)                                                                     \
  FIELD(edgecore_plugin_descriptor, group, 24, 8)                                                                      \
  FIELD(edgecore_plugin_descriptor, version, 32, 8)                                                                    \
  FIELD(edgecore_plugin_descriptor, description, 40, 8)                                                                \
  FIELD(edgecore_plugin_descriptor, state_format_written, 48, 4)                                                       \
  FIELD(edgecore_plugin_descriptor, state_format_oldest, 52, 4)                                                        \
  FIELD(edgecore_plugin_descriptor, state_format_newest, 56, 4)                                                        \
  FIELD(edgecore_plugin_descriptor, reserved, 60, 4)

/* STRUCT(name, size) */
#define LAYOUT_1_0_STRUCTS(STRUCT)                                                                                     \
  STRUCT(edgecore_error, 512)                                                                                          \
  STRUCT(edgecore_message_fields, 96)                                                                                  \
  STRUCT(edgecore_item, 24)                                                                                            \
  STRUCT(edgecore_module, 24)                                                                                          \
  STRUCT(edgecore_model_step, 16)                                                                                      \
  STRUCT(edgecore_model, 32)                                                                                           \
  STRUCT(edgecore_config_value, 32)                                                                                    \
  STRUCT(edgecore_state, 40)                                                                                           \
  STRUCT(edgecore_core, 136)                                                                                           \
  STRUCT(edgecore_clock, 16)                                                                                           \
  STRUCT(edgecore_plugin_descriptor, 64)

/* CONSTANT(name, value) */
#define LAYOUT_1_0_CONSTANTS(CONSTANT)                                                                                 \
  CONSTANT(EDGECORE_ABI_MAJOR, 1)                                                                                      \
  CONSTANT(EDGECORE_PLUGIN_MAGIC, 0x6563706c)                                                                          \
  CONSTANT(EDGECORE_OK, 0)                                                                                             \
  CONSTANT(EDGECORE_AGAIN, 1)                                                                                          \
  CONSTANT(EDGECORE_NOT_FOUND, 2)                                                                                      \
  CONSTANT(EDGECORE_INVALID, 3)                                                                                        \
  CONSTANT(EDGECORE_DISABLED, 4)                                                                                       \
  CONSTANT(EDGECORE_UNSUPPORTED_STATE, 5)                                                                              \
  CONSTANT(EDGECORE_NO_MEMORY, 6)                                                                                      \
  CONSTANT(EDGECORE_IO, 7)                                                                                             \
  CONSTANT(EDGECORE_TIMEOUT, 8)                                                                                        \
  CONSTANT(EDGECORE_EXISTS, 9)                                                                                         \
  CONSTANT(EDGECORE_FAILED, 10)                                                                                        \
  CONSTANT(EDGECORE_ERROR_TEXT_SIZE, 504)                                                                              \
  CONSTANT(EDGECORE_MESSAGE_SYNC, 1)                                                                                   \
  CONSTANT(EDGECORE_CONTENT_NONE, 0)                                                                                   \
  CONSTANT(EDGECORE_CONTENT_RAW, 1)                                                                                    \
  CONSTANT(EDGECORE_CONTENT_JSON, 2)                                                                                   \
  CONSTANT(EDGECORE_CONFIG_STRING, 1)                                                                                  \
  CONSTANT(EDGECORE_CONFIG_INTEGER, 2)                                                                                 \
  CONSTANT(EDGECORE_CONFIG_BOOLEAN, 3)                                                                                 \
  CONSTANT(EDGECORE_CONFIG_LIST, 4)                                                                                    \
  CONSTANT(EDGECORE_LOG_DEBUG, 0)                                                                                      \
  CONSTANT(EDGECORE_LOG_INFO, 1)                                                                                       \
  CONSTANT(EDGECORE_LOG_WARNING, 2)                                                                                    \
  CONSTANT(EDGECORE_LOG_ERROR, 3)

/* What ABI 1.1 added, and the new size of the structs that it made longer. */
#define LAYOUT_1_1_FIELDS(FIELD) FIELD(edgecore_core, room, 136, 8)
#define LAYOUT_1_1_STRUCTS(STRUCT) STRUCT(edgecore_core, 144)

/* One thing that a header says: a field ("struct.field"), a struct ("struct", offset 0) or a constant (its value as offset). */
struct layout_row {
  const char *name;
  uint64_t offset;
  uint64_t size;
  uint64_t alignment;
};
struct layout {
  const struct layout_row *fields, *structs, *constants;
  size_t field_count, struct_count, constant_count;
};

/* As today's header has it, and as the frozen one does. */
extern const struct layout layout_current;
extern const struct layout layout_v1_0;
/* The numbers above. */
extern const struct layout layout_pinned;

#endif
