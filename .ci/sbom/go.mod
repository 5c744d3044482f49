module github.com/whatif-machine/whatif/ci/sbom

go 1.26

require github.com/google/licensecheck v0.3.1 // indirect
