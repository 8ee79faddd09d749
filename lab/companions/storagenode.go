// storagenode: a server of another runtime beside a scenario, busy and innocent. A static executable without cgo, as such
// servers are: no loader, no C library, no malloc.
//
// Clients in the same process ask it for the digest of a piece over a socket, some hundred times a second, and a timer
// keeps a table in order. Its arguments are those of a lab process: "--role NAME READY_FD FD BUSY_US PERIOD_US".
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

const (
	pieces     = 512
	pieceBytes = 128 << 10
	clients    = 4
	pause      = 25 * time.Millisecond
	// A client rests so many times as long as its answer took, so that a slow machine is not filled by requests.
	restFactor = 8
)

var table [pieces][]byte

// serve answers each request, a piece's number, with the digest of a copy of it.
func serve(connection net.Conn) {
	var request [4]byte
	for {
		if _, err := connection.Read(request[:]); err != nil {
			return
		}
		number := binary.LittleEndian.Uint32(request[:]) % pieces
		digest := sha256.Sum256(append([]byte(nil), table[number]...))
		if _, err := connection.Write(digest[:]); err != nil {
			return
		}
	}
}

func ask(address string, seed uint32) {
	connection, err := net.Dial("unix", address)
	if err != nil {
		fail(err)
	}
	var request [4]byte
	var digest [sha256.Size]byte
	for number := seed; ; number += clients {
		start := time.Now()
		binary.LittleEndian.PutUint32(request[:], number)
		if _, err := connection.Write(request[:]); err != nil {
			fail(err)
		}
		if _, err := connection.Read(digest[:]); err != nil {
			fail(err)
		}
		rest := restFactor * time.Since(start)
		if rest < pause {
			rest = pause
		}
		time.Sleep(rest)
	}
}

// sweep touches the header of every piece, as a store does that looks for what has expired.
func sweep() {
	for range time.Tick(50 * time.Millisecond) {
		for _, piece := range table {
			piece[0]++
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "storagenode:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "storagenode: a part of the labelled workloads, started by them")
		os.Exit(2)
	}
	for i := range table {
		table[i] = make([]byte, pieceBytes)
	}
	address := fmt.Sprintf("@whystall-lab-storagenode-%d", os.Getpid())
	listener, err := net.Listen("unix", address)
	if err != nil {
		fail(err)
	}
	for i := uint32(0); i < clients; i++ {
		go ask(address, i)
	}
	go sweep()
	ready, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	file := os.NewFile(uintptr(ready), "ready")
	if _, err := file.Write([]byte{0}); err != nil {
		fail(err)
	}
	file.Close()
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(connection)
	}
}
