# A camera that the kernel itself plays, vivid's. The package is installed.

vivid() { echo vivid.0 >/sys/bus/platform/drivers/vivid/"$1"; }

modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 || fail "no vivid"
within 30 "a camera" test -c /dev/video0
watch_camera "usb_path = \"$(usb usb_path)\"" yuyv 640x360
item=$(last_item)
since=$(now)
systemctl restart andon || fail "the station does not start with a camera: $(andon check --offline 2>&1)"
within 60 "a verdict on a camera's frame" judged_after "${item:-0}"
row "start with a camera" $(($(now) - since))

worst=0
for turn in $(seq 20); do
    before=$(errors)
    vivid unbind
    within 30 "a word about the camera that is gone, turn $turn" more_errors_than "$before"
    item=$(last_item)
    since=$(now)
    vivid bind
    within 60 "verdicts after turn $turn" judged_after "${item:-0}"
    took=$(($(now) - since))
    [ $took -le $worst ] || worst=$took
done
row "camera removed and brought back, the longest of 20" $worst

before=$(errors)
v4l2-ctl -d /dev/video0 -c percentage_of_dropped_buffers=100 || fail "vivid does not freeze"
within 60 "a word about the frozen camera" more_errors_than "$before"
item=$(last_item)
since=$(now)
v4l2-ctl -d /dev/video0 -c percentage_of_dropped_buffers=0
within 120 "verdicts after the freeze" judged_after "${item:-0}"
row "frozen stream, from its end" $(($(now) - since))
vivid unbind

echo "cameras: removed and frozen; verdicts came again after each"
