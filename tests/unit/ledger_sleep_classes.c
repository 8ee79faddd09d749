// What sleeping tasks wait for, by real stacks: /proc/PID/stack of loads on ext4, xfs, btrfs and fuse over a slow disk, Linux 6.18. Those of file
// systems that were not at hand are made of their functions' names.
#include "unit/sleep_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static enum sleep_class class_of(const char *frames, const char *reason, const char *waker_kind)
{
	struct sleep_row row = { .reason = (char *)reason, .waker_kind = (char *)waker_kind };
	return sleep_class__of(&row, frames);
}

static void check(const struct sleep_case *one)
{
	struct sleep_stack stack = sleep_class__read(one->frames);
	enum sleep_class class = class_of(one->frames, "other", one->waker_kind);
	bool sync = stack.sync || sleep_class__is_sync(one->operation);
	if (class != one->class || sync != one->sync || (stack.file_system == NULL) != (one->file_system == NULL) ||
	    (stack.file_system && strcmp(stack.file_system, one->file_system)))
		fail_msg("%s%s on %s, not %s%s on %s: %s (by %.*s)", sleep_class__name(class), sync ? ", sync" : "",
			 stack.file_system ? stack.file_system : "-", sleep_class__name(one->class), one->sync ? ", sync" : "",
			 one->file_system ? one->file_system : "-", one->frames, stack.frame_length, stack.frame ? stack.frame : "");
}

static void test_real_stacks(void **state)
{
	(void)state;
	assert_true(ARRAY_SIZE(real_stacks) >= 40);
	for (size_t i = 0; i < ARRAY_SIZE(real_stacks); i++)
		check(&real_stacks[i]);
}

static void test_stacks_of_other_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other_stacks); i++)
		check(&other_stacks[i]);
}

// A ring whose request a device completed waited for that; without a stack the waker still tells of a device.
static void test_the_waker_tells(void **state)
{
	(void)state;
	const char *ring = "schedule+0x27\nio_cqring_wait+0x1f3\n__do_sys_io_uring_enter+0x37e", *page = "folio_wait_bit_common+0x13d\nfilemap_fault+0x1f";
	assert_int_equal(class_of(ring, "io", "block"), SLEEP_BLOCK);
	assert_int_equal(class_of(ring, "io", "task"), SLEEP_RING_IDLE);
	assert_int_equal(class_of(ring, "io", NULL), SLEEP_RING_IDLE);
	assert_int_equal(class_of(NULL, "io", "block"), SLEEP_BLOCK);
	assert_int_equal(class_of(NULL, "io", "task"), SLEEP_UNKNOWN);
	assert_int_equal(class_of(NULL, NULL, NULL), SLEEP_UNKNOWN);
	assert_int_equal(class_of("", "io", ""), SLEEP_OTHER);
	assert_int_equal(class_of("nonsense\n\n+0x1\n", "io", ""), SLEEP_OTHER);
	assert_int_equal(class_of("nonsense", "io", "block"), SLEEP_BLOCK);
	assert_int_equal(class_of(page, "io", "block"), SLEEP_PAGE_READ);
	assert_int_equal(class_of(page, "memory", "block"), SLEEP_REFAULT);
	assert_true(sleep_class__is_sync("fdatasync"));
	assert_false(sleep_class__is_sync("write"));
	assert_false(sleep_class__is_sync(NULL));
}

// The frame that told is named, without the suffixes of compilers.
static void test_the_frame(void **state)
{
	(void)state;
	struct sleep_stack stack = sleep_class__read("schedule+0x1\nfuse_do_readfolio.isra.0+0x91\nvfs_read+0x1");
	assert_int_equal(stack.class, SLEEP_FUSE);
	assert_int_equal(stack.frame_length, 17);
	assert_memory_equal(stack.frame, "fuse_do_readfolio", 17);
	// A name that only begins like one of the table is another function.
	assert_int_equal(sleep_class__read("wait_for_commitment+0x1").class, SLEEP_OTHER);
}

static void test_every_class_has_a_name(void **state)
{
	(void)state;
	for (int class = 0; class < SLEEP_CLASSES; class++) {
		assert_non_null(sleep_class__name(class));
		for (int other = 0; other < class; other++)
			assert_string_not_equal(sleep_class__name(class), sleep_class__name(other));
	}
	assert_true(sleep_class__is_idle(SLEEP_RING_IDLE));
	assert_false(sleep_class__is_idle(SLEEP_JOURNAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_stacks),
		cmocka_unit_test(test_stacks_of_other_kernels),
		cmocka_unit_test(test_the_waker_tells),
		cmocka_unit_test(test_the_frame),
		cmocka_unit_test(test_every_class_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
