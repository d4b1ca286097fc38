"""What components of the dashboard have in common, in a browser without one: how long they live, numbers and axes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from dashboard.components.browser import source

_INSTANCES = """
  window.events = [];
  window.holder = {};
  let n = 0;
  const begin = () => {
    const name = ++n;
    events.push(`begin ${name}`);
    return { name, end: () => events.push(`end ${name}`) };
  };
  window.show = () => lifetime(holder, "it", begin, (own) => events.push(`show ${own.name}`));
"""


@pytest.fixture
def instances(page: Page) -> Page:
    """Where `show()` shows a component, and gives what ends it; time stands still until a test lets it pass."""
    page.clock.install()
    page.set_content("<body></body>")
    page.evaluate(f"() => {{ {source('component.js')} {_INSTANCES} }}")
    return page


def test_an_instance_outlives_an_end_that_a_new_beginning_follows(instances: Page) -> None:
    instances.evaluate("() => { show()(); }")
    instances.clock.run_for(2900)
    instances.evaluate("() => { window.leave = show(); }")
    instances.clock.run_for(10_000)
    assert instances.evaluate("events") == ["begin 1", "show 1", "show 1"]
    instances.evaluate("() => { leave(); }")
    instances.clock.run_for(3000)
    assert instances.evaluate("events.at(-1)") == "end 1"
    instances.evaluate("() => { show(); }")
    assert instances.evaluate("events.slice(-2)") == ["begin 2", "show 2"]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("ticks(0, 1, 4)", [0, 0.5, 1]),
        ("ticks(-0.3, 0.3, 6)", [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]),
        ("ticks(0, 1000, 5)", [0, 200, 400, 600, 800, 1000]),
        ("ticks(10, 13, 6, 1)", [10, 11, 12, 13]),
        ("ticks(10, 13, 6)", [10, 10.5, 11, 11.5, 12, 12.5, 13]),
        ("ticks(5, 5, 4)", []),
        ("ticks(-2, 3, 1).map((value) => count.format(value))", ["0"]),  # not -0
        ("[0, 0.00012, 0.5, 1 / 3, 123456, 2e6].map(plain)", ["0", "1.2e-4", "0.5", "0.3333", "123500", "2e+6"]),
        ("[...decoded('AACAPwAAAMA=', Float32Array)]", [1.0, -2.0]),
    ],
)
def test_numbers_and_round_numbers(page: Page, call: str, found: list[object]) -> None:
    assert page.evaluate(f"() => {{ {source('canvas.js')} return {call}; }}") == pytest.approx(found)
