"""duel: a simulation lab for dueling bandits and theoretical RLHF.

The core. It imports nothing of `envs` or `algorithms`; they import it. Names below load on first use, so that
`import duel` costs a few milliseconds and no compiler.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duel.bandits import Problem
    from duel.card import Card, Theorem
    from duel.protocols import simulate
    from duel.store import load
    from duel.trace import Trace

# One XLA thread a process, unless the caller says otherwise, for a start of JAX after this line: work is spread over
# processes, and with more threads a batch of small LAPACK calls (`vmap` of a Cholesky factor) can lose its completion
# and wait for ever (jaxlib 0.10.2 on two busy cores: two of three processes).
os.environ.setdefault("PJRT_NPROC", "1")

__version__ = "0.1.0"

_LAZY = {
    "simulate": "duel.protocols",
    "Problem": "duel.bandits",
    "Trace": "duel.trace",
    "load": "duel.store",
    "Card": "duel.card",
    "Theorem": "duel.card",
}

__all__ = ["Card", "Problem", "Theorem", "Trace", "__version__", "load", "simulate"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'duel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
