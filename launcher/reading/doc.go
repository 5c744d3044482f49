// Package reading answers the views of the result store for the launcher.
package reading
