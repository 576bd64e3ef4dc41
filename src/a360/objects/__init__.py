"""Objects: files that a lake keeps beside its tables, each sealed under the digest of its content.

`ObjectStore` keeps them in a folder, whole or not at all. An object is served without what its maker wrote of
people into it; that is sealed beside, so that the file as it was received can be told.
"""

from a360.objects._form import StoredObject
from a360.objects._store import Kept, ObjectFile, ObjectStore, object_name

__all__ = ["Kept", "ObjectFile", "ObjectStore", "StoredObject", "object_name"]
