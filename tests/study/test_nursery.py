"""Who starts workers: what they inherit, how they end, and that none is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from archsearch.study.nursery import FORKS, Nursery, WorkerExits, _Ask, _blocked
from archsearch.train.interrupt import interruptible

TELLS_WHAT_IS_BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
needs_forks = pytest.mark.skipif(not FORKS, reason="workers are started anew on this system")


def is_imported(name: str) -> bool:
    return name in sys.modules


def what_a_worker_inherits(module, said) -> None:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    said.put((os.getppid(), is_imported(module), signal.SIGINT in blocked, signal.SIGTERM in blocked))


def gives_numbers(numbers, said) -> None:
    for number in numbers:
        said.put(number)


def waits_for_sigterm(folder, said) -> None:
    def stop(number, frame) -> None:
        (folder / f"{os.getpid()}.ended").touch()
        sys.exit(143)

    signal.signal(signal.SIGTERM, stop)
    (folder / f"{os.getpid()}.began").touch()
    time.sleep(60)


def raises(said) -> None:
    raise ValueError("a bug")


def tells_the_variable(name, said) -> None:
    said.put(os.environ.get(name))


def wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def wait_for(nursery: Nursery) -> WorkerExits:
    while (ended := nursery.ended(60)) is None:
        pass
    return ended


@pytest.fixture
def nursery():
    with Nursery() as one:
        yield one


def test_workers_have_the_environment_of_who_begins_them(nursery, monkeypatch):
    """What a call allows for itself is said there after the nursery has started."""
    nursery.start()
    monkeypatch.setenv("SAID_MEANWHILE", "yes")
    nursery.begin(tells_the_variable, ("SAID_MEANWHILE",), 1)
    assert wait_for(nursery).said == ("yes",)


@needs_forks
def test_workers_have_what_the_nursery_imported_and_hear_what_they_should(nursery):
    nursery.import_(["fractions", "no_such_module_anywhere", "sched"])
    nursery.begin(what_a_worker_inherits, ("sched",), 3)
    ended = wait_for(nursery)
    assert ended.codes == {0}
    assert ended.said == ((nursery._process.pid, True, True, False),) * 3


def test_an_answer_comes_from_a_process_of_its_own(nursery):
    nursery.import_(["sched"])
    assert nursery.ask(is_imported, "sched") is FORKS
    assert (nursery.ask(os.getpid) == os.getpid()) is not FORKS


@needs_forks
def test_what_is_imported_while_workers_work_is_there_afterwards(tmp_path):
    with Nursery(meanwhile=["sched"]) as nursery:
        nursery.begin(waits_for_a_file, (tmp_path / "go",), 2)
        assert nursery.ended(0.3) is None
        (tmp_path / "go").touch()
        assert wait_for(nursery).said == (False, False)
        assert nursery.ask(is_imported, "sched")


def waits_for_a_file(path, said) -> None:
    wait_until(path.exists)
    said.put(is_imported("sched"))


@needs_forks
def test_a_question_that_is_stopped_clears_away_what_is_half_done(tmp_path):
    nursery = Nursery()
    nursery._send(_Ask(half_does, (tmp_path,)))
    wait_until((tmp_path / "half").exists)
    began = time.monotonic()
    nursery.stop()
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == []


def half_does(folder: Path) -> None:
    (folder / "half").touch()
    try:
        time.sleep(60)
    finally:
        (folder / "half").unlink()


@needs_forks
def test_a_question_that_cannot_be_answered_is_none(nursery):
    assert nursery.ask(sys.exit, 3) is None
    assert nursery.ask(int, "x") is None
    assert nursery.ask(len, "four") == 4


def test_codes_are_those_of_the_workers_and_the_nursery_works_again(nursery, tmp_path):
    nursery.begin(gives_numbers, ((1, 2),), 2)
    assert sorted(wait_for(nursery).said) == [1, 1, 2, 2]
    nursery.begin(exits_otherwise_than_the_other, (tmp_path,), 2)
    assert wait_for(nursery).codes == {0, 75}


def exits_otherwise_than_the_other(folder, said) -> None:
    try:
        (folder / "first").mkdir()
    except FileExistsError:
        sys.exit(75)


def test_workers_that_are_started_anew_end_and_say_the_same(tmp_path):
    with Nursery(forks=False) as nursery:
        nursery.import_(["sched"])  # which nobody would inherit
        assert not nursery.is_there
        assert nursery.ask(os.getpid) == os.getpid()
        nursery.begin(exits_otherwise_than_the_other, (tmp_path,), 2)
        assert wait_for(nursery).codes == {0, 75}
        nursery.begin(gives_numbers, ((1, 2),), 2)
        assert sorted(wait_for(nursery).said) == [1, 1, 2, 2]


@needs_forks
def test_a_worker_that_is_killed_is_told_by_its_code(nursery, tmp_path):
    nursery.begin(waits_for_sigterm, (tmp_path,), 2)
    wait_until(lambda: len(list(tmp_path.glob("*.began"))) == 2)
    first, second = (int(path.stem) for path in tmp_path.glob("*.began"))
    os.kill(first, signal.SIGKILL)
    assert nursery.ended(0.2) is None
    os.kill(second, signal.SIGTERM)
    assert wait_for(nursery).codes == {-9, 143}


@pytest.mark.parametrize("how", ["stop", "SIGTERM"])
@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="SIGTERM cannot be heard on this system")
def test_stopped_nursery_ends_its_workers_first(tmp_path, how):
    with Nursery() as nursery:
        nursery.begin(waits_for_sigterm, (tmp_path,), 2)
        wait_until(lambda: len(list(tmp_path.glob("*.began"))) == 2)
        if how == "SIGTERM":
            os.kill(nursery._process.pid, signal.SIGTERM)
            assert wait_for(nursery).codes == {143}
    assert len(list(tmp_path.glob("*.ended"))) == 2


@needs_forks
def test_a_nursery_that_is_killed_is_no_success(nursery, tmp_path):
    nursery.begin(waits_for_sigterm, (tmp_path,), 1)
    wait_until(lambda: list(tmp_path.glob("*.began")))
    os.kill(nursery._process.pid, signal.SIGKILL)
    os.kill(int(next(tmp_path.glob("*.began")).stem), signal.SIGTERM)  # a worker of a study sees it by itself
    assert wait_for(nursery).codes == {-9}


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no signal masks")
def test_a_ctrl_c_amid_its_start_leaves_no_nursery_behind(monkeypatch):
    real = BaseProcess.start

    def start(process) -> None:
        real(process)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(BaseProcess, "start", start)
    nursery = Nursery()
    with pytest.raises(KeyboardInterrupt, match=r"^$"), nursery:
        nursery.start()
    assert multiprocessing.active_children() == []


def test_stop_is_quick_while_the_nursery_imports_and_without_one():
    Nursery().stop()
    with Nursery() as nursery:
        nursery.import_(["torch"])
    assert nursery._process is None


@needs_forks
def test_importing_torch_starts_no_thread_and_every_worker_computes_in_parallel(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # numpy's, which know of forks
    with Nursery() as nursery:
        nursery.import_(["archsearch.study.network_runner", "archsearch.search.jobs"])
        assert nursery.ask(is_imported, "torch")
        assert len(list(Path(f"/proc/{nursery._process.pid}/task").iterdir())) == 1
        nursery.begin(computes, (2,), 2)
        assert wait_for(nursery) == WorkerExits(frozenset({0}), ((2, 1000.0),) * 2)


def computes(threads, said) -> None:
    import torch

    torch.set_num_threads(threads)
    x = torch.ones(1000, 1000, requires_grad=True)
    (x @ x).sum().backward()  # starts OpenMP's and autograd's threads
    said.put((torch.get_num_threads(), float((x.detach() @ x.detach())[0, 0])))


def test_a_bug_in_a_worker_is_its_code(nursery, capfd):
    nursery.begin(raises, (), 1)
    assert wait_for(nursery).codes == {1}
    assert "ValueError: a bug" in capfd.readouterr().err


@needs_forks
def test_workers_end_with_the_process_that_started_the_nursery(tmp_path):
    program = (
        "import pathlib, sys, time\n"
        "from archsearch.study.nursery import Nursery\n"
        "from tests.study.test_nursery import waits_for_sigterm\n"
        "nursery = Nursery()\n"
        "nursery.begin(waits_for_sigterm, (pathlib.Path(sys.argv[1]),), 2)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=Path(__file__).parents[2])
    wait_until(lambda: len(list(tmp_path.glob("*.began"))) == 2)
    process.kill()
    process.wait()
    wait_until(lambda: len(list(tmp_path.glob("*.ended"))) == 2)


def test_threads_of_this_process_are_no_matter(nursery):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert nursery.ask(len, "abc") == 3
    stop.set()
    thread.join()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no signal masks")
def test_a_process_started_deaf_stays_deaf_and_its_parent_hears_afterwards():
    with interruptible() as interruption:
        with _blocked(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
            out = subprocess.run([sys.executable, "-c", TELLS_WHAT_IS_BLOCKED], capture_output=True, check=True).stdout
        assert (out, interruption.signal_number) == (b"True\n", signal.SIGINT)
        interruption.acted = True
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@needs_forks
def test_who_asks_may_be_killed_before_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    nursery = Nursery(forks=True)
    nursery._send(_Ask(time.sleep, (0.5,)))
    process, pipe = nursery._process, nursery._pipe
    assert process is not None
    assert pipe is not None
    pipe.close()
    process.join(60)
    assert process.exitcode == 0
    assert capfd.readouterr().err == ""
