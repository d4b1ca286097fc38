"""A video over a timeline of costs, in step with each other: playing moves the cursor, a click on either seeks.

All of it happens in the browser; Python only hands over the data. `data.key` tells one video from the next.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from safemil_core.assessment.replays import Replay


@dataclass(frozen=True)
class Curve:
    """One value per step, drawn under the video."""

    name: str
    values: np.ndarray
    """[T]"""
    colour: str
    is_filled: bool = False


_HTML = """
<div class="replay">
  <div class="screen"><video playsinline muted preload="auto"></video><div class="waiting"></div></div>
  <div class="bar">
    <button class="play" type="button" aria-label="Play"></button>
    <select class="rate" aria-label="Speed">
      <option value="0.25">¼×</option><option value="0.5">½×</option><option value="1" selected>1×</option>
      <option value="2">2×</option><option value="4">4×</option>
    </select>
    <span class="values"></span>
  </div>
  <canvas tabindex="0" role="slider" aria-label="Step"></canvas>
</div>
"""

_CSS = """
.replay { display: flex; flex-direction: column; gap: .4rem; font-family: var(--st-font); font-size: .85rem;
  color: var(--st-text-color); }
.screen { position: relative; aspect-ratio: 4 / 3; overflow: hidden; border-radius: var(--st-base-radius);
  background: var(--st-secondary-background-color); }
video { width: 100%; height: 100%; object-fit: contain; display: block; }
.waiting { position: absolute; inset: 0; display: grid; place-items: center; padding: 1rem; text-align: center;
  background: linear-gradient(100deg, transparent 30%, var(--st-border-color) 50%, transparent 70%) 0 0 / 250% 100%;
  animation: sweep 1.8s linear infinite; }
