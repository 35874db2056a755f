"""CPython's `_uuid`, over the system's libuuid."""
import uuid

import _uuid
from report import document, from_extension, transcript

from_extension(_uuid)
document(_uuid.generate_time_safe)
first, second = _uuid.generate_time_safe(), _uuid.generate_time_safe()
made = uuid.UUID(bytes=first[0])
transcript(globals(), """
    type(first), len(first), type(first[0]), len(first[0])
    first[1] in (None, 0, -1)
    first[0] != second[0]
    made.version, made.variant
    _uuid.has_uuid_generate_time_safe, _uuid.has_stable_extractable_node
    _uuid.generate_time_safe(1)
    _uuid.generate_time_safe(a=1)
    sorted(name for name in vars(_uuid) if not name.startswith("__"))
""")
