package objects

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const scheme = "gs://"

// maxName is the length of an object's name in bytes that Cloud Storage takes.
const maxName = 1024

// IsURI tells whether a text is the address of a bucket or of something in one: gs://..
func IsURI(uri string) bool { return strings.HasPrefix(uri, scheme) }

// Split takes the address of an object, a prefix or a bucket apart. The name has no slash at its beginning;
// it is empty for a bucket.
func Split(uri string) (bucket, name string, err error) {
	rest, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return "", "", fmt.Errorf("objects: %q is no address of an object; they look like gs://bucket/folder/name", uri)
	}
	bucket, name, _ = strings.Cut(rest, "/")
	if err := checkBucket(bucket); err != nil {
		return "", "", fmt.Errorf("objects: %s: %w", uri, err)
	}
	if err := checkName(name); name != "" && err != nil {
		return "", "", fmt.Errorf("objects: %s: %w", uri, err)
	}
	return bucket, name, nil
}

// checkBucket holds a bucket's name to the characters that one may have ("Bucket naming requirements",
// https://cloud.google.com/storage/docs/buckets#naming), so that it is nothing else in a request's path.
func checkBucket(bucket string) error {
	if len(bucket) < 3 || len(bucket) > 222 || strings.Trim(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" ||
		strings.Trim(bucket[:1], "-_.") == "" {
		return fmt.Errorf("%q is no name of a bucket: 3 to 222 lower case letters, digits, - _ and ., a letter or digit first", bucket)
	}
	return nil
}

// checkName holds an object's name to "Object name requirements"
// (https://cloud.google.com/storage/docs/objects#naming), and to having no part that a file system takes for
// a way elsewhere, since objects are copied to files.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name):
		return fmt.Errorf("%.80q is no name of an object: 1 to %d bytes of UTF-8", name, maxName)
	case strings.ContainsAny(name, "\x00\r\n"):
		return fmt.Errorf("%.80q is no name of an object: it holds a line break or NUL", name)
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("%.80q is no name of an object here: a part of it is empty or only dots", name)
		}
	}
	return nil
}
