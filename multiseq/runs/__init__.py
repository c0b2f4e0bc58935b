"""Runs of `fit` that go on where they were killed: what is saved of one, where, and when."""
