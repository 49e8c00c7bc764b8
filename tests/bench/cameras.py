"""What frames cost when several cameras share the workers."""

import json
import statistics
import subprocess

from contender import ratio, start


def measure(pack, andon, folder, effort):
    """A row for each number of cameras: medians over rounds, in every second of which the many come first."""
    rounds = [one_round(pack, andon, folder, effort, number % 2 == 1) for number in range(effort.runs)]
    costs = {count: [rows[count]["cpu_milliseconds"] for rows in rounds] for count in effort.cameras}
    return [
        {
            "cameras": count,
            "workers": rounds[0][count]["workers"],
            "cpu_milliseconds": statistics.median(costs[count]),
            "ratio": ratio(costs, count, effort.cameras[0]),
            "frames_per_second": statistics.median(rows[count]["frames_per_second"] for rows in rounds),
            "peak_mb": max(rows[count]["memory"]["peak"] for rows in rounds),
        }
        for count in effort.cameras
    ]


def one_round(pack, andon, folder, effort, is_reversed):
    """What `andon bench --cameras` gives, by the number of cameras."""
    counts = sorted(effort.cameras, reverse=is_reversed)
    command = [andon, "bench", "--model", pack.folder, "--images", folder, "--frames", effort.camera_frames]
    process = start([*command, "--cameras", ",".join(map(str, counts)), "--json"], stdout=subprocess.PIPE, text=True)
    answer, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("andon bench --cameras failed, see above")
    return {row["cameras"]: row for row in json.loads(answer)["cameras"]}
