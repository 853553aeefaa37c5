"""One run, or a fleet of runs, of a store from its lock to its result. The engine knows nothing of files, the store nothing
of torch; here they meet.
"""


class Interrupted(Exception):
    """Raised by an executor that stopped early because ``should_stop()`` said so; the run goes on later."""
