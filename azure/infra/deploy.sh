#!/bin/sh
# Deploys everything into one resource group: `deploy.sh pilot|plant RESOURCE-GROUP [REGION]`. Run it again after a
# change; it changes only what differs. Needs the Azure CLI with its iot extension, logged in, and zip.
set -eu
cd "$(dirname "$0")"
fail() { echo "deploy.sh: $1" >&2; exit 1; }
[ $# -ge 2 ] || { echo "usage: deploy.sh pilot|plant RESOURCE-GROUP [REGION]" >&2; exit 2; }
parameters="$1.bicepparam"
group=$2
region=${3:-westeurope}
[ -f "$parameters" ] || fail "there is no $parameters; use pilot or plant"
for program in az zip; do command -v "$program" >/dev/null || fail "$program is missing"; done

app=../defect-mailer
binary=../../target/dist/defect-mailer
[ -x "$binary" ] || fail "build the mailer first: cargo build --profile dist --package defect-mailer"
case $parameters in
plant*) [ -f "$app/recipients.toml" ] || fail "copy $app/recipients.example.toml to recipients.toml and make it yours" ;;
*) [ -n "${ANDON_RECIPIENTS:-}" ] || fail "set ANDON_RECIPIENTS to the addresses, separated by commas" ;;
esac

az group create --name "$group" --location "$region" --output none
echo "deploying; about five minutes"
value() {
    az deployment group show --resource-group "$group" --name andon --query "properties.outputs.$1.value" --output tsv
}
az deployment group create --resource-group "$group" --name andon --parameters "$parameters" --output none

package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
cp -R "$app/host.json" "$app/DefectMailer" "$app/Clock" "$package"
cp "$binary" "$package/defect-mailer"
chmod 755 "$package/defect-mailer"
[ ! -f "$app/recipients.toml" ] || cp "$app/recipients.toml" "$package"
(cd "$package" && zip -q -r package.zip .)
az functionapp deployment source config-zip --resource-group "$group" --name "$(value mailerName)" \
    --src "$package/package.zip" --output none

# An enrolment group is data of the service, so a template cannot hold it.
scope=$(value idScope)
dps=$(az iot dps list --resource-group "$group" --query "[0].name" --output tsv)
az iot dps enrollment-group show --dps-name "$dps" --resource-group "$group" --enrollment-id stations --output none 2>/dev/null ||
    az iot dps enrollment-group create --dps-name "$dps" --resource-group "$group" --enrollment-id stations --output none
echo "hub $(value hubHostName), ID scope $scope, enrolment group stations"
echo "a station's key: az iot dps enrollment-group compute-device-key --dps-name $dps --resource-group $group --enrollment-id stations --registration-id STATION"
