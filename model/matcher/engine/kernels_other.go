//go:build !amd64 || purego

package engine

import "unsafe"

var useAssembly = false

func matchAVX2(_, _, _ *uint64, _, _ *uint32, _, _, _, _, _ int) { panic("no assembly here") }

func intersectAVX2(_, _, _ *uint64, _ int) uint64 { panic("no assembly here") }

func absorbAVX2(_, _ *uint64, _, _ int) { panic("no assembly here") }

func findUnsureAVX2(_, _, _ *uint64, _ *uint32, _, _, _ int) { panic("no assembly here") }

func prefetchAVX2(_ unsafe.Pointer, _, _ *uint32, _, _ int) { panic("no assembly here") }
