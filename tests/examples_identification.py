"""Small instances of what cannot be built without arguments: ternary environments, and where OptMax is played."""

ENVIRONMENTS = {
    "Davidson": {"utilities": (1.0, 0.5, 0.0)},
    "RaoKupper": {"utilities": (1.0, 0.5, 0.0)},
}

INSTANCES = {"OptMax": ("BradleyTerry", {"utilities": (1.5, 1.0, 0.5, 0.0)})}
