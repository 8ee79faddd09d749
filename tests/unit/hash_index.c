// Positions by hash, whatever the hashes are.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/hash_index.h"

#define THINGS 5000

// Several hashes: well spread, all the same, neighbours that meet each other's places, different in the upper half only, extreme.
static uint64_t spread(size_t i) { return hash__bytes(&i, sizeof(i)); }
static uint64_t same(size_t i) { (void)i; return 7; }
static uint64_t neighbours(size_t i) { return i / 3; }
static uint64_t upper(size_t i) { return (uint64_t)i << 40; }
static uint64_t extreme(size_t i) { return i & 1 ? UINT64_MAX - i / 2 : i / 2; }

static size_t find(const struct hash_index *index, uint64_t hash, size_t wanted, size_t *steps)
{
	size_t step = 0, position;
	while ((position = hash_index__next(index, hash, &step)) != SIZE_MAX && position != wanted)
		;
	*steps += step;
	return position;
}

static void test_everything_is_found(void **state)
{
	// Half of the places are free, so that few steps lead to one of them, but among equal hashes.
	static const struct { uint64_t (*hash)(size_t); size_t things, most_steps; } cases[] = {
		{ spread, THINGS, 2 }, { same, 300, 300 }, { neighbours, THINGS, 6 }, { upper, THINGS, 4 }, { extreme, THINGS, 4 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hash_index index = { 0 };
		size_t steps = 0, ignored = 0;
		for (size_t j = 0; j < cases[i].things; j++) {
			assert_int_equal(find(&index, cases[i].hash(j), j, &ignored), SIZE_MAX);
			hash_index__add(&index, cases[i].hash(j), j);
		}
		assert_int_equal(index.count, cases[i].things);
		assert_true(2 * index.count <= index.capacity);
		for (size_t j = 0; j < cases[i].things; j++)
			assert_int_equal(find(&index, cases[i].hash(j), j, &steps), j);
		assert_true(steps <= cases[i].most_steps * cases[i].things);
		hash_index__free(&index);
	}
}

static void test_each_once_and_no_other(void **state)
{
	struct hash_index index = { 0 };
	(void)state;
	for (size_t i = 0; i < 90; i++)
		hash_index__add(&index, neighbours(i), i);
	for (size_t i = 0; i < 30; i++) {
		size_t step = 0, seen[4] = { 0 }, count = 0, position;
		while ((position = hash_index__next(&index, i, &step)) != SIZE_MAX && count < 4)
			seen[count++] = position;
		assert_int_equal(count, 3);
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(seen[j], 3 * i + j);
	}
	hash_index__free(&index);
}

static void test_nothing_in_it(void **state)
{
	struct hash_index index = { 0 };
	size_t step = 0;
	(void)state;
	assert_int_equal(hash_index__next(&index, 0, &step), SIZE_MAX);
	hash_index__free(&index);
	hash_index__add(&index, 0, 0);
	hash_index__free(&index);
	step = 0;
	assert_int_equal(hash_index__next(&index, 0, &step), SIZE_MAX);
}

static void test_known_hashes(void **state)
{
	(void)state;
	assert_true(hash__bytes("", 0) == 0xcbf29ce484222325);          // from the FNV authors' test vectors
	assert_true(hash__bytes("a", 1) == 0xaf63dc4c8601ec8c);
	assert_true(hash__bytes("foobar", 6) == 0x85944171f73967e8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_found), cmocka_unit_test(test_each_once_and_no_other), cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_known_hashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
