#include "render/on_cpu.h"

#include "causes/wording.h"
#include "render/json_parts.h"

#include <math.h>
#include <string.h>

#define LABEL 4
#define BODY 15
#define ITEMS_SHOWN 4
#define SHARE_SHOWN 0.03        // and at least the first
#define COARSE_SHOWN 0.05
#define KERNEL_FRAMES 6
#define USER_FRAMES 6
#define JSON_STACKS 3           // classes whose heaviest stack is shown
#define JSON_SHARE 0.002        // parts below it are one entry

// What people call one thing.
enum group { GROUP_OWN, GROUP_FAULTS, GROUP_UNMAP };
struct item { enum group group; double weight; const struct cpu_profile_part *first, *second; double first_weight, second_weight; };

struct cpu_profile *on_cpu__profile(const struct answer *answer, const struct verdict *verdict, const struct party *party, bool culprit)
{
	bool quota = !strcmp(verdict->cause->id, "cpu.quota");
	if (verdict->cause->account != ACCOUNT_CPU || (culprit ? quota : !quota))
		return NULL;
	return cpu_profile__of_all(answer->ledger, party->members, party->member_count);
}

// By the pressure it made; where nobody waited, and of those who wait for themselves, by CPU time.
static bool by_pressure(const struct cpu_profile *profile)
{
	return profile->sums.pressure_ns > 0;
}

static double weight_of(const struct cpu_profile *profile, const struct cpu_profile_sums *sums)
{
	return by_pressure(profile) ? (double)sums->pressure_ns : (double)sums->ns;
}

static double share_of(const struct cpu_profile *profile, const struct cpu_profile_sums *sums)
{
	double all = weight_of(profile, &profile->sums);
	return all > 0 ? weight_of(profile, sums) / all : 0;
}

static int64_t samples_of(const struct cpu_profile *profile, const struct cpu_profile_sums *sums)
{
	return by_pressure(profile) ? sums->waited : sums->samples;
}

static enum group group_of(enum cpu_work work)
{
	return cpu_work__is_fault(work) ? GROUP_FAULTS : work == WORK_UNMAP || work == WORK_TLB ? GROUP_UNMAP : GROUP_OWN;
}

static bool is_alike(const struct item *item, const struct cpu_profile_part *part)
{
	enum group group = group_of(part->work);
	if (group != item->group)
		return false;
	return group != GROUP_OWN || (part->work == item->first->work && (part->work != WORK_SYSCALL || !strcmp(part->operation, item->first->operation)));
}

static void item_add(struct item *item, const struct cpu_profile_part *part, double weight)
{
	item->weight += weight;
	if (!item->first || weight > item->first_weight) {
		item->second = item->first;
		item->second_weight = item->first_weight;
		item->first = part;
		item->first_weight = weight;
	} else if (weight > item->second_weight) {
		item->second = part;
		item->second_weight = weight;
	}
}

static int compare(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return left->first->work < right->first->work ? -1 : left->first->work > right->first->work ? 1 : strcmp(left->first->operation, right->first->operation);
}

// Largest first; the caller owns the items. Soft interrupts are not the process' own doing.
static struct item *items_of(const struct cpu_profile *profile, size_t *ret_count)
{
	struct item *items = base__alloc(profile->part_count + 1, sizeof(*items));
	size_t count = 0;
	for (size_t i = 0; i < profile->part_count; i++) {
		const struct cpu_profile_part *part = &profile->parts[i];
		size_t place = 0;
		if (part->work == WORK_INTERRUPT)
			continue;
		while (place < count && !is_alike(&items[place], part))
			place++;
		items[place].group = group_of(part->work);
		item_add(&items[place], part, weight_of(profile, &part->sums));
		count += place == count;
	}
	if (count)
		qsort(items, count, sizeof(*items), compare);
	*ret_count = count;
	return items;
}

// " in memcpy (libc.so.6)": the function that most samples of user code are in; empty where none has half of them.
static char *user_place(const struct answer *answer, const struct cpu_profile_part *part)
{
	const char *frames = part->heaviest ? recording__frames(answer->recording, part->heaviest->user_stack) : NULL;
	if (!frames || 2 * part->heaviest_samples < part->sums.samples || !strncmp(frames, "0x", 2) || *frames == '[')
		return base__copy("");
	size_t length = strcspn(frames, "\n");
	const char *distance = strstr(frames, "+0x");
	if (distance && (size_t)(distance - frames) < length)
		length = (size_t)(distance - frames);
	cleanup_free char *name = base__format("%.*s", (int)length, frames);
	cleanup_free char *shown = page__shorten(name, 40);
	return base__format(" in %s", shown);
}

