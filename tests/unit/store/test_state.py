"""The state of an embedded store against a plain dictionary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.store.history import History, Limits
from dromon.store.interface import CompareFailed, Delete, KeyValue, Op, Put
from dromon.store.state import State, Transaction

KEYS = st.sampled_from(["/a/1", "/a/2", "/a/21", "/b/1", "/b/é"])
ops = st.one_of(
    st.builds(Put, KEYS, st.binary(max_size=2), st.sampled_from([None, 0, 1, 2, 3])),
    st.builds(Delete, KEYS, st.sampled_from([None, 1, 2, 3])),
)
transactions = st.lists(st.lists(ops, min_size=1, max_size=3, unique_by=lambda o: o.key), max_size=12)


class Model:
    """What an op does, without any of the bookkeeping."""

    def __init__(self) -> None:
        self.revision = 0
        self.states: list[dict[str, KeyValue]] = [{}]

    def apply(self, wanted: list[Op]) -> bool:
        state = dict(self.states[-1])
        for op in wanted:
            old = state.get(op.key)
            if op.expect is not None and op.expect != (old.mod_revision if old else 0):
                return False
            if isinstance(op, Delete):
                if old is None:
                    return False
                del state[op.key]
            else:
                created = old.create_revision if old else self.revision + 1
                state[op.key] = KeyValue(op.key, op.value, created, self.revision + 1)
        self.revision += 1
        self.states.append(state)
        return True


@given(transactions, st.data())
@settings(max_examples=200, deadline=None)
def test_accept_publish_and_undo(made: list[list[Op]], data: st.DataObject) -> None:
    state, model, history = State(), Model(), History(0, Limits())
    in_flight: list[Transaction] = []
    for wanted in made:
        try:
            in_flight.append(state.accept(wanted, 0.0))
            accepted = True
        except CompareFailed:
            accepted = False
        assert accepted == model.apply(wanted)
        for key in ("/a/1", "/a/2", "/b/1"):
            assert state.newest(key) == model.states[-1].get(key)
        for _ in range(data.draw(st.integers(0, len(in_flight)))):
            transaction = in_flight.pop(0)
            state.publish(transaction)
            history.append(transaction, 0.0)
        committed = model.states[state.revision]
        assert list(state.scan("", "")) == [committed[k] for k in sorted(committed)]
        assert list(state.scan("/a/", "/a/1")) == [
            committed[k] for k in sorted(committed) if k.startswith("/a/") and k > "/a/1"
        ]
    for transaction in in_flight:
        state.publish(transaction)
        history.append(transaction, 0.0)
    for revision, stood in enumerate(model.states):
        undone = history.undo(revision, "/a/")
        assert list(state.scan_undone("/a/", "", undone)) == [
            stood[k] for k in sorted(stood) if k.startswith("/a/")
        ]


def test_forgetting_what_is_in_flight() -> None:
    state = State()
    state.publish(state.accept([Put("/a", b"1")], 0.0))
    state.accept([Put("/a", b"2"), Put("/b", b"2")], 0.0)
    state.forget_in_flight()
    assert state.newest("/a") == KeyValue("/a", b"1", 1, 1)
    assert state.newest("/b") is None
    assert state.accept([Put("/a", b"3", expect=1)], 0.0).revision == 2


def test_times_to_live_count_from_acceptance() -> None:
    (record,) = State().accept([Put("/a", b"1", ttl=60)], 1000.0).records
    assert record.expires == 1060.0
