# A camera on the USB bus, by the kernel's own driver for such, and what such cameras do. The package is installed.

plug_in() { systemd-run --quiet --unit=camera /opt/test/uvcsim /run/camera-does 640 480 5 /opt/test/dark.jpg /opt/test/bright.jpg; }

# camera_gives FRAMES WORDS ROW: such frames until the station says these words, then whole ones until it sees again.
camera_gives() {
    mark
    echo "$1" >/run/camera-does
    within 60 "a word about frames: $1" says_now "$2"
    mark
    rm /run/camera-does
    local since
    since=$(now)
    within 120 "verdicts after frames: $1" sees_again
    row "USB camera: $3, from its end" $(($(now) - since))
}

modprobe vhci-hcd && modprobe uvcvideo || fail "no USB in this kernel"
plug_in
within 60 "a camera on the USB bus" test -c /dev/video0
within 60 "its link" ls /dev/v4l/by-id/
watch_camera "serial = \"$(usb serial)\"" mjpeg 640x480
mark
since=$(now)
systemctl reload andon
within 300 "a verdict on a USB camera's frame" sees_again
row "change to a camera on the USB bus, by SIGHUP" $(($(now) - since))

worst=0
for turn in $(seq 5); do
    mark
    systemctl stop camera
    within 30 "a word about the USB camera that is gone, turn $turn" says_now 'was unplugged\|is not there'
    within 30 "a status about it" status_says '; no frames: '
    mark
    since=$(now)
    plug_in
    within 120 "verdicts after turn $turn" sees_again
    took=$(($(now) - since))
    [ $took -le $worst ] || worst=$took
done
row "USB camera unplugged and plugged in, the longest of 5" $worst

camera_gives stall 'the camera has stalled' "stalled stream"
camera_gives half 'half a frame: the JPEG ends early' "half frames"
camera_gives corrupt 'NOT INSPECTED: the picture cannot be decoded' "corrupt JPEGs"
# The kernel's driver hands on no frame without a byte: what is left is a stream that stands still.
camera_gives empty 'the camera has stalled' "frames without a byte"
systemctl stop camera
echo "USB camera: unplugged, stalled, half, corrupt and empty frames; each was told, and verdicts came again"
