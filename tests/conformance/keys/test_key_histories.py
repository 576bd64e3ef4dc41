"""Key stores against a model, over histories of what may be done to them."""

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError

ACTS = st.one_of(
    st.tuples(st.just("create"), st.sampled_from([1, 1, 2, 700])),
    st.tuples(st.just("destroy"), st.lists(st.integers(0, 10_000), max_size=4)),
    st.tuples(st.just("look"), st.lists(st.integers(0, 10_000), max_size=6)),
    st.tuples(st.sampled_from(["reopen", "rotate"]), st.none()),
)
HISTORIES = st.lists(st.tuples(ACTS, st.integers(0, 1)), max_size=14)


class Model:
    """A dictionary of keys, None for destroyed ones, beside two handles of one store."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.handles = [kind.create(folder), kind.open(folder)]
        self.keys = {}

    def act(self, name, given, handle):
        store = self.handles[handle]
        ids = list(self.keys)
        chosen = [ids[each % len(ids)] for each in given] if isinstance(given, list) and ids else []
        if name == "create":
            made = store.create_data_keys(given)
            assert not {key_id for key_id, _ in made} & self.keys.keys()
            self.keys |= dict(made)
        elif name == "destroy":
            store.destroy_data_keys(chosen)
            self.keys |= dict.fromkeys(chosen)
        elif name == "look":
            self.look(store, chosen)
        elif name == "reopen":
            self.handles[handle] = self.kind.open(self.folder)
        else:
            self.kind.rotate(store)

    def look(self, store, chosen):
        if None not in (wanted := [self.keys[each] for each in chosen]):
            assert store.data_keys(chosen) == wanted
            return
        with pytest.raises(OperatorError) as caught:
            store.data_keys(chosen)
        assert caught.value.code.slug == "key-destroyed"

    def check(self):
        live = {key_id for key_id, key in self.keys.items() if key is not None}
        for store in (*self.handles, self.kind.open(self.folder)):
            assert set(store.key_ids()) == live
            assert store.data_keys(list(live)) == [self.keys[each] for each in live]
            assert store.damaged() == []
            assert store.status().destroyed == len(self.keys) - len(live)


def held(kind, history):
    with tempfile.TemporaryDirectory() as folder:
        model = Model(kind, Path(folder) / "keys")
        for (name, given_to_it), handle in history:
            model.act(name, given_to_it, handle)
        model.check()


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(history=HISTORIES)
def test_a_store_is_what_was_done_to_it(kind, history, request):
    """After any history, through two handles at once, a store holds the keys that a dictionary would."""
    if request.node.callspec.params["kind"] != "kms":
        held(kind, history)


def test_kms_holds_the_same_history(kind):
    """One long history of every act holds under each guard, also where each act asks KMS."""
    acts = itertools.cycle(
        [
            (("create", 700), 0),
            (("destroy", [0, 699, 3]), 1),
            (("rotate", None), 1),
            (("create", 700), 0),
            (("look", [5, 1000]), 1),
            (("look", [0, 5]), 0),
            (("reopen", None), 0),
        ]
    )
    held(kind, list(itertools.islice(acts, 20)))
