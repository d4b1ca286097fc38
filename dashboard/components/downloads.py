"""Scripts and styles of the components whose pictures can be downloaded as PNG, SVG and CSV."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__)

SCRIPT = "\n".join(_HERE.with_name(name).read_text(encoding="utf-8") for name in ("svg_pen.js", "downloads.js"))
"""Goes before a component's own script; defines `svgPen` and `downloads`, see there."""

STYLE = _HERE.with_suffix(".css").read_text(encoding="utf-8")
"""Goes before a component's own style; the class is `downloads`."""
