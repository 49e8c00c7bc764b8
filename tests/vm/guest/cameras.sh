# Cameras that the kernel itself plays: vivid's, and one on the USB bus. The package is installed.

# Messages that something is wrong, so far.
errors() { journalctl -u andon -p err -o cat --no-pager | wc -l; }
more_errors_than() { [ "$(errors)" -gt "$1" ]; }

# usb KEY: the value that `andon cameras` gives for the first camera.
usb() { andon cameras --json | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -1; }

# watch_camera IDENTITY FORMAT SIZE: the station's file for a camera.
watch_camera() {
    shade
    sed -i -e 's/^kind = .*/kind = "usb"/' -e '/^path = /d' -e '/^repeat = /d' /etc/andon/station.toml
    printf '[source.camera]\n%s\nformat = "%s"\nsize = "%s"\n' "$1" "$2" "$3" >>/etc/andon/station.toml
}

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

# A camera on the USB bus, by the kernel's own driver for such.
modprobe vhci-hcd && modprobe uvcvideo || fail "no USB in this kernel"
systemd-run --quiet --unit=camera /opt/test/uvcsim 640 480 5 /opt/test/dark.jpg /opt/test/bright.jpg
within 60 "a camera on the USB bus" test -c /dev/video0
within 60 "its link" ls /dev/v4l/by-id/
watch_camera "serial = \"$(usb serial)\"" mjpeg 640x480
item=$(last_item)
since=$(now)
systemctl reload andon
within 300 "a verdict on a USB camera's frame" judged_after "${item:-0}"
row "a camera on the USB bus, by SIGHUP" $(($(now) - since))
systemctl stop camera
echo "cameras: removed, frozen, changed for another; verdicts came again after each"
