"""From a configuration to an `Analysis`: the stages in order."""

from carmeta.pipeline.run import run

__all__ = ["run"]
