"""What a folder of Hugging Face's `datasets` is: its splits, and the files of each.

    found = find_layout(Path("beans"))
    found.form, list(found.splits)            # 'saved', ['train', 'validation', 'test']

Three forms: `saved` (`save_to_disk`: Arrow files beside state.json), `parquet` (as the hub lays data out) and `images`
(a folder for each split, with a metadata file or a folder for each class). Knows names of files only, and runs none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from archsearch.data.folder import images_below, named_folders
from archsearch.data.images import ENDINGS, wrong
from archsearch.errors import DamagedFileError
from archsearch.wording import listed

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_SHARD = re.compile(r"-\d{5}-of-\d{5}(-[0-9a-f]+)?$")
_NUMBER = re.compile(r"(part[-_.]?)?\d+")
_EXPECTED = (
    "expected what save_to_disk writes, Parquet files as the hub lays them out, or a folder of images for each split"
)


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """The files of each split, in their order: Arrow or Parquet files, or of `images` the folder of the split.

    `beside` are files that say more of all: what the columns are.
    """

    path: Path
    form: Literal["saved", "parquet", "images"]
    splits: Mapping[str, tuple[Path, ...]]
    beside: tuple[Path, ...] = ()

    @property
    def files(self) -> list[Path]:
        """Give all files that decide what the data are; of images all below the folders of the splits."""
        found = [*self.beside, *(file for files in self.splits.values() for file in files)]
        if self.form != "images":
            return found
        below = [[*images_below(folder), *metadata_of(folder)] for (folder,) in self.splits.values()]
        return [*self.beside, *(file for files in below for file in files)]


def find_layout(path: Path) -> DatasetLayout:
    """Look at the names of the files; raise `SpecError` for a folder that is none of the three."""
    if not path.is_dir():
        raise wrong(path, "is a file" if path.exists() else "does not exist", f"{_EXPECTED} (a folder)")
    if (path / "dataset_dict.json").is_file():
        names = _json(path / "dataset_dict.json").get("splits")
        if not isinstance(names, list) or not all(_is_name(name) for name in names):
            raise DamagedFileError(f"{path / 'dataset_dict.json'} does not name the splits; save the data again")
        return _saved(path, {name: path / name for name in names})
    if (path / "state.json").is_file():
        split = _json(path / "state.json").get("_split")
        return _saved(path, {str(split) if _is_name(split) else "train": path})
    if tables := [file for file in _below(path, ".parquet") if file.name not in METADATA]:
        return DatasetLayout(path, "parquet", _parquet(path, tables))
    if top := metadata_of(path):
        said = f"say `data: {{name: folder, path: {path.name}, labels: {path.name}/{top[0].name}}}`"
        raise wrong(path, f"has one {top[0].name} for all", said)
    if splits := {name: (path / name,) for name in named_folders(path) if _holds_images(path / name)}:
        return DatasetLayout(path, "images", splits)
    raise wrong(path, _nothing_in(path), _EXPECTED)


def metadata_of(folder: Path) -> list[Path]:
    """Give the metadata file of a split of images, as a list of one or none."""
    return [folder / name for name in METADATA if (folder / name).is_file()][:1]


def _nothing_in(path: Path) -> str:
    scripts = [file.name for file in sorted(path.glob("*.py"))]
    if scripts:
        return (
            f"holds a loading script ({listed(scripts)}) and no data; it is code and is not executed: load it where "
            "you trust it, and give the folder of save_to_disk"
        )
    return "holds no data that is known"


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(re.fullmatch(r"\w+([-.]\w+)*", name))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as problem:
        raise DamagedFileError(f"{path} cannot be read ({problem}); save the data again") from None
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path} is not what save_to_disk writes; save the data again")
    return found


def _saved(path: Path, folders: Mapping[str, Path]) -> DatasetLayout:
    splits, beside = {}, []
    for name, folder in folders.items():
        state = folder / "state.json"
        if not state.is_file():
            raise DamagedFileError(f"{folder} has no state.json, and the data name it as a split; save the data again")
        files = _json(state).get("_data_files")
        listing = files if isinstance(files, list) else []
        named = [one.get("filename") if isinstance(one, dict) else None for one in listing]
        if not named or not all(isinstance(one, str) and Path(one).name == one for one in named):
            raise DamagedFileError(f"{state} names no files of the folder; save the data again")
        if missing := [one for one in named if not (folder / str(one)).is_file()]:
            raise DamagedFileError(f"{folder} has no {listed(list(map(str, missing)))}; save the data again")
        splits[name] = tuple(folder / str(one) for one in named)
        beside += [info for info in [folder / "dataset_info.json"] if info.is_file()]
    return DatasetLayout(path, "saved", splits, tuple(beside))


def _below(path: Path, ending: str) -> list[Path]:
    """Give the files with an ending below a folder, in their order; what is hidden is passed over."""
    found = [file for file in sorted(path.rglob(f"*{ending}")) if file.is_file()]
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts)]


def _parquet(path: Path, files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Sort Parquet files by split: train-00000-of-00002.parquet, train.parquet, train/0000.parquet."""
    found: dict[Path, dict[str, list[Path]]] = {}
    for file in files:
        split, home = _SHARD.sub("", file.stem), file.parent
        if _NUMBER.fullmatch(split):
            split, home = ("train", home) if home == path else (home.name, home.parent)
        found.setdefault(home, {}).setdefault(split, []).append(file)
    if len(found) > 1:
        homes = sorted(home.relative_to(path).as_posix() for home in found)
        raise wrong(path, f"has several configurations: {listed(homes)}", f"name one: path: {path.name}/{homes[0]}")
    (splits,) = found.values()
    return {split: tuple(some) for split, some in splits.items()}


def _holds_images(folder: Path) -> bool:
    if metadata_of(folder):
        return True
    return any(file.suffix.lower() in ENDINGS for name in named_folders(folder) for file in (folder / name).iterdir())
