"""Downloads against a local server that breaks off, lies, resumes or does not know ranges."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from safemil_core.data.intake import downloads
from safemil_core.data.intake.downloads import RemoteFile, dsrl_file, fetch, minari_files
from safemil_core.errors import DownloadFailed, NotFound

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Files by path, and how the server misbehaves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks_after: list[int | None] = []
        """For each coming answer: after how many bytes of it the line breaks; None is whole."""
        self.knows_ranges = True
        self.tag = '"one"'
        self.leads_to: str | None = None
        """Where it sends everybody."""
        self.asked: list[tuple[str, str | None]] = []
        """Path and Range header of every request."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, wanted = request.path.partition("?")[0], request.headers.get("Range")
        self.asked.append((path, wanted))
        content = self.files.get(path)
        if self.leads_to is not None:
            request.send_response(302)
            request.send_header("Location", self.leads_to)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if content is None:
            request.send_error(404)
            return
        first = 0
        if wanted and self.knows_ranges and request.headers.get("If-Range") == self.tag:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - first))
        request.send_header("ETag", self.tag)
        request.end_headers()
        after = self.breaks_after.pop(0) if self.breaks_after else None
        with suppress(ConnectionError):  # who has heard enough hangs up
            request.wfile.write(content[first:] if after is None else content[first : first + after])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloads.time, "sleep", lambda _: None)
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def file(server: Server) -> RemoteFile:
    server.files["/big.hdf5"] = CONTENT
    return RemoteFile(f"{server.url}/big.hdf5", "big.hdf5", len(CONTENT), SHA256)


def test_a_file_arrives_whole_and_says_how_far_it_is(file: RemoteFile, tmp_path: Path) -> None:
    heard: list[tuple[int, int | None]] = []
    fetch([file], tmp_path, lambda done, total: heard.append((done, total)))
    assert (tmp_path / "big.hdf5").read_bytes() == CONTENT
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert [path.name for path in tmp_path.iterdir()] == ["big.hdf5"]


def test_a_broken_line_goes_on_where_it_stopped(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    server.breaks_after = [1_000_000, 500_000]
    fetch([file], tmp_path)
    assert (tmp_path / "big.hdf5").read_bytes() == CONTENT
    ranges = [wanted for _, wanted in server.asked]
    assert ranges[0] is None
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in ranges[1:] if wanted]
    assert len(starts) == 2
    assert 0 < starts[0] <= 1_000_000 < starts[1] <= 1_500_000


