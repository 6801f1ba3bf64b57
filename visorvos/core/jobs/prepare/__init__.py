"""``visorvos prepare``: from the VISOR release to a data set in DAVIS's shape."""

from visorvos.core.jobs.prepare.job import Preparation, prepare

__all__ = ["Preparation", "prepare"]
