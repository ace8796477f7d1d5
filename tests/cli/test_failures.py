"""Every failure is one message and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer

from seqlstm.__main__ import main
from seqlstm.cli.console import show_summary
from seqlstm.cli.standard_streams import ClosedPipeError
from seqlstm.data.sources.errors import translate_errors
from seqlstm.errors import DataError, FileError, UserError
from seqlstm.runtime.signals import TerminatedError
from tests.runs import LANGUAGE_MODEL, invoke, refusal, write_recipe

ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    "OMP_NUM_THREADS": "1",
}


def shell(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script of bash; in it, `seqlstm` is the command and $1 … are the arguments."""
    function = f'seqlstm() {{ "{sys.executable}" -m seqlstm "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", function + script, "bash", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        timeout=300,
    )


class TestClosedStreams:
    @pytest.mark.parametrize(
        ("redirection", "reason"),
        [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
    )
    def test_results_that_cannot_be_written(self, redirection: str, reason: str) -> None:
        done = shell(f"seqlstm recipes show dates-en-de {redirection}")
        assert done.returncode == 2
        assert done.stderr == f"File error: standard output cannot be written: {reason}\n"

    def test_a_closed_input(self, translator: Path) -> None:
        done = shell('seqlstm tokenizer encode "$1" <&-', translator / "tokenizer.model")
        assert done.returncode == 2
        assert done.stderr == ("Data error: standard input cannot be read: Bad file descriptor\n")

    def test_closed_messages_change_nothing(self) -> None:
        assert shell("seqlstm recipes 2>&-").returncode == 0
        assert shell("seqlstm nonsense 2> /dev/full").returncode == 2

    def test_the_reader_of_messages_and_results_may_go(self) -> None:
        """Also of help, which Typer would end with exit code 1."""
        done = shell("set -o pipefail; seqlstm --help 2>&1 | true")
        assert (done.returncode, done.stderr) == (0, "")


class TestTraining:
    """A training goes on when nobody reads its messages, and its exit code stays the same."""

    OVERRIDES = "training.steps=8 training.save_every=4"

    @pytest.fixture
    def recipe(self, tmp_path: Path) -> Path:
        return write_recipe(tmp_path, LANGUAGE_MODEL)

    @pytest.mark.parametrize("redirection", ["2>&1 | head -1", ">&- 2>&-", "> /dev/full"])
    def test_it_goes_on(self, recipe: Path, redirection: str) -> None:
        script = f'set -o pipefail; seqlstm train "$1" {self.OVERRIDES} --run "$2" {redirection}'
        run = recipe.parent / "run"
        done = shell(script, recipe, run)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert (run / "checkpoint.pt").is_file()
        assert '"step": 8' in (run / "log.jsonl").read_text()

    def test_a_resumed_one_too(self, recipe: Path) -> None:
        run = recipe.parent / "run"
        assert invoke("train", recipe, *self.OVERRIDES.split(), "--run", run).exit_code == 0
        script = 'set -o pipefail; seqlstm train "$1" training.steps=12 --run "$2" --resume'
        done = shell(f"{script} 2>&1 | true", recipe, run)
        assert done.returncode == 0
        assert '"step": 12' in (run / "log.jsonl").read_text()


class TestSignals:
    @pytest.mark.parametrize(
        ("name", "end"), [("SIGINT", (130, "interrupted\n")), ("SIGTERM", (143, "terminated\n"))]
    )
    def test_while_the_command_is_imported(
        self, tmp_path: Path, name: str, end: tuple[int, str]
    ) -> None:
        """A module of the test stands for torch, and gets a signal inside its import."""
        (tmp_path / "torch.py").write_text(
            "import os, signal, time\n"
            f"try:\n    os.kill(os.getpid(), signal.{name})\n    time.sleep(60)\n"
            "except BaseException:\n    print('half a module')\n"
        )
        done = subprocess.run(
            [sys.executable, "-m", "seqlstm", "translate", "nowhere"],
            env=ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode, done.stderr, done.stdout) == (*end, "")

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [(KeyboardInterrupt, 130, "interrupted\n"), (TerminatedError, 143, "terminated\n")],
    )
    def test_while_the_commands_are_built(
        self,
        error: type[BaseException],
        code: int,
        message: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def build(*_: object) -> None:
            raise error

        monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its handlers
        monkeypatch.setattr("seqlstm.cli.app.main", build)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        assert capsys.readouterr().err == message

    def test_ctrl_c_in_a_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert failing_with(KeyboardInterrupt(), monkeypatch) == (130, "interrupted\n")

    @pytest.mark.parametrize(
        ("name", "end"), [("SIGINT", (130, "interrupted\n")), ("SIGTERM", (143, "terminated\n"))]
    )
    @pytest.mark.parametrize("importing", [False, True])
    def test_before_training_nothing_is_left(
        self, tmp_path: Path, name: str, end: tuple[int, str], *, importing: bool
    ) -> None:
        recipe = write_recipe(tmp_path, LANGUAGE_MODEL)
        send = f"os.kill(os.getpid(), signal.{name})"
        (tmp_path / "end.py").write_text(f"import os, signal\n{send}\n")
        script = (
            "import os, signal\n"
            "from seqlstm.__main__ import main\n"
            "from seqlstm.recipe import train\n"
            "def read_corpus(*_):\n"
            "    assert os.path.exists('run/seqlstm.lock')\n"
            f"    {'import end' if importing else send}\n"
            "train.read_corpus = read_corpus\n"
            "main()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "train", recipe, "--run", "run"],
            env=ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == end[0], done.stderr
        first, last = done.stderr.splitlines(keepends=True)
        assert first.startswith("reading ")
        assert last == end[1]
        assert not (tmp_path / "run").exists()

    def test_sigterm_while_a_command_waits(self, translator: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "seqlstm", "translate", translator],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"\n"
            process.send_signal(signal.SIGTERM)
            assert process.stderr
            assert process.stderr.read() == b"terminated\n"
        assert process.returncode == 143


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and standard error of a command in which an exception is raised."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("seqlstm.recipe.cells.describe", fail)
    monkeypatch.setattr("seqlstm.cli.commands.cells.describe", fail)
    result = invoke("cells", "--kind", "lstm")
    return result.exit_code, result.stderr


class TestMemory:
    def test_an_allocation_by_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(RuntimeError) as raised:
            torch.empty(2**60, dtype=torch.uint8)
        code, message = failing_with(raised.value, monkeypatch)
        assert code == 1
        assert message.startswith("Memory error: out of memory: ")
        assert "smaller batch" in message

    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
            RuntimeError("can't start new thread"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_kinds(self, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        code, message = failing_with(error, monkeypatch)
        assert code == 1
        assert message.startswith("Memory error: out of memory: ")

    def test_a_limited_address_space(self, translator: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "seqlstm", "translate", translator],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28)),
        )
        assert done.returncode == 1
        assert done.stderr.startswith("Memory error: out of memory: ")
        assert "Traceback" not in done.stderr


class TestFaults:
    def test_the_traceback_is_in_a_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        code, message = failing_with(KeyError("state\x1b[1m\nmore"), monkeypatch)
        (file,) = tmp_path.iterdir()
        assert code == 1
        assert message == (
            "Internal error: KeyError: 'state\\x1b[1m\\nmore'\n"
            f"This is a fault of seqlstm. Please report it with {file}.\n"
        )
        assert "in fail\n    raise error" in file.read_text()

    def test_or_on_standard_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEQLSTM_TRACEBACK", "1")
        code, message = failing_with(AssertionError("batch"), monkeypatch)
        assert code == 1
        assert "Traceback (most recent call last)" in message
        assert "Internal error: AssertionError: batch" in message


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("wrong"), 2, "Data error: wrong\n"),
        (OSError(errno.EACCES, "Permission denied", "x"), 2, "File error: x: Permission denied\n"),
        (OSError(errno.EROFS, "Read-only file system"), 2, "File error: Read-only file system\n"),
        (ValueError("embedded null byte"), 2, "Argument error: the name of a file contains a zero"),
        (typer.Abort(), 130, "interrupted\n"),
    ],
    ids=str,
)
def test_exit_codes(
    error: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, shown = failing_with(error, monkeypatch)
    assert found == code
    assert shown.startswith(message)


@pytest.mark.parametrize("cache", ["/dev/null/datasets", "/proc/none/datasets"])
def test_a_cache_that_cannot_be_written(cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    message = "the cache of data sets cannot be written: /"
    with pytest.raises(DataError, match=message) as caught, translate_errors('"owner/name"'):
        Path(cache).mkdir(parents=True)
    assert "Set HF_HOME to a folder that can be written." in str(caught.value)


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        *([command, LONG] for command in ("info", "translate", "generate", "score", "check")),
        *(["check", name] for name in ("~nobody9/x", ".", "/dev/zero")),
        *(["info", name] for name in ("~nobody9/x", "/dev/null", "/dev/zero")),
        *(["check", "dates-en-de", f"data.source={name}"] for name in (LONG, "~nobody9/x")),
        ["train", "dates-en-de", "--run", "/dev/null"],
        ["train", "dates-en-de", "--run", LONG],
        ["tokenizer", "encode", LONG],
        ["tokenizer", "encode", "."],
        ["sweep", "~nobody9/x"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_what_is_no_such_file(arguments: list[str]) -> None:
    assert refusal(*arguments, text="").count("error: ") == 1


def test_a_named_pipe_where_a_file_is_meant(tmp_path: Path, language_model: Path) -> None:
    """It is refused, and never opened: reading from it would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no run folder" in refusal("info", pipe)
    assert "no recipe" in refusal("check", pipe)
    assert "not a folder" in refusal("train", "dates-en-de", "--run", pipe)
    assert "not a regular file" in refusal("info", language_model, "--plot", pipe)
    assert "no tokenizer" in refusal("check", "dates-en-de", f'tokenizer={{file="{pipe}"}}')
    state = pipe.rename(tmp_path / "pipe.state")
    session = load_state(language_model)
    with pytest.raises(UserError, match="is no regular file"):
        session(state)


def load_state(run: Path) -> Callable[[Path], object]:
    """The function behind /load."""
    import seqlstm

    loaded = seqlstm.load(run, device="cpu")
    return loaded.restore  # type: ignore[union-attr]


def test_a_closed_pipe_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlstm.cli.failures.discard", lambda stream: None)
    assert failing_with(ClosedPipeError(), monkeypatch) == (0, "")


@pytest.mark.parametrize(
    ("error", "message"),
    [(ClosedPipeError(), ""), (FileError("standard output is full"), "warning: standard output")],
)
def test_a_summary_that_cannot_be_written(
    error: Exception,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After a training or a sweep: its files are written, and its exit code stays the same."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("seqlstm.cli.console.out.print", fail)
    monkeypatch.setattr("seqlstm.cli.console.discard", lambda stream: None)
    show_summary("summary")
    assert capsys.readouterr().err.startswith(message)
