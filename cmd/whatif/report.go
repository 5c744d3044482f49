package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/sql/report"
)

func (c *console) reportCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "report SIMULATION -o FILE.html",
		Short: "One self-contained page: tables, response curves, Pareto front, what failed",
		Long: `report writes one HTML page that needs no other file and no network: the comparison, a response curve per parameter, the Pareto
front, the frequency distribution, the loss funnel of each campaign, and what failed. -o - writes it to standard output.`,
		Example: "  whatif report latest -o report.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.writeReport(cmd.Context(), id, file); err != nil {
				return err
			}
			c.say("wrote %s", file)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write, - for standard output (required)")
	c.addResultsFlag(cmd)
	return required(cmd, "output")
}

// writeReport writes the page of a simulation; the file appears whole or not at all.
func (c *console) writeReport(ctx context.Context, id, file string) error {
	w, err := c.open(ctx, id)
	if err != nil {
		return err
	}
	defer w.close()
	if file == "-" {
		return report.Write(ctx, w.Warehouse, id, c.out)
	}
	return writeWhole(file, func(out io.Writer) error { return report.Write(ctx, w.Warehouse, id, out) })
}

// replaceable refuses to write a page over something else than a page, and follows links: what is replaced is
// the file, not the link to it.
func replaceable(file string) (string, error) {
	target, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if !info.Mode().IsRegular() {
		return "", usage("-o %s is not a file; - writes to standard output", file)
	}
	existing, err := os.Open(target)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	defer func() { _ = existing.Close() }() // read only
	begin := make([]byte, len(pageBegin))
	n, err := io.ReadFull(existing, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fmt.Errorf("write %s: %w", file, err)
	}
	if n > 0 && !strings.EqualFold(string(begin[:n]), pageBegin) {
		return "", usage("-o %s exists and is no HTML page; it is left as it is", file)
	}
	return target, nil
}

// pageBegin is how every page begins.
const pageBegin = "<!doctype html>"

// writeWhole writes a file beside its final name and renames it when all of it is there.
func writeWhole(file string, write func(io.Writer) error) (err error) {
	if file, err = replaceable(file); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(temp.Name()))
		}
	}()
	buffered := bufio.NewWriter(temp)
	if err := errors.Join(write(buffered), buffered.Flush(), temp.Chmod(0o644), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}
