"""The tables of states, and the connection held against each of their cells."""

from __future__ import annotations

import pytest

from headframe.states import (
    EXCHANGE_TRANSITIONS,
    STREAM_TRANSITIONS,
    ExchangeInput,
    ExchangeState,
    StreamInput,
    StreamState,
)

TABLES = [
    pytest.param(STREAM_TRANSITIONS, StreamState, StreamInput, id="stream"),
    pytest.param(EXCHANGE_TRANSITIONS, ExchangeState, ExchangeInput, id="exchange"),
]


@pytest.mark.parametrize(("table", "states", "inputs"), TABLES)
def test_every_state_has_a_row_and_every_cell_a_state(table, states, inputs):
    assert set(states) == set(table)
    for row in table.values():
        assert set(row) <= set(inputs)
        assert set(row.values()) <= set(states)


@pytest.mark.parametrize(("table", "states", "inputs"), TABLES)
def test_every_state_is_reached_from_the_first_and_every_input_moves(table, states, inputs):
    reached = [next(iter(states))]
    for state in reached:
        reached += [after for after in table[state].values() if after not in reached]
    assert set(states) == set(reached)
    assert set(inputs) == {moved for row in table.values() for moved in row}


@pytest.mark.parametrize(("table", "states", "inputs"), TABLES)
def test_tables_cannot_be_changed(table, states, inputs):
    with pytest.raises(TypeError):
        table[next(iter(states))] = {}


def test_a_stream_ends_well_only_between_messages():
    assert [state for state, row in STREAM_TRANSITIONS.items() if StreamInput.END in row] == [
        StreamState.BETWEEN_MESSAGES
    ]
