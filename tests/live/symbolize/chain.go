// main.main → main.(*basket).pay → (main.total, inlined) → main.count
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

type basket struct{ things int }

//go:noinline
func count(things int) int {
	pcs := make([]uintptr, 32)
	pcs = pcs[:runtime.Callers(1, pcs)]
	fmt.Printf("STACK %d %x", os.Getpid(), pcs[0]-1)
	for _, pc := range pcs[1:] {
		fmt.Printf(" %x", pc)
	}
	fmt.Println()
	time.Sleep(time.Hour)
	return things + 1
}

func total(things int) int { return count(things) + 1 }

//go:noinline
func (b *basket) pay() int { return total(b.things) + 1 }

func main() {
	b := basket{len(os.Args)}
	fmt.Println(b.pay())
}
