// Package report says what a finished study means: in one sentence, and on one page.
//
//	views of the result store --read--> study --Sentence--> "daily cap 3 -> 1: reach +12 %, fill -4 points, revenue -7 %"
//	                                      |
//	                                      +--Write--> one HTML file: sentence, curves, fronts, tables, failures
//
// The page is complete in itself: data, style, scripts and the chart library (Apache ECharts) are
// inside it, a content security policy forbids it to load or send anything, and it opens from a
// file. Everything on it comes from the views of the warehouse (variants, comparison,
// variant_metrics, frequency, parameter_effects, campaign_results, failures); nothing is simulated or
// added up from raw rows here.
//
// The page's size is bounded whatever the study's: see Limits. What was left out is said on it.
package report
