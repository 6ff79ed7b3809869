"""From a configuration to an `Analysis`: the stages in order."""

from carmeta.pipeline.counted import Counted, counted
from carmeta.pipeline.run import run

__all__ = ["Counted", "counted", "run"]
