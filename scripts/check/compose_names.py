"""Looks whether each name in a Compose file is one of the file: what services wait for, networks, volumes, hosts.

The schema knows the form of a name, and nothing of what there is.
"""

import re
import sys

from ruamel.yaml import YAML

URL_HOST = re.compile(r"https?://([a-z][a-z0-9-]*)(?::\d+)?(?=/|,|$)|^([a-z][a-z0-9-]*):\d+$|@([a-z][a-z0-9-]*)(?::\d+)?(?=[/?]|$)")


def names(given: object) -> list[str]:
    """Of a list of names, or of an object whose keys they are."""
    return [str(name) for name in given or []]


def unknown(compose: dict) -> list[str]:
    services = compose["services"]
    networks, volumes = names(compose.get("networks")), names(compose.get("volumes"))
    found = []
    for name, service in services.items():
        found += [f"{name} waits for {other}" for other in names(service.get("depends_on")) if other not in services]
        found += [f"{name} is in {network}" for network in names(service.get("networks")) if network not in networks]
        for volume in service.get("volumes", []):
            if volume["type"] == "volume" and volume["source"] not in volumes:
                found.append(f"{name} mounts {volume['source']}")
        for variable, value in (service.get("environment") or {}).items():
            for groups in URL_HOST.findall(str(value)):
                host = "".join(groups)
                if host not in services:
                    found.append(f"{name} is told of {host} by {variable}")
    return found


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        found = unknown(YAML(typ="safe").load(file))
    for line in found:
        print(f"{sys.argv[1]}: {line}, which is not there", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
