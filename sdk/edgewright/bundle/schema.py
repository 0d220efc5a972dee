"""The JSON Schema of `manifest.json`, derived from its records.

`python -m edgewright.bundle.schema` writes it to `manifest.schema.json` beside this module, which
is what other programs read; a test keeps the two equal.
"""

from pathlib import Path
from typing import Any

from edgewright import records, strict_json
from edgewright.bundle.manifest import FORMAT, FORMAT_VERSION, Manifest

SCHEMA_FILE = Path(__file__).with_name("manifest.schema.json")


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `manifest.json` in this format version."""
    schema = records.schema(Manifest)
    schema["properties"]["format"] = {"const": FORMAT}
    schema["properties"]["format_version"] = {"const": FORMAT_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"manifest.json of an Edgewright bundle, format {FORMAT_VERSION}",
        **schema,
    }


if __name__ == "__main__":
    SCHEMA_FILE.write_bytes(strict_json.dump(manifest_schema()))
