# generated from headframe/schema.py by spec/registry/generate.py; edit the declaration
"""The layout of an HF/1 frame, derived from its declaration.

Spec: chapter 2. The law of this module: it is written by `spec/registry/generate.py` and never by
hand.
"""

from typing import Final

from headframe.plan import Bounds, Layout

__all__ = ["LAYOUT"]

LAYOUT: Final = Layout(
    prelude="<L", length=Bounds(minimum=2, maximum=65535), body_member="filesize"
)
