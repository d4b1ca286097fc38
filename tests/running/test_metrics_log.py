"""Metrics are read as they grow: only new whole lines, and anew where a file was cut back."""

import json

import numpy as np
import pandas as pd
import pytest

from safemil_core.running.metrics_log import MetricsLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def append(path, *rows):
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_before_the_first_line_there_are_no_rows(path):
    log = MetricsLog(path)
    assert log.read().empty
    path.write_text('{"update": 1')
    assert log.read().empty


def test_rows_come_in_order_and_a_line_in_the_making_waits(path):
    log = MetricsLog(path)
    append(path, {"update": 25, "cost_loss": 0.5})
    with path.open("a") as file:
        file.write('{"update": 50, "cost_')
    assert log.read().to_dict("list") == {"update": [25.0], "cost_loss": [0.5]}
    with path.open("a") as file:
        file.write('loss": 0.25}\n')
    assert log.read().to_dict("list") == {"update": [25.0, 50.0], "cost_loss": [0.5, 0.25]}
    assert log.read().to_dict("list") == {"update": [25.0, 50.0], "cost_loss": [0.5, 0.25]}


def test_a_column_may_come_late_be_missing_or_not_be_a_number(path):
    log = MetricsLog(path)
    append(path, {"update": 1, "a": 1})
    log.read()
    path.open("a").write('{"update": 2, "b": 7, "a": NaN}\n{"update": 3, "a": null, "b": Infinity}\n')
    expected = pd.DataFrame({"update": [1.0, 2, 3], "a": [1, np.nan, np.nan], "b": [np.nan, 7, np.inf]})
    pd.testing.assert_frame_equal(log.read(), expected)


def test_what_was_read_before_is_not_read_again(path):
    log = MetricsLog(path)
    append(path, *({"update": update} for update in range(100)))
    log.read()
    text = path.read_text()
    path.write_text(text.replace('{"update": 0}', '{"update": 7}'))  # an early line, of the same length
    append(path, {"update": 100})
    assert log.read()["update"].tolist() == list(range(101))
    assert MetricsLog(path).read()["update"].tolist() == [7, *range(1, 101)]


@pytest.mark.parametrize("n_kept", [0, 1, 3])
def test_a_file_that_was_cut_back_and_grew_again_is_read_anew(path, n_kept):
    """Also where it is longer by now than it ever was."""
    log = MetricsLog(path)
    append(path, *({"update": update, "seconds": 1} for update in range(4)))
    log.read()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:n_kept]))
    append(path, *({"update": update, "seconds": 2} for update in range(n_kept, 9)))
    table = log.read()
    assert table["update"].tolist() == list(range(9))
    assert table["seconds"].tolist() == [1] * n_kept + [2] * (9 - n_kept)


def test_a_file_that_is_gone_has_no_rows(path):
    log = MetricsLog(path)
    append(path, {"update": 1})
    assert len(log.read()) == 1
    path.unlink()
    assert log.read().empty


def test_a_table_that_was_given_out_stays_as_it_was(path):
    log = MetricsLog(path)
    append(path, {"update": 1})
    first = log.read()
    for update in range(2, 40):
        append(path, {"update": update})
        log.read()
    assert first["update"].tolist() == [1]
    assert log.read()["update"].tolist() == list(range(1, 40))
