// Package inputs resolves what a configuration refers to, within the allowed roots and uploads.
package inputs
