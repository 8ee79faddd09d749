// The causes of I/O pressure: table in docs/figures.md.
#include "ledger/resource_private.h"

#include <string.h>

#include "base/base.h"

static int64_t own_id(const struct booking *booking)
{
	return booking->facts->ledger->processes[booking->process].row->id;
}

// Of a device's own requests: syncs of the program, or reads and writes that it wants done now.
static void book_own(struct booking *booking, bool sync, struct share share)
{
	booking__add(booking, sync ? CAUSE_IO_FSYNC : CAUSE_IO_DEVICE, OCCUPANT_TASK, own_id(booking), share);
}

static void book_committers(struct booking *booking, enum cause_key cause, const char *journal, bool by_syncs, size_t except, struct share share)
{
	size_t count = 0;
	cleanup_free struct committer *committers = journal ? journals__committers(booking->facts->journals, journal, by_syncs, except, &count) : NULL;
	for (size_t i = 0; i < count; i++)
		booking__add_process(booking, cause, committers[i].process, share__part(share, committers[i].part));
	if (!count)
		booking__add_process(booking, cause, 0, share);
}

// Of somebody's own sync the commit is its own, but for what the metadata of others adds to it. Everybody else waits for those who had the journal
// commit: by their syncs, or by the metadata that fills it.
static void book_journal(struct booking *booking, const struct ledger_sleep *sleep, bool sync, struct share share)
{
	const struct journals *journals = booking->facts->journals;
	const char *journal = journals__of(journals, booking->process, sleep->row->waker);
	if (sync) {
		double others = journals__others_part(journals, journal, booking->process);
		if (others > 0)
			book_committers(booking, CAUSE_IO_JOURNAL, journal, false, booking->process, share__part(share, others));
		book_own(booking, true, share__part(share, 1 - others));
		return;
	}
	bool thread = journals__is_thread(booking->facts->ledger->processes[booking->process].row);
	double forced = journals__forced(journals, journal);
	if (forced > 0)
		book_committers(booking, thread ? CAUSE_IO_FSYNC : CAUSE_IO_JOURNAL, journal, true, SIZE_MAX, share__part(share, forced));
	if (forced < 1)
		book_committers(booking, CAUSE_IO_JOURNAL, journal, false, SIZE_MAX, share__part(share, 1 - forced));
}

static void book_device(struct booking *booking, const struct ledger_sleep *sleep, bool sync, struct share share)
{
	const struct queues *queues = booking->facts->queues;
	const char *device = sleep->row->device;
	double others = device && *device ? queues__others_part(queues, device, booking->process) : 0;
	size_t count = 0;
	if (others > 0) {
		cleanup_free struct filler *fillers = queues__fillers(queues, device, booking->process, &count);
		for (size_t i = 0; i < count; i++)
			booking__add_process(booking, CAUSE_IO_DEVICE, fillers[i].process, share__part(share, others * fillers[i].part));
	}
	book_own(booking, sync, share__part(share, 1 - others));
}

// What made it wait for its device: the cgroup's limit, pages that had been dropped, the queue, and what is its own.
static void book_request(struct booking *booking, const struct ledger_sleep *sleep, enum sleep_class class, bool sync, struct share share)
{
	if (journals__is_thread(booking->facts->ledger->processes[booking->process].row)) {
		book_journal(booking, sleep, false, share);
		return;
	}
	double limited = io_limits__part(booking->facts->io_limits, sleep->row->device, booking->process);
	booking__add(booking, CAUSE_IO_LIMIT, OCCUPANT_QUOTA, 0, share__part(share, limited));
	share = share__part(share, 1 - limited);
	if (class == SLEEP_PAGE_READ) {
		struct reread_part part = rereads__of(booking->facts->rereads, booking->process);
		booking__add(booking, CAUSE_MEMORY_LIMIT, OCCUPANT_QUOTA, 0, share__part(share, part.limit));
		booking__add_process(booking, CAUSE_MEMORY_THRASH, 0, share__part(share, part.scarce));
		share = share__part(share, 1 - part.limit - part.scarce);
	}
	book_device(booking, sleep, sync, share);
}

// What a file system waits for and another task lets go of: the lock of a page or buffer (the bits of folio_lock() and lock_buffer(), which no
// tracepoint of locks shows), an inode that is being made or evicted.
static bool is_ended_by_task(const struct ledger_sleep *sleep)
{
	return waker_kind__from_name(sleep->row->waker_kind, WAKER_UNKNOWN) == WAKER_TASK && sleep->row->waker;
}

void io_causes__book(struct booking *booking, const struct ledger_sleep *sleep, enum sleep_class class, bool sync, struct share share)
{
	if (sleep_class__is_idle(class)) {
		booking__add_process(booking, CAUSE_IDLE, 0, share);
		return;
	}
	switch (class) {
	case SLEEP_JOURNAL: book_journal(booking, sleep, sync, share); break;
	case SLEEP_DIRTY: booking__add(booking, CAUSE_IO_DIRTY, OCCUPANT_TASK, own_id(booking), share); break;
	case SLEEP_IO_LIMIT: booking__add(booking, CAUSE_IO_LIMIT, OCCUPANT_QUOTA, 0, share); break;
	case SLEEP_REMOTE:
	case SLEEP_FUSE: booking__add_process(booking, CAUSE_IO_REMOTE, 0, share); break;
	case SLEEP_SWAP_IN:
	case SLEEP_REFAULT: memory_causes__book_refault(booking, share); break;
	case SLEEP_RECLAIM: booking__add_process(booking, CAUSE_MEMORY_RECLAIM, 0, share); break;
	case SLEEP_MEMORY_LIMIT: booking__add(booking, CAUSE_MEMORY_LIMIT, OCCUPANT_QUOTA, 0, share); break;
	case SLEEP_COMPACTION: booking__add_process(booking, CAUSE_MEMORY_COMPACTION, 0, share); break;
	case SLEEP_KERNEL_LOCK: booking__add_process(booking, CAUSE_LOCK_KERNEL, 0, share); break;
	case SLEEP_DEVICE: booking__add_process(booking, CAUSE_IO_DEVICE, 0, share); break;
	case SLEEP_BLOCK:
	case SLEEP_BLOCK_QUEUE:
	case SLEEP_PAGE_READ:
	case SLEEP_WRITEBACK: book_request(booking, sleep, class, sync, share); break;
	default:
		if (sync)
			book_own(booking, true, share);
		else if (class == SLEEP_FILE_SYSTEM && is_ended_by_task(sleep))
			booking__add_process(booking, CAUSE_LOCK_KERNEL, sleep->row->waker, share);
		else
			booking__add_process(booking, CAUSE_NONE, 0, share);
	}
}
