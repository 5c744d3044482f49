// Package web has the launcher's pages for people.
package web
