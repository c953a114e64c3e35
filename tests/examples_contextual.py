"""Small arguments for what cannot be built as ``Class()``."""

ENVIRONMENTS = {"FixedArms": {"features": ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))}}
