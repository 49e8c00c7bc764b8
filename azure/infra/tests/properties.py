"""Checks the names of all properties in the Bicep files against Microsoft's own types.

Bicep's own compiler does that, but comes from nowhere that a plain machine reaches; the management clients on npm are
made from the same descriptions. Each resource's body becomes a TypeScript literal, which the compiler refuses for a
property that the type does not have: `properties.py MODULES NODE_MODULES`.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from pycep import BicepParser

# Resource type: package, and the type of `properties`, or of the resource where the client has flattened it.
TYPES = {
    "Microsoft.Devices/IotHubs": ("arm-iothub", "IotHubProperties"),
    "Microsoft.Devices/provisioningServices": ("arm-deviceprovisioningservices", "IotDpsPropertiesDescription"),
    "Microsoft.Storage/storageAccounts": ("arm-storage", "StorageAccountPropertiesCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("arm-storage", "BlobServicePropertiesProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("arm-storage", "ContainerProperties"),
    "Microsoft.Storage/storageAccounts/managementPolicies": ("arm-storage", "ManagementPolicyProperties"),
    "Microsoft.KeyVault/vaults": ("arm-keyvault", "VaultProperties"),
    "Microsoft.KeyVault/vaults/secrets": ("arm-keyvault", "SecretProperties"),
    "Microsoft.Communication/emailServices": ("arm-communication", "EmailServiceResource"),
    "Microsoft.Communication/emailServices/domains": ("arm-communication", "DomainResource"),
    "Microsoft.Communication/communicationServices": ("arm-communication", "CommunicationServiceResource"),
    "Microsoft.OperationalInsights/workspaces": ("arm-operationalinsights", "WorkspaceProperties"),
    "Microsoft.Web/serverfarms": ("arm-appservice", "AppServicePlanProperties"),
    "Microsoft.Web/sites": ("arm-appservice", "SiteProperties"),
}
# Names that the clients have changed.
RENAMED = {"supportsHttpsTrafficOnly": "enableHttpsTrafficOnly"}
# Looked at by people: the client renames every property, or there are only three.
NOT_CHECKED = {
    "Microsoft.Insights/components",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups",
}


def literal(value):
    """Names are what is checked: everything that is no object, list or plain value may be of any type."""
    if isinstance(value, dict) and not any(key in value for key in ("function", "operator", "conditional")):
        fields = (f"{json.dumps(RENAMED.get(key, key))}: {literal(inner)}" for key, inner in value.items())
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value) if isinstance(value, (bool, int)) else "any"


def bodies(folder):
    for path in sorted(pathlib.Path(folder).glob("**/*.bicep")):
        for name, resource in BicepParser().parse(file_path=path).get("resources", {}).items():
            config = resource["config"]
            config = config.get("config", config)
            if not resource["existing"] and "properties" in config:
                yield f"{path.stem}_{name}", resource["type"], config["properties"]


def main(folder, node_modules):
    imports, checks, unknown = set(), [], []
    for name, kind, properties in bodies(folder):
        if kind in NOT_CHECKED:
            continue
        if kind not in TYPES:
            unknown.append(f"{name}: no type is known for {kind}; add it to TYPES")
            continue
        package, type_name = TYPES[kind]
        imports.add(f'import type {{ {type_name} }} from "@azure/{package}";')
        checks.append(f"export const {name}: Partial<{type_name}> = {literal(properties)};")
    source = "\n".join([*sorted(imports), "const any: any = null;", *checks, ""])
    with tempfile.TemporaryDirectory(dir=node_modules) as place:
        file = pathlib.Path(place) / "properties.ts"
        file.write_text(source)
        tsc = pathlib.Path(node_modules) / ".bin/tsc"
        options = ["--noEmit", "--skipLibCheck", "--strict", "--module", "nodenext", "--target", "es2022"]
        answer = subprocess.run([tsc, *options, "--pretty", "false", file], capture_output=True, text=True, check=False)
    # Which values a property may have, and which it must have, depends on the version of the interface.
    wrong = [line for line in answer.stdout.splitlines() if "TS2353" in line or "TS2561" in line or "TS2305" in line or "TS2307" in line]
    others = [line for line in answer.stdout.splitlines() if line not in wrong and "error" in line]
    for line in unknown + wrong:
        print(line, file=sys.stderr)
    print(f"{len(checks)} resources checked, {len(unknown + wrong)} wrong, {len(others)} other remarks of the compiler")
    if "-v" in sys.argv:
        print("\n".join(others))
    return 1 if unknown or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
