"""Implementations of HF/1 with one seeded bug each: what the conformance kit has to find.

    python tests/conformance/mutants list
    python tests/conformance/mutants run [NAME ...]
    python tests/conformance/mutants serve NAME ROOT
    python tests/conformance/mutants client NAME put LOCAL URL

A mutant is a small change of the reference, written as a diff in one of the `.diff` files here,
with the rule that it breaks. It is killed by a check of the kit that cites that rule and fails; a
mutant that cannot put a file and get it back is broken, and proves nothing.

`mutant` reads the diffs and applies them, `command` runs a mutant as a program of its own,
`judging` lets the kit loose on one, `exempt` says which rules have no mutant, and why.
"""
