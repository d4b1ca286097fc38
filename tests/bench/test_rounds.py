"""Who takes turns with whom, and what is made of it; by processes that say what they were told to."""

import pytest

from safemil_core.bench.rounds import Entrant, Process, updates_per_s


class Scripted:
    """A process that takes these seconds an update, one value a request, the last one for ever."""

    def __init__(self, name, log, *seconds):
        self.name, self.log, self.seconds = name, log, list(seconds)

    def ask(self, do, *, number, updates):
        assert do == "run"
        self.log.append((self.name, updates))
        each = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return {"seconds": each * updates}


def test_the_rate_is_that_of_the_median_round_however_bad_another_was():
    log = []
    disturbed = Scripted("a", log, 0.1, 0.1, 0.1, 9.0, 0.2, 0.1)  # warm up, look, then rounds
    entrants = {"a": Entrant(disturbed, 0, 1), "b": Entrant(Scripted("b", log, 0.01), 0, 1)}
    rates = updates_per_s(entrants, seconds=1e-9)
    assert rates == {"a": pytest.approx(1 / 0.2), "b": pytest.approx(100)}


def test_contestants_take_turns():
    log = []
    entrants = {name: Entrant(Scripted(name, log, 0.1), 0, 1) for name in "abc"}
    updates_per_s(entrants, seconds=1e-9)
    assert [name for name, _ in log[-9:]] == list("abcabcabc")


def test_a_turn_takes_about_the_seconds_given_to_it_in_whole_periods():
    log = []
    assert Entrant(Scripted("a", log, 0.01), 0, 1).updates_in(1.0) == 100
    assert Entrant(Scripted("a", log, 0.01), 0, 30).updates_in(1.0) == 90
    assert Entrant(Scripted("a", log, 0.01), 0, 500).updates_in(1.0) == 500
    assert log[0] == ("a", 1)  # warm up


def test_a_process_that_fails_says_so(capfd):
    with Process("no_such_contestant") as process, pytest.raises(RuntimeError, match="no_such_contestant"):
        process.ask("about")
    assert "ModuleNotFoundError" in capfd.readouterr().err
