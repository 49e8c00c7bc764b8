"""What frames cost when several cameras share the workers."""

import json
import subprocess

from contender import start


def measure(pack, andon, folder, effort):
    """A row for each number of cameras, as `andon bench --cameras` gives it."""
    numbers = ",".join(map(str, effort.cameras))
    command = [andon, "bench", "--model", pack.folder, "--images", folder, "--frames", effort.camera_frames]
    process = start([*command, "--cameras", numbers, "--json"], stdout=subprocess.PIPE, text=True)
    answer, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("andon bench --cameras failed, see above")
    return json.loads(answer)["cameras"]