// The part of a class's name behind its family.
static const char *fault_name(enum cpu_work work)
{
	const char *name = strchr(cpu_work__name(work), ':');
	return name ? name + 2 : cpu_work__name(work);
}

static char *item_words(const struct answer *answer, const struct item *item)
{
	const struct cpu_profile_part *first = item->first;
	bool two = item->second && item->second->work != first->work && item->second_weight >= 0.2 * item->weight;
	cleanup_free char *place = NULL;
	if (item->group == GROUP_FAULTS)
		return base__format("page faults (%s%s%s)", fault_name(first->work), two ? ", " : "", two ? fault_name(item->second->work) : "");
	if (item->group == GROUP_UNMAP)
		return base__format("%s (%s)", first->work == WORK_TLB ? "flushing TLBs" : "unmapping pages", first->operation);
	if (first->work == WORK_SYSCALL)
		return base__format("%s", first->operation);
	if (first->work == WORK_USER)
		place = user_place(answer, first);
	return base__format("%s%s", cpu_work__name(first->work), place ? place : "");
}

// Of the share itself, since the books scale each process on its own: the numbers of samples alone would give another one.
static bool bounds_of(const struct cpu_profile *profile, double share, double *ret_low, double *ret_high)
{
	int64_t samples = samples_of(profile, &profile->sums);
	return cpu_profile__bounds(llround((double)samples * share), samples, ret_low, ret_high);
}

char *on_cpu__words(const struct answer *answer, const struct cpu_profile *profile)
{
	int64_t samples = samples_of(profile, &profile->sums);
	struct string words = { 0 };
	double low, high;
	if (samples < PROFILE_SAMPLES_MIN) {
		string__add(&words, "too few samples to tell (%lld)", (long long)samples);
		return string__steal(&words);
	}
	size_t count;
	cleanup_free struct item *items = items_of(profile, &count);
	double all = weight_of(profile, &profile->sums);
	for (size_t i = 0; i < count && i < ITEMS_SHOWN && (!i || items[i].weight >= SHARE_SHOWN * all); i++) {
		cleanup_free char *text = item_words(answer, &items[i]);
		string__add(&words, "%s%s %s", i ? ", " : "", wording__percent(items[i].weight / all).text, text);
	}
	bounds_of(profile, items[0].weight / all, &low, &high);
	string__add(&words, "; %s samples, ± %.0f points", wording__count((double)samples).text, fmax(1, ceil(50 * (high - low))));
	// Their class is known by the system call alone.
	if ((double)profile->coarse >= COARSE_SHOWN * (double)profile->sums.samples)
		string__add(&words, ", %s of them without a stack", wording__percent((double)profile->coarse / (double)profile->sums.samples).text);
	return string__steal(&words);
}

// The part with the heaviest place.
static const struct cpu_profile_part *heaviest_part(const struct cpu_profile *profile)
{
	const struct cpu_profile_part *best = NULL;
	for (size_t i = 0; i < profile->part_count; i++)
		if (profile->parts[i].work != WORK_INTERRUPT && profile->parts[i].heaviest && (!best ||
		    weight_of(profile, &profile->parts[i].sums) > weight_of(profile, &best->sums)))
			best = &profile->parts[i];
	return best;
}

void on_cpu__write(struct page *page, const struct answer *answer, const struct cpu_profile *profile)
{
	if (!profile)
		return;
	cleanup_free char *words = on_cpu__words(answer, profile);
	page__labelled(page, LABEL, BODY, STYLE_DIM, "on CPU", words);
	const struct cpu_profile_part *part = samples_of(profile, &profile->sums) < PROFILE_SAMPLES_MIN ? NULL : heaviest_part(profile);
	const char *user_frames = part ? recording__frames(answer->recording, part->heaviest->user_stack) : NULL;
	bool named = user_frames && strncmp(user_frames, "0x", 2);      // else addresses only, which say nothing here
	cleanup_free char *kernel = part ? answer__frames(recording__frames(answer->recording, part->heaviest->kernel_stack), KERNEL_FRAMES) : NULL;
	cleanup_free char *user = named ? answer__frames(user_frames, USER_FRAMES) : NULL;
	if (!kernel && !user)
		return;
	cleanup_free char *line = base__format("%s in %s%s%s", wording__percent((double)part->heaviest_samples / (double)profile->sums.samples).text,
					       kernel ? kernel : user, kernel && user ? ", called by " : "", kernel && user ? user : "");
	page__labelled(page, LABEL, BODY, STYLE_DIM, "heaviest", line);
}

