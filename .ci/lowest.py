"""Print the lowest versions that pyproject.toml allows of the named libraries, for pip: PyYAML==6.0.2 ...

python3 .ci/lowest.py pyyaml pydantic
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
bounds = dict(re.match(r"([\w.-]+)>=([\w.]+)", text).groups() for text in project["dependencies"])
lowest = {name.lower(): f"{name}=={version}" for name, version in bounds.items()}
if missing := [name for name in sys.argv[1:] if name not in lowest]:
    sys.exit(f"pyproject.toml has no lower bound of {', '.join(missing)}")
print(*(lowest[name] for name in sys.argv[1:]))
