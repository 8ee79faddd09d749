// Drives the Go runtime for the survey: driver spin|garbage|channels|mutex.
package main

import (
	"fmt"
	"os"
	"sync"
)

func spin() {
	for sum, i := 0, 0; ; i++ {
		sum += i * i % 7
		if sum < 0 {
			sum = 0
		}
	}
}

type node struct {
	left, right *node
	payload     [64]byte
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

func garbage() {
	for {
		tree(14)
	}
}

func channels() {
	to, from := make(chan int), make(chan int)
	go func() {
		for value := range to {
			from <- value + 1
		}
	}()
	for value := 0; ; value = <-from {
		to <- value
	}
}

var (
	guard sync.Mutex
	table = map[int]int{}
)

func mutex() {
	for key := 0; ; key++ {
		guard.Lock()
		for i := 0; i < 100; i++ {
			table[(key+i)%5000]++
		}
		guard.Unlock()
	}
}

func main() {
	modes := map[string]func(){"spin": spin, "garbage": garbage, "channels": channels, "mutex": mutex}
	if len(os.Args) != 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "driver: spin, garbage, channels or mutex")
		os.Exit(1)
	}
	for i := 0; i < 8; i++ {
		go modes[os.Args[1]]()
	}
	select {}
}
