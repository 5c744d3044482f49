//go:build amd64 && !purego

package engine

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// useAssembly chooses the kernels; tests compare both.
var useAssembly = cpu.X86.HasAVX2

// matchAVX2 is matchPlain for slots from offs on; width words of each row of words.
//
//go:noescape
func matchAVX2(out, live, rows *uint64, offs, unions *uint32, columns, stride, slots, words, width int)

//go:noescape
func intersectAVX2(out, a, b *uint64, words int) uint64

//go:noescape
func absorbAVX2(planes, rows *uint64, words, sixteens int)

//go:noescape
func findUnsureAVX2(masks, rows, base *uint64, certain *uint32, slots, words, width int)

// prefetchAVX2 asks for the state of n users: words of 1<<shift bytes from cells on, where userAt says.
//
//go:noescape
func prefetchAVX2(cells unsafe.Pointer, userAt, users *uint32, n, shift int)
