"""What lies beside an export: folders of other formats, which its manifest names in its extension."""

from pathlib import Path
from typing import Final

import msgspec

_OTHERS: Final = "https://aesthetics360.example/StructureDefinition/other-formats"
_MANIFEST: Final = "manifest.json"
_MANIFEST_BYTES: Final = 64 << 20


def other_formats(extension: object) -> frozenset[str]:
    """The folders beside a Bulk Data export that are no part of it, by its manifest's extension."""
    told = extension.get(_OTHERS) if isinstance(extension, dict) else None
    return frozenset(map(str, told)) if isinstance(told, dict) else frozenset()


def other_folders(folder: Path) -> frozenset[str]:
    """The same by the folder that the export lies in; none where there is no manifest that can be read."""
    manifest = folder / _MANIFEST
    try:
        if manifest.stat().st_size > _MANIFEST_BYTES:
            return frozenset()
        told = msgspec.json.decode(manifest.read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return other_formats(told.get("extension")) if isinstance(told, dict) else frozenset()
