"""Trace: what a simulation returns. Arrays [run, checkpoint] per metric, with the provenance to repeat them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from duel.errors import unknown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trace:
    """Metrics of many runs at common checkpoints.

    Attributes
    ----------
    algorithm, environment : str
        Class names.
    parameters : mapping
        Hyper-parameters of the algorithm, by field name.
    environment_parameters : mapping
        Fields of the environment; arrays are abbreviated to a digest.
    runs : int array [R]
        Run numbers: run r of seed s is the same numbers in whatever company it is simulated.
    checkpoints : int array [C]
        Rounds (duels, iterations or sample sizes) after which the metrics were recorded.
    metrics : mapping name -> float array [R, C]
        Regrets are cumulative up to and including the checkpoint.
    seed : int
    provenance : mapping
        Versions, code digest, machine, seconds. Recorded, never part of an identity.
    """

    algorithm: str
    environment: str
    parameters: Mapping[str, Any]
    environment_parameters: Mapping[str, Any]
    runs: np.ndarray
    checkpoints: np.ndarray
    metrics: Mapping[str, np.ndarray]
    seed: int
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __getitem__(self, metric: str) -> np.ndarray:
        """The array [run, checkpoint] of `metric`."""
        if metric not in self.metrics:
            raise unknown("metric", metric, tuple(self.metrics))
        return self.metrics[metric]

    def final(self, metric: str) -> np.ndarray:
        """`metric` at the last checkpoint, one value a run: [R]."""
        return self[metric][:, -1]

    def mean(self, metric: str) -> np.ndarray:
        """Mean of `metric` over the runs, one value a checkpoint: [C]."""
        return self[metric].mean(axis=0)

    def to_frame(self) -> "pd.DataFrame":
        """Tidy table: algorithm, environment, one column per parameter, run, t, metric, value."""
        import pandas as pd

        R, C, M = len(self.runs), len(self.checkpoints), len(self.metrics)
        frame: dict[str, Any] = {"algorithm": self.algorithm, "environment": self.environment}
        frame.update({k: (v if np.isscalar(v) or v is None else str(v)) for k, v in self.parameters.items()})
        frame["run"] = np.tile(np.repeat(self.runs, C), M)
        frame["t"] = np.tile(self.checkpoints, R * M)
        frame["metric"] = np.repeat(list(self.metrics), R * C)
        frame["value"] = np.concatenate([a.ravel() for a in self.metrics.values()]) if M else np.empty(0)
        return pd.DataFrame(frame)

    def __repr__(self) -> str:
        shape = f"{len(self.runs)} runs x {len(self.checkpoints)} checkpoints to t={self.checkpoints[-1]}"
        return f"Trace({self.algorithm} on {self.environment}: {shape}; {', '.join(self.metrics)})"


def geometric_checkpoints(horizon: int, per_decade: int = 20) -> np.ndarray:
    """Distinct integers from 1 to `horizon`, about `per_decade` a factor of ten, both ends included: int64 [C]."""
    count = max(2, int(np.ceil(np.log10(max(horizon, 2)) * per_decade)) + 1)
    return np.unique(np.round(np.geomspace(1, horizon, count)).astype(np.int64))
