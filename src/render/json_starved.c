// Kernel threads that starve, and behind whom.
#include "render/json_parts.h"

json_t *json__starved(const struct answer *answer)
{
	const struct starved_threads *starved = &answer->ledger->starved;
	json_t *list = json_array();
	for (size_t i = 0; i < starved->count; i++) {
		const struct starved_thread *thread = &starved->threads[i];
		json_t *object = json_object(), *behind = json_array();
		json_object_set_new(object, "name", json__text(thread->process->name));
		json_object_set_new(object, "pid", json_integer(thread->process->pid));
		json_object_set_new(object, "longest_wait_seconds", json__number(thread->longest_seconds));
		json_object_set_new(object, "waited_seconds", json__number(thread->waited_seconds));
		for (size_t j = 0; j < thread->behind_count; j++) {
			json_t *one = json_object();
			json_object_set_new(one, "process", json__text(thread->behind[j].name));
			json_object_set_new(one, "processes", json_integer(thread->behind[j].processes));
			json_object_set_new(one, "seconds", json__number(thread->behind[j].seconds));
			json_object_set_new(one, "realtime", json_boolean(thread->behind[j].realtime));
			json_array_append_new(behind, one);
		}
		json_object_set_new(object, "behind", behind);
		json_array_append_new(list, object);
	}
	return list;
}
