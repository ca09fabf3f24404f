"""A training run in its folder: the lock, the log, the backup, and going on after an interruption."""
