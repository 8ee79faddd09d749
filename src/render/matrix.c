// Who waited for whom: the largest victims against the largest occupants.
#include "render/answer.h"
#include "base/base.h"

#include <stdint.h>

// Columns are crowds, and behind them the kinds that are no task.
static size_t occupant_place(const struct scene *scene, const struct meeting *meeting)
{
	return meeting->kind == OCCUPANT_TASK && meeting->culprit != SIZE_MAX ? meeting->culprit
									       : scene->crowd_count + (size_t)meeting->kind;
}

static const char *kind_title(int64_t kind)
{
	static const char *const titles[] = {
		[OCCUPANT_TASK] = "(unnamed)", [OCCUPANT_IDLE] = "(idle CPU)", [OCCUPANT_STEAL] = "(hypervisor)", [OCCUPANT_HARDIRQ] = "(hard irq)",
		[OCCUPANT_SOFTIRQ] = "(soft irq)", [OCCUPANT_QUOTA] = "(quota)", [OCCUPANT_UNKNOWN] = "(unknown)", [OCCUPANT_NOT_CUT] = "(not cut)",
	};
	return kind >= 0 && kind < OCCUPANT_KINDS ? titles[kind] : titles[OCCUPANT_UNKNOWN];
}

static char *place_name(const struct scene *scene, size_t place)
{
	if (place >= scene->crowd_count)
		return base__copy(kind_title((int64_t)(place - scene->crowd_count)));
	const struct crowd *crowd = &scene->crowds[place];
	if (crowd->processes > 1)
		return base__format("%s ×%lld", crowd__name(crowd), (long long)crowd->processes);
	return base__format("%s %lld", crowd__name(crowd), (long long)crowd->members[0]->row->pid);
}

// The places of the `most` largest sums, largest first. Returns how many are above 0.
static size_t largest(const double *sums, size_t count, size_t most, size_t *ret_places)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		if (sums[i] <= 0)
			continue;
		size_t place = found < most ? found++ : most;
		if (place == most) {
			if (sums[i] <= sums[ret_places[most - 1]])      // -fanalyzer: all of them are set once `found` is `most`
				continue;
			place = most - 1;
		}
		for (; place > 0 && sums[i] > sums[ret_places[place - 1]]; place--)
			ret_places[place] = ret_places[place - 1];
		ret_places[place] = i;
	}
	return found;
}

static size_t place_among(const size_t *places, size_t count, size_t place)
{
	for (size_t i = 0; i < count; i++)
		if (places[i] == place)
			return i;
	return SIZE_MAX;
}

void answer__fill_matrix(struct answer *answer)
{
	const struct scene *scene = answer->diagnosis->scene;
	struct answer_matrix *matrix = &answer->matrix;
	size_t places = scene->crowd_count + OCCUPANT_KINDS, rows[ANSWER_ROWS], columns[ANSWER_COLUMNS];
	cleanup_free double *victims = base__alloc(places, sizeof(double)), *occupants = base__alloc(places, sizeof(double));
	double all = 0;
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		victims[meeting->victim] += (double)meeting->wait_ns / NS_PER_SEC;
		occupants[occupant_place(scene, meeting)] += (double)meeting->wait_ns / NS_PER_SEC;
		all += (double)meeting->wait_ns / NS_PER_SEC;
	}
	// Below a thousandth of the window there is nothing that a person should look at.
	if (all < 0.001 * answer->ledger->window_seconds)
		return;
	matrix->rows = largest(victims, scene->crowd_count, ANSWER_ROWS, rows);
	matrix->columns = largest(occupants, places, ANSWER_COLUMNS, columns);
	while (matrix->rows > 1 && victims[rows[matrix->rows - 1]] < 0.005 * all)
		matrix->rows--;
	while (matrix->columns > 1 && occupants[columns[matrix->columns - 1]] < 0.005 * all)
		matrix->columns--;
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		size_t row = place_among(rows, matrix->rows, meeting->victim);
		size_t column = place_among(columns, matrix->columns, occupant_place(scene, meeting));
		if (row != SIZE_MAX)
			matrix->seconds[row][column == SIZE_MAX ? ANSWER_COLUMNS : column] += (double)meeting->wait_ns / NS_PER_SEC;
	}
	for (size_t i = 0; i < matrix->rows; i++)
		matrix->row_names[i] = place_name(scene, rows[i]);
	for (size_t i = 0; i < matrix->columns; i++)
		matrix->column_names[i] = place_name(scene, columns[i]);
	matrix->column_names[ANSWER_COLUMNS] = base__copy("others");
}
