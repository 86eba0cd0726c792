"""Files that are imported: executed only if trusted, and every mistake in them a sentence with its line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from archsearch.errors import ArchsearchError, DamagedFileError, SpecError, UnavailableError, UntrustedError, UsageError
from archsearch.export.import_files import read_weights, write_import, written_files
from archsearch.export.import_network import import_network
from archsearch.export.import_places import caller, place_in_code
from archsearch.export.import_reference import file_and_name
from archsearch.export.import_source import module_from_file, module_from_torchvision, named_for_classes

TEXT = """\
from torch import nn
import beside

class Net(nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.out = nn.Linear(64, 10)
        print("made")
    def forward(self, x):
        return self.out(x.flatten(1))

net = Net(3)
wrapped = nn.DataParallel(net)
number = 3

class Plain:
    pass

def make(**settings):
    return Net(**settings)

def wrong():
    return 5

def broken():
    return nn.Linear(-1, 10)

def leaves():
    raise SystemExit(3)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that may be executed, with what it imports beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "net.py").write_text(TEXT)
    (tmp_path / "beside.py").write_text("")
    return Path("net.py")


def test_file_is_not_executed_unless_it_is_trusted(file: Path) -> None:
    Path("net.py").write_text("open('ran', 'w')\n")
    with pytest.raises(UntrustedError, match=r"allow it: archsearch trust net\.py"):
        module_from_file("net.py:Net")
    with pytest.raises(UntrustedError, match=r"net\.py is a Python file, which is code"):
        file_and_name("net.py:Net")
    assert not Path("ran").exists()
    assert file_and_name("net.py:a.b", trusted=True) == (Path("net.py"), "a.b")


