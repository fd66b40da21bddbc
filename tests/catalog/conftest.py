from __future__ import annotations

import pytest

from fakelake.catalog.lake import Lake


@pytest.fixture
def lake(tmp_path):
    return Lake.create(tmp_path / "lake")


@pytest.fixture
def s3_root(bucket):
    return f"{bucket}/lake"
