"""execute.py NOTEBOOK [--update]: runs a notebook with the results of the environment (WHATIF_RESULTS) and compares what it prints with
what is checked in: every table and text, to the letter. Pictures must be there; their bytes depend on fonts. --update writes it."""

import pathlib
import sys
import tempfile

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

path = pathlib.Path(sys.argv[1])
written = nbformat.read(path, as_version=4)
ran = nbformat.read(path, as_version=4)
# By sockets in a folder of ours, not by TCP, which every user of the machine could speak to.
with tempfile.TemporaryDirectory() as sockets:
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
    NotebookClient(ran, timeout=120, km=kernel).execute()
    run_sync(kernel.shutdown_kernel)(now=True)


def printed(cell):
    """What a cell shows: its texts, and which kinds of pictures."""
    shown = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        shown += [("stream", output["text"])] if output["output_type"] == "stream" else []
        shown += [(kind, None if kind.startswith("image/") else text) for kind, text in sorted(data.items())
                  if not (kind == "text/plain" and "image/png" in data) and kind != "text/html"]
    return shown


if "--update" in sys.argv:
    for cell in ran.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/html", None)
            output.get("metadata", {}).clear()
    ran.metadata = written.metadata
    nbformat.write(ran, path)
    print(f"{path}: {sum(len(c.get('outputs', [])) for c in ran.cells)} outputs written")
    sys.exit()

wrong, shown = [], 0
for number, (before, now) in enumerate(zip(written.cells, ran.cells)):
    shown += len(printed(now))
    if printed(before) != printed(now):
        wrong.append(f"cell {number} shows\n{printed(now)}\nand not, as it is checked in,\n{printed(before)}")
if wrong or shown < 8:
    sys.exit("\n".join(wrong) or f"{path}: only {shown} outputs")
print(f"{path}: {len(ran.cells)} cells, {shown} outputs, all as checked in")
