"""scipy and statsmodels, loaded when a number of theirs is first asked for.

Loading both takes seconds, and most processes of Plumbline never need either. So nothing else
imports them: write `numerics.stats.norm.ppf(…)`. Importing has a lock of its own, so two threads
may ask at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import statsmodels.api as models
    from scipy import optimize, special, stats
    from statsmodels.stats import diagnostic, multitest, power, proportion, rates
else:
    from importlib import import_module

    _MODULES = {
        "models": "statsmodels.api",
        "optimize": "scipy.optimize",
        "special": "scipy.special",
        "stats": "scipy.stats",
        "diagnostic": "statsmodels.stats.diagnostic",
        "multitest": "statsmodels.stats.multitest",
        "power": "statsmodels.stats.power",
        "proportion": "statsmodels.stats.proportion",
        "rates": "statsmodels.stats.rates",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = import_module(_MODULES[name])
        return found


__all__ = [
    "diagnostic",
    "models",
    "multitest",
    "optimize",
    "power",
    "proportion",
    "rates",
    "special",
    "stats",
]
