// Package killpoint names the moments at which a crash must do no harm. In the product a call is nothing at
// all; a program built with `-tags killpoints` kills itself there when told to, which is how the tests of
// crashes hit a moment exactly.
//
//	WHATIF_KILLPOINT=results.linked      at the first pass
//	WHATIF_KILLPOINT=results.linked#3    at the third
//	WHATIF_KILLPOINT_ONCE=FILE           only the first process to get there, which makes FILE
package killpoint
