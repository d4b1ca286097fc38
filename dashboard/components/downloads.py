"""Scripts and styles of the components whose pictures can be downloaded as PNG, SVG and CSV."""

from __future__ import annotations

from dashboard.components.browser import source

SCRIPT = source("svg_pen.js", "downloads.js")
"""Goes before a component's own script; defines `svgPen` and `downloads`, see there."""

STYLE = source("downloads.css")
"""Goes before a component's own style; the class is `downloads`."""
