// Package access says who asks and what they may: API keys, scopes, tenants, hosts and origins.
//
//	request --> Guard --------------> Identify ------------------> May(scope)
//	            Host is ours?         throttled address? 429       read < submit < admin
//	            (else 421)            key in the roster? else 401
//	            Origin is ours or          ^
//	            allowed? (else 403)        |  read whole, at most ~1 s old
//	                                  store: keys, tiers
//
// A printed key is
//
//	wif_<id>_<secret>     id: 10, secret: 39 characters of a-z and 2-7
//
// The id is public: it names the key in the store, in logs and in listings. The secret holds 160 random
// bits and a checksum, so that a typo or a cut is told apart from a key that nobody has. Only the
// SHA-256 of the secret is stored; at 160 random bits a slow hash would add nothing. Scanners for leaked
// credentials find keys by `wif_[a-z2-7]{10}_[a-z2-7]{39}`.
//
// Scopes form a ladder: `submit` includes `read`, `admin` includes both. A key is of one tenant and one
// tier. As long as the store has never had a key, everybody is the tenant `default` with every scope:
// such a launcher must listen on loopback only.
//
// Keys and tiers are read whole from the store (the roster) and used for up to a second, so that a
// revoked key, an edited tier and the first key act on a running launcher within a second, and so that
// no number of made-up keys costs the store more than that.
//
// The guard stands before everything else, because a launcher without keys on a developer's machine is
// reachable by every page the developer opens: a page may point its own name at 127.0.0.1 (DNS
// rebinding: the Host header gives it away) or post across origins (the Origin and Sec-Fetch-Site
// headers do).
package access
