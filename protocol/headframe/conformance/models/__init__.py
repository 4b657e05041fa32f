"""Models of a server: what it has to answer, known from what it was asked before.

    world    files, as a dictionary: judges every reply to a request about files
    uploads  uploads, the same
    machines three Hypothesis machines that ask at random and let a model judge

The law of this package: a model is a plain object that judges a pair of request and reply and then
changes as the reply says; it neither sends nor draws anything.
"""
