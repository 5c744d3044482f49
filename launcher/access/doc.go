// Package access says who asks and what they may: API keys, scopes, tenants, hosts and origins.
package access
