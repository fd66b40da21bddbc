"""Label importers: one module a kind of list. `import_labels` reads any of them."""

from fakelake.tasks.labels.base import LabelEntry, LabelList, LabelListError
from fakelake.tasks.labels.kinds import detect_kind, import_labels

__all__ = ["LabelEntry", "LabelList", "LabelListError", "detect_kind", "import_labels"]
