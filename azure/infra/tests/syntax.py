"""Checks that the Bicep files can be parsed, and that parameter files name parameters that there are: `syntax.py DIR`."""

import pathlib
import re
import sys

from pycep import BicepParser

folder = pathlib.Path(sys.argv[1])
faults = 0
for path in sorted(folder.glob("**/*.bicep")):
    try:
        BicepParser().parse(file_path=path)
    except Exception as error:  # The parser has no error of its own.
        faults += 1
        print(f"{path}: {error}", file=sys.stderr)

known = set(BicepParser().parse(file_path=folder / "main.bicep")["parameters"])
# The parser does not know `using`; what is left of the grammar is one line a parameter.
for path in sorted(folder.glob("*.bicepparam")):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("//")]
    named = [re.fullmatch(r"param (\w+) = (?:'[^']*'|\d+|readEnvironmentVariable\('\w+', '[^']*'\))", line) for line in lines[1:]]
    if lines[0] != "using 'main.bicep'" or None in named:
        faults += 1
        print(f"{path}: is not made of `using` and one `param` a line", file=sys.stderr)
    for unknown in {match[1] for match in named if match} - known:
        faults += 1
        print(f"{path}: main.bicep has no parameter {unknown}", file=sys.stderr)
print(f"syntax: {faults} faults")
sys.exit(1 if faults else 0)
