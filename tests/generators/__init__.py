"""Ten generators as people write them by hand, each with its bugs, and the same by multiseq.

Each module has `write(folder)`, which makes small files; `by_hand` and `by_multiseq`, which make
of them what `fit` takes; and `BY_HAND` and `BY_MULTISEQ`, which list the code that each needs.
Code by hand follows the habits of public repositories: nothing was made longer than it is there,
and none of it was mended.
"""
