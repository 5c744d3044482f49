//go:build tools

// Package cli names OpenTofu, which stands in for Terraform where there is none.
package cli

import _ "github.com/opentofu/opentofu/cmd/tofu"
