"""A history is explainable if some order of its operations is, and by trying all of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe.conformance.history import Operation, find_trouble


def op(client, sent_at, answered_at, saw, made=None):
    return Operation(client=client, sent_at=sent_at, answered_at=answered_at, saw=saw, made=made)


def test_one_after_the_other_is_explainable():
    assert find_trouble([op(1, 0, 1, None, "a"), op(2, 2, 3, "a"), op(1, 4, 5, "a", "b")]) is None


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ([op(1, 0, 1, None, "a"), op(2, 0, 1, None, "b")], "both replaced None"),
        ([op(1, 0, 1, None, "a"), op(2, 2, 3, None)], "saw change 0 after client 1"),
        ([op(1, 0, 1, "x")], "saw x, which nobody has made"),
        ([op(1, 0, 1, "a", "b"), op(2, 0, 1, "b", "a")], "nobody has made"),
        ([op(1, 5, 6, None, "a"), op(2, 0, 1, "a", "b")], "saw change 0 after client 2"),
        (
            [op(1, 0, 9, None, "a"), op(2, 1, 2, "a"), op(3, 3, 4, None)],
            "client 3 saw change 0 after client 2",
        ),
    ],
)
def test_what_no_order_explains_is_told(history, said):
    assert said in find_trouble(history)


def explained_by_some_order(history):
    """Try all orders."""
    for order in itertools.permutations(history):
        if any(
            later.answered_at < earlier.sent_at
            for earlier, later in itertools.combinations(order, 2)
        ):
            continue
        current = None
        for operation in order:
            if operation.saw != current:
                break
            current = current if operation.made is None else operation.made
        else:
            return True
    return False


@st.composite
def histories(draw):
    made = draw(st.integers(0, 3))
    revisions = [None, "a", "b", "c"][: made + 1]
    changes = [(before, after) for before, after in itertools.pairwise(revisions)]
    reads = [(draw(st.sampled_from(revisions)), None) for _ in range(draw(st.integers(0, 3)))]
    history = []
    for client, (saw, after) in enumerate(changes + reads):
        sent_at = draw(st.integers(0, 6))
        history.append(op(client, sent_at, sent_at + draw(st.integers(1, 5)), saw, after))
    return history


@given(histories())
def test_it_finds_what_trying_all_orders_finds(history):
    assert explained_by_some_order(history) == (find_trouble(history) is None)
