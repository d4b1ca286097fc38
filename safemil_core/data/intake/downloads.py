"""Public datasets by name, over HTTP: what belongs to a name, and files fetched so that a broken line costs nothing.

Only names lead to addresses, never a user's URL. What is fetched is checked like any other file (`confined`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests

from safemil_core.errors import DownloadFailed, NotFound

MINARI_HUB = "https://huggingface.co"
MINARI_OWNER = "farama-minari"
MINARI_PROOF = {"data/metadata.json", "data/main_data.hdf5"}
"""A folder with either is a dataset; others are groups of them."""
TIMEOUT_S = 30.0
"""Without a byte from the server."""
ATTEMPTS = 5
_BLOCK = 2**20
_AT_ONCE = 2**16
"""Bytes taken from the line at once: what of them has come when it breaks is lost."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,4}")

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes fetched so far and their number in the end, where it is known."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a public dataset."""

    url: str
    path: str
    """Where it belongs within the download's folder."""
    size: int | None = None
    """Bytes, where the server's listing says it."""
    sha256: str | None = None
    git_blob: str | None = None
    """SHA-1 as git counts it, which hubs give for small files."""


def dsrl_file(name: str, urls: dict[str, str]) -> RemoteFile:
    """The one file of a DSRL dataset.

    Args:
        name: as DSRL calls it (CarCircle), or its environment (OfflineCarCircle-v0).
        urls: `dsrl.infos.DATASET_URLS`. SAFEMIL_DSRL_MIRROR names another server with the same files.

    Raises:
        NotFound: DSRL has no such dataset.
    """
    short = re.sub(r"^Offline|(Gymnasium)?-v\d+$", "", name)
    if short not in urls:
        raise NotFound(f"DSRL has no dataset {name!r}; it has {', '.join(sorted(urls))}")
    url, mirror = urls[short], os.environ.get("SAFEMIL_DSRL_MIRROR")
    path = urlsplit(url).path
    return RemoteFile(mirror.rstrip("/") + path if mirror else url, path.rsplit("/", 1)[-1])


def minari_files(name: str) -> list[RemoteFile]:
    """The files of a Minari dataset, for example `D4RL/door/human-v2`, with the checksums that its hub states.

    SAFEMIL_MINARI_HUB names another server with the Hugging Face Hub's interface.

    Raises:
        NotFound: the hub has no such dataset.
        DownloadFailed: the hub does not answer, or not with a list of files.
    """
    if not _NAME.fullmatch(name) or "/" not in name:
        raise NotFound(f"{name!r} is no name of a Minari dataset; they look like D4RL/door/human-v2")
    hub = (os.environ.get("SAFEMIL_MINARI_HUB") or MINARI_HUB).rstrip("/")
    repository, _, folder = name.partition("/")
    files: list[RemoteFile] = []
    page: str | None = f"{hub}/api/datasets/{MINARI_OWNER}/{repository}/tree/main/{folder}?recursive=true"
    while page is not None:
        answer = _get(page)
        if answer.status_code in (401, 404):
            raise NotFound(f"there is no Minari dataset {name!r} at {urlsplit(hub).netloc}")
        if not answer.ok:
            raise DownloadFailed(f"{urlsplit(hub).netloc} answers {answer.status_code}; try again later")
        try:
            entries = answer.json()
            files += [_minari_file(hub, repository, folder, entry) for entry in entries if entry["type"] == "file"]
        except (ValueError, TypeError, KeyError):  # an error, or the page of a hotel that wants a login
            raise DownloadFailed(
                f"{urlsplit(hub).netloc} answers with something else than a list of files; open {page} in a browser to"
                " see what, then try again"
            ) from None
        following = answer.links.get("next", {}).get("url")
        page = following if following and following.startswith(f"{hub}/") else None
    paths = {file.path for file in files}
    if not paths & MINARI_PROOF:
        below = sorted({path.rsplit("/data/", 1)[0] for path in paths if path.endswith(tuple(MINARI_PROOF))})
        choices = f"; there are {', '.join(f'{name}/{version}' for version in below[:20])}" if below else ""
        raise NotFound(f"there is no Minari dataset {name!r} at {urlsplit(hub).netloc}{choices}")
    return files


