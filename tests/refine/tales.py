"""Tests told in steps: a run of a lake costs what it costs, and serves the same step of all of them."""

import pytest


class Tales:
    """The tales of a module, and what each found wrong when they were told to a lake, side by side."""

    def __init__(self):
        self._tales = {}
        self._faults = None

    def tale(self, tell):
        """Make a test of a generator: it is given a teller of its own, and what it yields arrives.

        When it goes on, the lake is up to date with that and with what the other tales had to say meanwhile.
        """
        self._tales[tell.__name__] = tell

        def test(told):
            if fault := told[tell.__name__]:
                raise fault

        test.__name__, test.__doc__ = tell.__name__, tell.__doc__
        return test

    def told(self, lake, teller):
        """What each tale found wrong, or None; `teller` makes the one of a tale from its name."""
        tellers = {name: teller(name) for name in self._tales}
        going = {name: tell(tellers[name]) for name, tell in self._tales.items()}
        faults = dict.fromkeys(going)
        while going:
            for name in list(going):
                try:
                    tellers[name].hears(*next(going[name]))
                except StopIteration:
                    del going[name]
                except (Exception, pytest.fail.Exception) as fault:  # noqa: BLE001 - raised by its test
                    faults[name] = fault
                    del going[name]
            lake.run()
        return faults
