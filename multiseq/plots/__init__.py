"""A batch as a picture: what `seq.show()` draws.

Reading order: `kinds` (what an input stands for), `guessing` (where nobody says), `leaves` (what
is shown), `panels` (what is drawn of it), one module for each kind of drawing, `composing` (which
kind is drawn how), `page` and `table` (where on the paper). Matplotlib is imported by those that
draw, and they are imported when something is to be drawn.
"""