// ---- JSON ----

static json_t *json_stacks(const struct answer *answer, const struct cpu_profile_part *part)
{
	json_t *list = json_array();
	if (!part->heaviest)
		return list;
	json_t *object = json_object();
	json_object_set_new(object, "samples", json_integer(part->heaviest_samples));
	json_object_set_new(object, "kernel", json__lines(recording__frames(answer->recording, part->heaviest->kernel_stack)));
	json_object_set_new(object, "user", json__lines(recording__frames(answer->recording, part->heaviest->user_stack)));
	json_array_append_new(list, object);
	return list;
}

static void add_sums(json_t *object, const struct answer *answer, const struct cpu_profile_sums *sums)
{
	json_object_set_new(object, "samples", json_integer(sums->samples));
	json_object_set_new(object, "samples_with_waiters", json_integer(sums->waited));
	json_object_set_new(object, "seconds", json__number((double)sums->ns / NS_PER_SEC));
	json_object_set_new(object, "pressure_seconds", json__number((double)sums->pressure_ns * answer->ledger->fold_scale / NS_PER_SEC));
	json_object_set_new(object, "waiters_seconds", json__number((double)sums->waiters_ns / NS_PER_SEC));
}

// One class and operation. Shares are of what is not soft interrupts.
static json_t *json_part(const struct answer *answer, const struct cpu_profile *profile, const struct cpu_profile_part *part, bool stack)
{
	json_t *object = json_object();
	double low = NAN, high = NAN;
	bool own = part->work != WORK_INTERRUPT;
	if (own)
		bounds_of(profile, share_of(profile, &part->sums), &low, &high);
	json_object_set_new(object, "class", json__text(part->work == WORKS ? "rest" : cpu_work__id(part->work)));
	json_object_set_new(object, "name", json__text(part->work == WORKS ? "all else" : part->work == WORK_SYSCALL ? part->operation : cpu_work__name(part->work)));
	json_object_set_new(object, "operation", json__text(part->operation));
	json_object_set_new(object, "share", own ? json__number(share_of(profile, &part->sums)) : json_null());
	json_object_set_new(object, "share_low", json__number(low));
	json_object_set_new(object, "share_high", json__number(high));
	add_sums(object, answer, &part->sums);
	json_object_set_new(object, "stacks", stack ? json_stacks(answer, part) : json_array());
	return object;
}

json_t *on_cpu__json(const struct answer *answer, const struct cpu_profile *profile)
{
	if (!profile)
		return json_null();
	json_t *object = json_object(), *list = json_array();
	add_sums(object, answer, &profile->sums);
	json_object_set_new(object, "unsampled_pressure_seconds",
			    json__number((double)profile->unsampled_pressure_ns * answer->ledger->fold_scale / NS_PER_SEC));
	json_object_set_new(object, "samples_without_stack", json_integer(profile->coarse));
	json_object_set_new(object, "weighted_by", json_string(by_pressure(profile) ? "pressure" : "time"));
	struct cpu_profile_part rest = { .work = WORKS, .operation = "" };
	for (size_t i = 0; i < profile->part_count; i++) {
		const struct cpu_profile_part *part = &profile->parts[i];
		if (part->work == WORK_INTERRUPT || (double)part->sums.ns >= JSON_SHARE * (double)profile->sums.ns)
			json_array_append_new(list, json_part(answer, profile, part, json_array_size(list) < JSON_STACKS));
		else
			cpu_profile_sums__add(&rest.sums, &part->sums);
	}
	if (rest.sums.samples)
		json_array_append_new(list, json_part(answer, profile, &rest, false));
	json_object_set_new(object, "classes", list);
	return object;
}
