"""valid.py BILL PROGRAM: whether a bill of materials is valid CycloneDX 1.6 and is of the program."""

import hashlib
import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = pathlib.Path(sys.argv[1]).read_text()
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
bill = json.loads(text)
digest = hashlib.sha256(pathlib.Path(sys.argv[2]).read_bytes()).hexdigest()
if wrong:
    sys.exit(f"{sys.argv[1]}: {wrong}")
if bill["metadata"]["component"]["hashes"][0]["content"] != digest:
    sys.exit(f"{sys.argv[1]} is of another program")
unknown = [c["name"] for c in bill["components"] if not c.get("licenses")]
if unknown:
    sys.exit(f"{sys.argv[1]}: no licence is known of {', '.join(unknown)}")
print(f"{pathlib.Path(sys.argv[1]).name}: {len(bill['components'])} parts, each with its licence; valid CycloneDX 1.6")
