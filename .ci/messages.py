"""messages.py DOCUMENT: whether each message that a table of a document quotes in its first column is in the program's source."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
source = "\n".join(p.read_text() for folder in ("cmd", "launcher", "model", "pipeline", "sql", "transforms")
                   for p in (ROOT / folder).rglob("*.go") if not p.name.endswith("_test.go"))
source = re.sub(r'"\s*\+\s*"', "", source)  # a message in parts
lines = pathlib.Path(sys.argv[1]).read_text().split("## What to do when")[1].splitlines()
quoted = [text for line in lines if line.startswith("| ") for text in re.findall(r"`([^`]+)`", line.split(" | ")[0])]
missing = [text for text in quoted if text not in source]
if missing or len(quoted) < 15:
    sys.exit(f"{sys.argv[1]}: not in the source: {missing}" if missing else f"{sys.argv[1]}: only {len(quoted)} messages are quoted")
print(f"{sys.argv[1]}: {len(quoted)} messages are the program's own")
