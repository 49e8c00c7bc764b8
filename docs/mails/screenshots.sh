#!/bin/sh
# Makes the pictures beside this file anew from the golden mails. Needs Debian's `chromium`, and a person who looks.
set -eu
cd "$(dirname "$0")"
golden=$(cd ../../azure/defect-mailer/tests/mails && pwd)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# shot MAIL LANGUAGE WIDTH HEIGHT NAME [dark]
shot() {
    dark=
    [ "${6:-}" != dark ] || dark="--blink-settings=preferredColorScheme=0"
    # A window narrower than 500 pixels is not made, so the page is put into a frame of the phone's width.
    page="$profile/page.html"
    printf '<!DOCTYPE html><body style="margin:0"><iframe src="file://%s" style="border:0;width:%spx;height:%spx"></iframe>' \
        "$golden/$1.$2.html" "$3" "$4" >"$page"
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile/chromium" $dark \
        --force-device-scale-factor=1 --window-size="$3,$4" --screenshot="$5.png" "file://$page" >/dev/null 2>&1
}

shot opening en 375 1250 opening-phone
shot opening de 375 1320 opening-phone-dark dark
shot opening en 800 930 opening-desktop
shot update en 375 1640 update-phone
shot escalation en 375 1690 escalation-phone
shot closing en 375 900 closing-phone
shot storm en 375 1400 storm-phone
shot storm de 375 1400 storm-phone-dark dark
shot storm en 800 1100 storm-desktop
shot silent de 375 560 silent-phone
shot unwell en 375 560 unwell-phone
shot back en 375 500 back-phone
shot refused en 375 860 refused-phone
