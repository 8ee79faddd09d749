// Which rows of the long tables are of which crowd, so that a party's own rows are found without looking at everybody's.
#include "ledger/scene.h"

#include "base/base.h"

typedef int64_t process_fn(const struct ledger *ledger, size_t index);

static int64_t process_of_sleep(const struct ledger *ledger, size_t index) { return ledger->sleeps.sleeps[index].row->process; }
static int64_t process_of_activity(const struct ledger *ledger, size_t index) { return ledger->recording->activity[index].process; }

static size_t crowd_of(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

static struct crowd_rows list(const struct scene *scene, size_t count, process_fn *process_of)
{
	struct crowd_rows rows = { base__alloc(scene->crowd_count + 2, sizeof(size_t)), base__alloc(count + 1, sizeof(size_t)) };
	for (size_t i = 0; i < count; i++) {
		size_t crowd = crowd_of(scene, process_of(scene->ledger, i));
		if (crowd != SIZE_MAX)
			rows.starts[crowd + 2]++;
	}
	for (size_t i = 2; i < scene->crowd_count + 2; i++)
		rows.starts[i] += rows.starts[i - 1];
	for (size_t i = 0; i < count; i++) {
		size_t crowd = crowd_of(scene, process_of(scene->ledger, i));
		if (crowd != SIZE_MAX)
			rows.rows[rows.starts[crowd + 1]++] = i;
	}
	return rows;
}

void scene__list_rows(struct scene *scene)
{
	scene->sleeps = list(scene, scene->ledger->sleeps.count, process_of_sleep);
	scene->activity = list(scene, scene->ledger->recording->activity_count, process_of_activity);
}

void crowd_rows__free(struct crowd_rows *rows)
{
	free(rows->starts);
	free(rows->rows);
}
