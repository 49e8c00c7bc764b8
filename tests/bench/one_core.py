"""Processes on one core, whatever libraries think of the machine."""

import os
import subprocess

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
ONE_CORE = {max(os.sched_getaffinity(0))}


def start(command, **options):
    """Starts a process on one core."""
    return subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, **ONE_THREAD},
        preexec_fn=lambda: os.sched_setaffinity(0, ONE_CORE),
        **options,
    )
