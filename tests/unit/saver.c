// The thread that saves interim states.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/base.h"
#include "collect/saver.h"
#include "recording/recording.h"

struct disk { pthread_mutex_t busy; int saved; int64_t cpus; };

static void save(void *context, const struct recording *recording)
{
	struct disk *disk = context;

	pthread_mutex_lock(&disk->busy);
	disk->saved++;
	disk->cpus += (int64_t)recording->cpu_count;
	pthread_mutex_unlock(&disk->busy);
}

static void test_a_state_is_saved_while_the_caller_goes_on(void **state)
{
	struct disk disk = { .busy = PTHREAD_MUTEX_INITIALIZER };
	struct recording *recording = recording__new();

	(void)state;
	recording__add_cpu(recording);
	pthread_mutex_lock(&disk.busy);         // the disk does not answer
	struct saver *saver = saver__start(save, &disk);
	assert_non_null(saver);
	assert_true(saver__is_idle(saver));
	saver__save(saver, recording);
	assert_false(saver__is_idle(saver));
	assert_int_equal(disk.saved, 0);
	pthread_mutex_unlock(&disk.busy);
	saver__end(saver);                      // waits for it
	assert_int_equal(disk.saved, 1);
	assert_int_equal(disk.cpus, 1);
}

static void test_nothing_to_save(void **state)
{
	struct disk disk = { .busy = PTHREAD_MUTEX_INITIALIZER };

	(void)state;
	saver__end(saver__start(save, &disk));
	assert_int_equal(disk.saved, 0);
	saver__end(NULL);
}

// All states together take 2 % of the collector's time at most.
static void test_a_state_that_takes_long_to_make_comes_less_often(void **state)
{
	(void)state;
	assert_int_equal(saver__pause_ns(0), 3 * NS_PER_SEC);
	assert_int_equal(saver__pause_ns(60 * NS_PER_MSEC), 3 * NS_PER_SEC);
	assert_int_equal(saver__pause_ns(400 * NS_PER_MSEC), 20 * NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_state_is_saved_while_the_caller_goes_on),
		cmocka_unit_test(test_nothing_to_save),
		cmocka_unit_test(test_a_state_that_takes_long_to_make_comes_less_often),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