.waiting.still { animation: none; background: none; }
.waiting:empty { display: none; }
@keyframes sweep { from { background-position: 150% 0; } to { background-position: -100% 0; } }
@media (prefers-reduced-motion: reduce) { .waiting { animation: none; } }
.bar { display: flex; gap: .5rem; align-items: center; min-height: 1.9rem; }
button, select { font: inherit; color: inherit; background: var(--st-secondary-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: .15rem .6rem; }
button:disabled { opacity: .4; cursor: default; }
.play { min-width: 2.4rem; }
.values { margin-left: auto; text-align: right; font-variant-numeric: tabular-nums; }
.values i { display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin: 0 .3em 0 .8em; }
canvas { width: 100%; height: 92px; cursor: crosshair; touch-action: none; box-sizing: border-box;
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
canvas:focus-visible, button:focus-visible, select:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

_JS = r"""
export default function ({ data, parentElement }) {
  // Called again on every rerun with fresh data: one instance lives on the element, so that the video goes on.
  const own = (parentElement.__replay ??= begin(parentElement));
  clearTimeout(own.leaving);
  own.show(data);
  // A busy page may end and begin the same element anew: the film goes on. Another one is ended.
  return () => { own.leaving = setTimeout(() => { own.end(); parentElement.__replay = null; }, 3000); };
}

function begin(root) {
  const find = (selector) => root.querySelector(selector);
  const video = find("video"), canvas = find("canvas"), play = find(".play"), waiting = find(".waiting");
  let data = { key: null, steps: 1, stride: 1, fps: 20, curves: [] };
  let url = null, step = 0, frame = 0, isDragging = false;

  const clamp = (value) => Math.max(0, Math.min(data.steps - 1, value));
  const nFrames = () => Math.ceil(data.steps / data.stride);

  function seek(wanted) {
    step = clamp(wanted);
    // The middle of a frame: at its edge, rounding would show the one before.
    if (data.video) video.currentTime = (Math.min(nFrames() - 1, Math.round(step / data.stride)) + 0.5) / data.fps;
    draw();
  }

  function follow() {
    const now = Math.floor(video.currentTime * data.fps + 1e-4);
    step = clamp(video.paused ? now * data.stride : Math.round((video.currentTime * data.fps - 0.5) * data.stride));
    draw();
  }

  function loop() {
    follow();
    frame = video.paused ? 0 : requestAnimationFrame(loop);
  }

  function draw() {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = (i) => (i / data.steps) * width, y = (share) => height - 3 - share * (height - 12);
    for (const curve of data.curves) {
      pen.beginPath();
      curve.values.forEach((value, i) => {
        pen.lineTo(x(i), y(value / curve.top));
        pen.lineTo(x(i + 1), y(value / curve.top));
      });
      pen.strokeStyle = pen.fillStyle = curve.colour;
      if (curve.filled) {
        pen.lineTo(width, y(0));
        pen.lineTo(0, y(0));
        pen.globalAlpha = 0.45;
        pen.fill();
      } else {
        pen.lineWidth = 1.6;
        pen.stroke();
      }
      pen.globalAlpha = 1;
    }
    const at = x(step + 0.5);
    pen.strokeStyle = style.getPropertyValue("--st-text-color") || "#888";
    pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(at, 0); pen.lineTo(at, height); pen.stroke();
    canvas.dataset.step = step;
    canvas.setAttribute("aria-valuemin", 0);
    canvas.setAttribute("aria-valuemax", data.steps - 1);
    canvas.setAttribute("aria-valuenow", step);
    write();
  }

  function write() {
    const values = find(".values");
    values.replaceChildren(`step ${step} of ${data.steps - 1}`);
    for (const curve of data.curves) {
      const dot = document.createElement("i");
      dot.style.background = curve.colour;
      values.append(dot, `${curve.name} ${curve.values[step].toFixed(2)}`);
    }
  }

  function load() {
    if (url) URL.revokeObjectURL(url);
    url = null;
    video.pause();
    if (data.video) {
      const bytes = Uint8Array.from(atob(data.video), (character) => character.charCodeAt(0));
      url = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
      video.src = url;
    } else {
      video.removeAttribute("src");
      video.load();
    }
    seek(0);
  }

  const toStep = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / box.width) * data.steps);
  };
  const toggle = () => (video.paused ? video.play() : video.pause());
  const sign = () => { play.textContent = video.paused ? "▶" : "❚❚"; };

  video.addEventListener("play", () => { sign(); if (!frame) loop(); });
  video.addEventListener("pause", () => { sign(); draw(); });
  video.addEventListener("ended", () => { step = data.steps - 1; draw(); });
  video.addEventListener("click", () => data.video && toggle());
  play.addEventListener("click", toggle);
  find(".rate").addEventListener("change", (event) => { video.playbackRate = Number(event.target.value); });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    isDragging = true;
    video.pause();
    seek(toStep(event));
  });
  canvas.addEventListener("pointermove", (event) => isDragging && seek(toStep(event)));
  canvas.addEventListener("pointerup", () => { isDragging = false; });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") seek(step - data.stride);
    else if (event.key === "ArrowRight") seek(step + data.stride);
    else if (event.key === " " && data.video) toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const resize = new ResizeObserver(draw);
  resize.observe(canvas);
  sign();

  return {
    leaving: 0,
    show(fresh) {
      const isNew = fresh.key !== data.key || Boolean(fresh.video) !== Boolean(data.video);
      data = fresh;
      waiting.textContent = data.video ? "" : data.message;
      waiting.classList.toggle("still", !data.busy);
      play.disabled = !data.video;
      isNew ? load() : draw();
    },
    end() {
      cancelAnimationFrame(frame);
      resize.disconnect();
      video.pause();
      if (url) URL.revokeObjectURL(url);
    },
  };
}
"""

_replay = st.components.v2.component("safemil_replay", html=_HTML, css=_CSS, js=_JS)


def replay_with_timeline(
    name: str,
    replay: Replay | None,
    curves: Sequence[Curve],
    n_steps: int,
    *,
    key: str,
    message: str = "",
    is_busy: bool = True,
) -> None:
    """Show a replay over its curves.

    Args:
        name: changes exactly when another trajectory is shown; the video then starts anew.
        replay: None shows `message` in its place, with a sweep of light while `is_busy`.
        curves: values `[n_steps]` each.
        n_steps: steps of the trajectory.
        key: the component's identity on the page.
        message: what is shown while there is no video.
        is_busy: whether a video can be expected soon.
    """
    _replay(
        key=key,
        data={
            "key": name,
            "video": None if replay is None else base64.b64encode(replay.video).decode(),
            "fps": 20.0 if replay is None else replay.fps,
            "stride": 1 if replay is None else replay.stride,
            "steps": n_steps,
            "curves": [_curve(curve) for curve in curves],
            "message": message,
            "busy": is_busy,
        },
        height="content",
    )


def _curve(curve: Curve) -> dict[str, object]:
    """As the browser draws it: costs reach to 1 at least, so that a curve of noise does not fill the canvas."""
    return {
        "name": curve.name,
        "values": np.round(curve.values.astype(np.float64), 4).tolist(),
        "top": max(1.0, float(curve.values.max())),
        "colour": curve.colour,
        "filled": curve.is_filled,
    }
