// Package launcher puts the service together that takes submissions and sees them through.
package launcher
