package access

import "testing"

func TestScopesAreALadder(t *testing.T) {
	tests := []struct {
		has                 []string
		read, submit, admin bool
	}{
		{nil, false, false, false},
		{[]string{"read"}, true, false, false},
		{[]string{"submit"}, true, true, false},
		{[]string{"admin"}, true, true, true},
		{[]string{"read", "admin"}, true, true, true},
		{[]string{"root", "", "READ"}, false, false, false},
	}
	for _, test := range tests {
		who := Identity{Scopes: test.has}
		if who.May("read") != test.read || who.May("submit") != test.submit || who.May("admin") != test.admin {
			t.Errorf("%v may read %v, submit %v, admin %v", test.has, who.May("read"), who.May("submit"), who.May("admin"))
		}
		if who.May("") || who.May("root") {
			t.Errorf("%v may do what is no scope", test.has)
		}
	}
}

func TestCheckScopes(t *testing.T) {
	for _, good := range [][]string{{"read"}, {"submit", "read"}, {"admin"}} {
		if err := CheckScopes(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range [][]string{nil, {"write"}, {"read", "Admin"}, {""}} {
		if CheckScopes(bad) == nil {
			t.Errorf("%q were accepted", bad)
		}
	}
}

// No two keys and no key and tenant share a bucket, whatever they are called.
func TestBucketsAreApart(t *testing.T) {
	names := map[string]bool{}
	for _, who := range []Identity{{Tenant: "a"}, {Tenant: "b"}, {Tenant: "a", KeyID: "a"}, {Tenant: "a", KeyID: "b"}} {
		names[who.Bucket()] = true
	}
	if len(names) != 4 {
		t.Errorf("buckets: %v", names)
	}
	if (Identity{Tenant: "a", KeyID: "k"}).Bucket() != (Identity{Tenant: "b", KeyID: "k"}).Bucket() {
		t.Error("a key has one bucket")
	}
}