def test_a_later_attempt_goes_on_too(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    server.breaks_after = [300_000] * downloads.ATTEMPTS
    with pytest.raises(DownloadFailed, match="broke 5 times"):
        fetch([file], tmp_path)
    assert not (tmp_path / "big.hdf5").exists()
    have = (tmp_path / "big.hdf5.part").stat().st_size
    assert have > 1_000_000
    fetch([file], tmp_path)
    assert (tmp_path / "big.hdf5").read_bytes() == CONTENT
    assert server.asked[-1][1] == f"bytes={have}-"


def test_what_is_there_is_not_fetched_again(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    fetch([file], tmp_path)
    fetch([file], tmp_path)
    assert len(server.asked) == 1


def test_what_is_there_and_is_not_what_the_server_states_now_is_fetched_again(
    server: Server, file: RemoteFile, tmp_path: Path
) -> None:
    fetch([file], tmp_path)
    server.files["/big.hdf5"] = content = CONTENT[::-1]
    fetch([replace(file, sha256=hashlib.sha256(content).hexdigest())], tmp_path)
    assert (tmp_path / "big.hdf5").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["big.hdf5"]


def test_a_server_that_changed_its_file_gives_it_from_the_start(
    server: Server, file: RemoteFile, tmp_path: Path
) -> None:
    server.breaks_after = [300_000] * downloads.ATTEMPTS
    with pytest.raises(DownloadFailed):
        fetch([file], tmp_path)
    server.tag = '"two"'
    fetch([file], tmp_path)
    assert (tmp_path / "big.hdf5").read_bytes() == CONTENT


def test_a_server_without_ranges_works(server: Server, file: RemoteFile, tmp_path: Path) -> None:
    server.knows_ranges, server.breaks_after = False, [1_000_000]
    fetch([file], tmp_path)
    assert (tmp_path / "big.hdf5").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"size": 7}, "bytes instead of 7"),
        ({"sha256": None, "git_blob": "0" * 40}, "checksum"),
    ],
)
def test_a_wrong_file_is_thrown_away(file: RemoteFile, tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(DownloadFailed, match=words):
        fetch([RemoteFile(**{**file.__dict__, **changes})], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_leads_outside_is_refused(file: RemoteFile, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="outside its folder"):
        fetch([RemoteFile(file.url, "../out.hdf5")], tmp_path)


def test_a_missing_file_is_said(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="answers 404 for gone"):
        fetch([RemoteFile(f"{server.url}/gone", "gone")], tmp_path)


URLS = {"CarCircle": "http://data.example/download/SafetyCarCircle-v0-100-1450.hdf5"}


@pytest.mark.parametrize("name", ["CarCircle", "OfflineCarCircle-v0", "OfflineCarCircleGymnasium-v0"])
def test_dsrl_names_lead_to_their_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dsrl_file(name, URLS) == RemoteFile(URLS["CarCircle"], "SafetyCarCircle-v0-100-1450.hdf5")
    monkeypatch.setenv("SAFEMIL_DSRL_MIRROR", "http://mirror.example/dsrl/")
    assert dsrl_file(name, URLS).url == "http://mirror.example/dsrl/download/SafetyCarCircle-v0-100-1450.hdf5"


def test_an_unknown_dsrl_name_is_told_the_known_ones() -> None:
    with pytest.raises(NotFound, match="no dataset 'Bike'; it has CarCircle"):
        dsrl_file("Bike", URLS)


def test_a_minari_dataset_is_its_files_with_their_checksums(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    small = b'{"total_episodes": 1}'
    blob = hashlib.sha1(b"blob %d\0" % len(small) + small).hexdigest()
    data = "door/human-v2/data"
    server.files["/api/datasets/farama-minari/D4RL/tree/main/door/human-v2"] = json.dumps(
        [
            {"type": "directory", "path": data, "size": 0, "oid": "x"},
            {"type": "file", "path": f"{data}/metadata.json", "size": len(small), "oid": blob},
            {
                "type": "file",
                "path": f"{data}/main_data.hdf5",
                "size": len(CONTENT),
                "oid": "y",
                "lfs": {"oid": SHA256, "size": len(CONTENT)},
            },
        ]
    ).encode()
    base = f"/datasets/farama-minari/D4RL/resolve/main/{data}"
    server.files |= {f"{base}/metadata.json": small, f"{base}/main_data.hdf5": CONTENT}
    files = minari_files("D4RL/door/human-v2")
    assert [(file.path, file.sha256) for file in files] == [
        ("data/metadata.json", None), ("data/main_data.hdf5", SHA256),
    ]  # fmt: skip
    fetch(files, tmp_path)
    assert (tmp_path / "data" / "metadata.json").read_bytes() == small
    assert (tmp_path / "data" / "main_data.hdf5").read_bytes() == CONTENT


TREE = "/api/datasets/farama-minari/D4RL/tree/main/door"


def test_a_group_of_minari_datasets_is_none_but_names_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    names = ["door/namespace_metadata.json", *(f"door/{v}/data/metadata.json" for v in ("human-v2", "cloned-v2"))]
    server.files[TREE] = json.dumps([{"type": "file", "path": name, "size": 5, "oid": "0"} for name in names]).encode()
    with pytest.raises(
        NotFound, match=r"no Minari dataset 'D4RL/door' .*; there are D4RL/door/cloned-v2, D4RL/door/hum"
    ):
        minari_files("D4RL/door")


@pytest.mark.parametrize(
    "answer", [b"<html>Welcome to the hotel</html>", b'{"error": "busy"}', b"[3]", b'[{"type": "file"}]', b"null"]
)
def test_an_answer_that_lists_no_files_is_said(server: Server, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    server.files[TREE] = answer
    with pytest.raises(DownloadFailed, match=r"^127\.0\.0\.1:\d+ answers with something else than a list of files"):
        minari_files("D4RL/door")


@pytest.mark.parametrize("url", ["mirror/files/a", "http://[bad/a", "ftp://there/a"])
def test_an_address_that_is_none_is_said(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadFailed, match=r"cannot be fetched \(\w+\); check the address"):
        fetch([RemoteFile(url, "a")], tmp_path)
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", url)
    with pytest.raises(DownloadFailed, match=r"cannot be fetched \(\w+\); check the address"):
        minari_files("D4RL/door")


def test_a_server_that_sends_in_circles_is_said(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.leads_to = f"{server.url}/circle"
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    for ask in (lambda: minari_files("D4RL/door"), lambda: fetch([RemoteFile(f"{server.url}/a", "a")], tmp_path)):
        with pytest.raises(DownloadFailed, match=r"cannot be fetched \(TooManyRedirects\); check the address"):
            ask()


@pytest.mark.parametrize("name", ["../../etc", "D4RL", "D4RL/../secret", "a//b", "D4RL/door?x=1", ""])
def test_what_is_no_minari_name_is_refused_unasked(name: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    with pytest.raises(NotFound, match="no name of a Minari dataset"):
        minari_files(name)
    assert server.asked == []


def test_an_unknown_minari_name_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", server.url)
    with pytest.raises(NotFound, match=r"no Minari dataset .D4RL/none-v0. at 127\.0\.0\.1"):
        minari_files("D4RL/none-v0")


def test_a_server_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEMIL_MINARI_HUB", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1:9 does not answer"):
        minari_files("D4RL/door/human-v2")