def test_class_instance_and_function_give_the_module(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = list(sys.path)
    made = module_from_file("net.py:Net", {"width": 4}, trusted=True)
    assert (made.name, made.said) == ("net", "net.py:Net(width=4)")
    assert made.lines[made.module.out] == "net.py:7"
    assert module_from_file("net.py:net", trusted=True).said == "net.py:net"
    assert type(module_from_file("net.py:wrapped", trusted=True).module).__name__ == "Net"
    assert module_from_file("net.py:make", {"width": 1}, trusted=True).said == "net.py:make(width=1)"
    assert sys.path == before
    assert "_imported_net" not in sys.modules
    out, err = capsys.readouterr()
    assert (out, "made" in err) == ("", True)


def test_weights_are_the_same_each_time_and_the_callers_dice_stay(file: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one, other = (module_from_file("net.py:Net", {"width": 4}, trusted=True).module for _ in range(2))
    assert torch.equal(one.out.weight, other.out.weight)
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.parametrize(
    ("reference", "arguments", "error", "message"),
    [
        (
            "net.py",
            {},
            UsageError,
            r"^net.py: say which module, as net.py:NAME; it has Net, net, wrapped, make",
        ),
        ("net.py:mak", {}, SpecError, "^net.py: unknown name 'mak'; did you mean 'make'\\?$"),
        (
            "net.py:net",
            {"width": 3},
            UsageError,
            "^net.py:net is made already and takes no arguments; leave --arg out$",
        ),
        ("net.py:Net", {}, UsageError, r"^net.py:Net\(width, depth=1\) needs width; give --arg width=\.\.\.$"),
        ("net.py:Net", {"widht": 3}, UsageError, "^net.py:Net: unknown argument 'widht'; did you mean 'width'\\?$"),
        ("net.py:number", {}, SpecError, "^net.py: number is a thing of the type int, and no torch.nn.Module"),
        ("net.py:Plain", {}, SpecError, "^net.py:16: Plain is a class, and no torch.nn.Module"),
        ("net.py:wrong", {}, SpecError, r"^net.py:22: wrong\(\) gives a thing of the type int, no torch.nn.Module$"),
        ("net.py:broken", {}, SpecError, r"^net.py:26: calling broken\(\) failed: RuntimeError: "),
        ("net.py:leaves", {}, SpecError, r"^net.py:29: calling leaves\(\) ended Python \(exit\); keep that behind"),
        ("gone.py:Net", {}, UsageError, "^gone.py: no such file; give FILE.py:NAME, or --torchvision NAME$"),
        ("net.txt:Net", {}, UsageError, "^net.txt:Net is no Python file; give FILE.py:NAME, or --torchvision NAME$"),
        ("torch.nn:ReLU", {}, UsageError, "^torch.nn:ReLU is no Python file"),
    ],
)
def test_wrong_reference_says_what_is_there(file, reference, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        module_from_file(reference, arguments, trusted=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "^net.py:2: executing it failed: ZeroDivisionError: division by zero$"),
        ("x = (\n", "^net.py:1: executing it failed: SyntaxError: '\\(' was never closed$"),
        (
            "import nowhere_at_all\n",
            "^net.py:1: executing it failed: ModuleNotFoundError: No module named 'now",
        ),
        ("x = 1\nexit()\n", r"^net.py:2: executing it ended Python \(exit\); keep that behind `if __name__"),
        ("x = 1\n", "^net.py: no Net; the file defines no module$"),
        ("raise KeyError\n", "^net.py:1: executing it failed: KeyError: without a word$"),
    ],
)
def test_file_that_fails_is_told_with_its_line(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(SpecError, match=message):
        module_from_file("net.py:Net", trusted=True)


def test_torchvision_is_built_for_the_classes_of_the_data() -> None:
    assert named_for_classes("cifar100", {"dropout": 0.1}) == {"num_classes": 100, "dropout": 0.1}
    assert named_for_classes("cifar100", {"num_classes": 7}) == {"num_classes": 7}
    found = module_from_torchvision("squeezenet1_1", {"num_classes": 7})
    assert re.fullmatch(r"torchvision [\d.]+, models\.squeezenet1_1\(num_classes=7\)", found.said)
    with pytest.raises(UsageError, match=r"^--torchvision: unknown model 'resnet19'; did you mean 'resnet18'\?$"):
        module_from_torchvision("resnet19")
    with pytest.raises(UsageError, match=r"^--torchvision resnet18: .*unexpected keyword argument 'wide'$"):
        module_from_torchvision("resnet18", {"wide": 3})


def test_places_are_written_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_in_code(str(tmp_path / "a" / "net.py"), 3) == "a/net.py:3"
    assert place_in_code(str(Path(torch.__file__).parents[1] / "torchvision" / "x.py"), 4) == "torchvision/x.py:4"
    assert place_in_code("/elsewhere/net.py", 5) == "/elsewhere/net.py:5"
    assert caller() is not None


# -- weights and files -------------------------------------------------------------------------------------------------


def test_weights_come_along_from_safetensors_and_from_tensors_in_a_pt(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    given = {"1.weight": torch.randn(10, 64), "1.bias": torch.randn(10)}
    save_file(given, tmp_path / "a.safetensors")
    torch.save({"epoch": 3, "state_dict": given}, tmp_path / "b.pt")
    for name in ("a.safetensors", "b.pt"):
        nn.init.zeros_(module[1].weight)
        read_weights(module, tmp_path / name)
        assert torch.equal(module[1].weight, given["1.weight"])


class Evil:
    def __reduce__(self):
        return (open, ("ran", "w"))


def test_weights_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = nn.Linear(2, 3)
    save_file({"weight": torch.zeros(3, 4), "offset": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(
        SpecError,
        match=r"^other.safetensors holds the weights of another module: bias is missing; offset is not in the module; "
        r"weight is \(3, 4\), the module has \(3, 2\)$",
    ):
        read_weights(module, Path("other.safetensors"))
    torch.save({"weight": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes()[:-3])
    torch.save([1, 2], tmp_path / "list.pt")
    for name, message in (
        ("evil.pt", "cannot be read as weights; give a state_dict"),
        ("cut.safetensors", "cannot be read as weights"),
        ("list.pt", "holds no state_dict: tensors by name are expected$"),
    ):
        with pytest.raises(DamagedFileError, match=f"^{name} {message}"):
            read_weights(module, Path(name))
    assert not Path("ran").exists()
    with pytest.raises(UnavailableError, match=r"^gone.pt cannot be read: No such file or directory$"):
        read_weights(module, Path("gone.pt"))


def test_files_are_written_beside_each_other_and_never_over_others(file: Path) -> None:
    found = import_network(module_from_file("net.py:net", trusted=True), data="digits")
    files = written_files(Path("out/net.yaml"), True, False)
    write_import(found, files)
    assert [str(path) for path in files] == ["out/net.yaml", "out/net.safetensors"]
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(SpecError, match=r"1.weight is missing; 1.bias is missing; out\.\w+ is not in"):
        read_weights(module, Path("out/net.safetensors"))
    with pytest.raises(
        UsageError, match=r"^out/net.yaml is there already; --force overwrites it, -o names another file$"
    ):
        written_files(Path("out/net.yaml"), True, False)
    assert written_files(Path("out/net.yaml"), False, True) == (Path("out/net.yaml"),)
    assert issubclass(UntrustedError, ArchsearchError)
