"""The conformance kit: what another implementation is tested with.

Needs `pip install "headframe[conformance]"`. It stands on the public API of the codec and nothing
below the tests imports it. So far it holds the Hypothesis strategies.
"""
