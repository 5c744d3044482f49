// Command terraform-provider-google is the part of Google's Terraform provider that deploy/terraform uses: its own schemas
// and rules of those services, of its own module, without the other two hundred services. `terraform validate` and
// `terraform test` hold our files to it; it reaches no cloud.
package main
