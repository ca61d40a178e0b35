#!/bin/sh
# pictures.sh PAGES PICTURES: what the top of each canary's page looks like in Chromium, as PNG.
set -eu
pages=$1
pictures=$2
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || { echo "pictures.sh: there is no Chromium; install it, or name it with CHROMIUM=" >&2; exit 1; }
mkdir -p "$pictures"

# draw PAGE PICTURE WIDTH HEIGHT [OPTION…]
draw() {
    page=$1 picture=$2 width=$3 height=$4
    shift 4
    profile=$(mktemp -d)
    "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" \
        --screenshot="$pictures/$picture.png" --window-size="$width,$height" "$@" "file://$page" 2>/dev/null
    rm -rf "$profile"
    echo "$pictures/$picture.png"
}

here=$(realpath "$pages")
for canary in equal better shuffled; do
    draw "$here/canary-$canary.html" "canary-$canary" 1100 900
done
draw "$here/canary-shuffled.html" canary-shuffled-dark 1100 900 --blink-settings=preferredColorScheme=0

# Chromium takes no window for narrower than 500 pixels, but a frame.
frame=$(mktemp --suffix=.html)
trap 'rm -f "$frame"' EXIT
style='width:390px;height:844px;border:0'
echo "<body style='margin:0'><iframe src='file://$here/canary-better.html' style='$style'></iframe>" > "$frame"
draw "$frame" canary-better-phone 390 844