def fetch(files: list[RemoteFile], folder: Path, on_bytes: OnBytes = lambda done, total: None) -> None:
    """Have all files in a folder: what is there already is kept if it is what the server states, what was begun goes
    on where it stopped.

    Raises:
        DownloadFailed: the server, the line or the disk fails, or a file is not what its checksum says. What was
            fetched stays for the next attempt, except for a file that is wrong.
    """
    sizes = [file.size for file in files]
    total = sum(sizes) if None not in sizes else None  # type: ignore[arg-type]
    if total is not None and total > shutil.disk_usage(folder).free:
        raise DownloadFailed(f"{total >> 20} MiB are to be fetched and the disk has less; free some space")
    done = 0
    for file in files:
        target = (folder / file.path).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise DownloadFailed(f"the server names a file {file.path!r} outside its folder; do not use this server")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and _fault(file, target) is not None:  # since the last attempt the server has another one
            target.unlink()
        if not target.exists():
            _fetch_one(file, target, lambda n, size, before=done: on_bytes(before + n, total or size))  # type: ignore[misc]
        done += target.stat().st_size
        on_bytes(done, total)


def _fetch_one(file: RemoteFile, target: Path, on_bytes: OnBytes) -> None:
    part = target.with_name(f"{target.name}.part")
    for attempt in range(1, ATTEMPTS + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            _continue(file, part, on_bytes)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as problem:
            grew = part.exists() and part.stat().st_size > before
            if attempt == ATTEMPTS:
                host = urlsplit(file.url).netloc
                raise DownloadFailed(
                    f"the line to {host} broke {ATTEMPTS} times ({type(problem).__name__}); start again to go on"
                ) from None
            time.sleep(0.0 if grew else 0.5 * 2**attempt)
        except requests.RequestException as problem:  # no address, one that leads nowhere, or in a circle
            raise _failed(file.url, problem) from None
    _check(file, part)
    part.replace(target)


def _continue(file: RemoteFile, part: Path, on_bytes: OnBytes) -> None:
    """Append what is missing of a file; a server that has another file by now gives it from the start."""
    tag_file = part.with_name(f"{part.name}.tag")
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have and tag_file.exists():
        headers |= {"Range": f"bytes={have}-", "If-Range": tag_file.read_text()}
    with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        if answer.status_code == 416 and have:  # all of it is here
            return
        if not answer.ok:
            raise DownloadFailed(f"{urlsplit(file.url).netloc} answers {answer.status_code} for {file.path}")
        goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        length = answer.headers.get("Content-Length")
        size = have + int(length) if length and length.isdecimal() else file.size
        tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        tag_file.write_text(tag) if tag and not tag.startswith("W/") else tag_file.unlink(missing_ok=True)
        with part.open("ab" if goes_on else "wb") as output:
            for block in answer.iter_content(_AT_ONCE):
                output.write(block)
                have += len(block)
                on_bytes(have, size)
                if file.size is not None and have > file.size:
                    return  # `_check` refuses it
    if size is not None and have < size:
        raise requests.ConnectionError("the answer ended early")


def _check(file: RemoteFile, part: Path) -> None:
    part.with_name(f"{part.name}.tag").unlink(missing_ok=True)
    if (fault := _fault(file, part)) is not None:
        part.unlink()
        raise DownloadFailed(f"{file.path} {fault}; it was thrown away, start again")


def _fault(file: RemoteFile, path: Path) -> str | None:
    """In what a file differs from what the server states of it."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes instead of {file.size}"
    if file.sha256 is not None and _digest(path, hashlib.sha256()) != file.sha256:
        return "does not have the SHA-256 that the server states"
    # Git's own name for a blob; not a protection against an attacker who controls the hub.
    sha1 = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    if file.git_blob is not None and _digest(path, sha1) != file.git_blob:
        return "does not have the checksum that the server states"
    return None


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _minari_file(hub: str, repository: str, folder: str, entry: dict[str, object]) -> RemoteFile:
    path = str(entry["path"])
    large = entry.get("lfs")
    return RemoteFile(
        url=f"{hub}/datasets/{MINARI_OWNER}/{repository}/resolve/main/{quote(path)}",
        path=path.removeprefix(f"{folder}/"),
        size=int(str(entry["size"])),
        sha256=str(large["oid"]) if isinstance(large, dict) else None,
        git_blob=None if isinstance(large, dict) else str(entry["oid"]),
    )


def _get(url: str) -> requests.Response:
    try:
        return requests.get(url, timeout=TIMEOUT_S)
    except requests.RequestException as problem:
        raise _failed(url, problem) from None


def _failed(url: str, problem: requests.RequestException) -> DownloadFailed:
    if isinstance(problem, (requests.ConnectionError, requests.Timeout)):
        return DownloadFailed(f"{urlsplit(url).netloc} does not answer ({type(problem).__name__}); try again later")
    return DownloadFailed(
        f"{url} cannot be fetched ({type(problem).__name__}); check the address, and SAFEMIL_MINARI_HUB or"
        " SAFEMIL_DSRL_MIRROR if you have set them"
    )
