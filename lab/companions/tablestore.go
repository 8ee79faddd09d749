// tablestore: a store whose table stands in locked memory, behind a read-write lock made of channels. Each time the table grows, it locks all of
// its memory again, which takes the kernel milliseconds, and holds its own lock all that time. Readers and writers wait in the runtime: no
// system call, no futex, no kernel lock shows that they do.
//
// Its arguments are those of a lab process: "--role NAME READY_FD FD BUSY_US PERIOD_US".
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	least       = 16 << 20
	share       = 5 // at most this part of the machine's memory
	wanted      = 12 * time.Millisecond
	growth      = 40 * time.Millisecond
	writers     = 4
	readers     = 4
	pause       = 3 * time.Millisecond
	noHugePages = 15 // MADV_NOHUGEPAGE
	stride      = 64 // of the keys of one user
)

// rwLock lets one writer or many readers in. Whoever waits is parked at a channel.
type rwLock struct {
	writer  chan struct{}
	readers chan int
}

func newRWLock() *rwLock {
	lock := &rwLock{make(chan struct{}, 1), make(chan int, 1)}
	lock.writer <- struct{}{}
	lock.readers <- 0
	return lock
}

func (lock *rwLock) Lock()   { <-lock.writer }
func (lock *rwLock) Unlock() { lock.writer <- struct{}{} }

// The first reader takes the writers' place, the last one gives it back.
func (lock *rwLock) RLock() {
	count := <-lock.readers
	if count == 0 {
		<-lock.writer
	}
	lock.readers <- count + 1
}

func (lock *rwLock) RUnlock() {
	count := <-lock.readers
	if count == 1 {
		lock.writer <- struct{}{}
	}
	lock.readers <- count - 1
}

// memTable is a table in memory that never leaves it.
type memTable struct {
	lock   *rwLock
	memory []byte
	grown  time.Time
	sum    uint64
}

// lockMemory has the kernel look at every page, nearly all of which are locked already.
func (table *memTable) lockMemory() time.Duration {
	start := time.Now()
	if err := syscall.Mlock(table.memory); err != nil {
		fail(err)
	}
	return time.Since(start)
}

// newMemTable makes a table so large that locking it takes the wanted time on this machine.
func newMemTable() *memTable {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		fail(err)
	}
	most := int(info.Totalram * uint64(info.Unit) / share)
	for size := least; ; size *= 2 {
		memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			fail(err)
		}
		syscall.Madvise(memory, noHugePages)
		table := &memTable{lock: newRWLock(), memory: memory, grown: time.Now()}
		table.lockMemory()
		if table.lockMemory() >= wanted || size*2 > most {
			return table
		}
		syscall.Munmap(memory)
	}
}

// Insert writes a record. From time to time the table has to grow for it.
func (table *memTable) Insert(key int) {
	table.lock.Lock()
	table.memory[key*4096%len(table.memory)]++
	if time.Since(table.grown) > growth {
		table.lockMemory()
		table.grown = time.Now()
	}
	table.lock.Unlock()
}

func (table *memTable) Lookup(key int) {
	table.lock.RLock()
	atomic.AddUint64(&table.sum, uint64(table.memory[key*4096%len(table.memory)]))
	table.lock.RUnlock()
}

func use(table *memTable, call func(*memTable, int), seed int) {
	for key := seed; ; key += stride {
		call(table, key)
		time.Sleep(pause)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "tablestore:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "tablestore: a part of the labelled workloads, started by them")
		os.Exit(2)
	}
	ready, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	table := newMemTable()
	for i := 0; i < writers; i++ {
		go use(table, (*memTable).Insert, i)
	}
	for i := 0; i < readers; i++ {
		go use(table, (*memTable).Lookup, writers+i)
	}
	file := os.NewFile(uintptr(ready), "ready")
	if _, err := file.Write([]byte{0}); err != nil {
		fail(err)
	}
	file.Close()
	select {}
}
