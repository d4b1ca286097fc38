"""Videos that come with a dataset: kept beside its arrays, so that nothing depends on where they came from."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from safemil_core.data.intake.confined import UNPACKED
from safemil_core.data.recording import About
from safemil_core.data.storage import about_json
from safemil_core.data.storage.build import Built
from safemil_core.errors import InvalidDataset


def with_videos(built: Built, folder: Path, most_bytes: int) -> Built:
    """With the videos of its clips in its folder, and without what was unpacked to read it."""
    about = keep_videos(built.about, folder, most_bytes)
    shutil.rmtree(folder / UNPACKED, ignore_errors=True)
    (folder / "about.json").write_text(about_json.to_json(about))
    return replace(built, about=about)


def keep_videos(about: About, folder: Path, most_bytes: int) -> About:
    """Copy the files of all clips into a dataset's folder; the clips then name them within it.

    What lies beside or within the folder is ours and is linked: a dataset, which nobody writes to any more, or what was
    just unpacked. All else is copied, as whoever rewrites it would change what is kept.

    Args:
        about: whose clips have full paths.
        folder: of the dataset.
        most_bytes: of all videos together.

    Raises:
        InvalidDataset: a file is gone, no plain file, or there is too much of them.
    """
    kept: dict[str, str] = {}
    left = most_bytes
    for source in dict.fromkeys(clip.file for clip in about.clips.values()):
        path, name = Path(source), f"video-{len(kept):03d}.mp4"
        if path.is_symlink() or not path.is_file():
            raise InvalidDataset(f"the video {path.name} is not there; bring it along or leave the videos out")
        left -= path.stat().st_size
        if left < 0:
            raise InvalidDataset(f"the videos are larger than {most_bytes / 2**30:,.1f} GiB; leave them out")
        if not (path.is_relative_to(folder.parent) and _linked(path, folder / name)):
            shutil.copyfile(path, folder / name)
        kept[source] = name
    return replace(about, clips={t: replace(clip, file=kept[clip.file]) for t, clip in about.clips.items()})


def _linked(path: Path, to: Path) -> bool:
    try:
        os.link(path, to)
    except OSError:
        return False
    return True


def placed(about: About, folder: Path) -> About:
    """`about` of a dataset, its clips with full paths."""
    clips = {t: replace(clip, file=str(folder / clip.file)) for t, clip in about.clips.items()}
    return replace(about, clips=clips)
