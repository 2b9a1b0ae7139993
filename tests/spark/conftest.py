# SPDX-License-Identifier: Apache-2.0
"""The Spark session and the lakes, for `./dev test --interop`."""
import itertools
import os
from pathlib import Path

import pytest

from spark.lakes import DatabaseLake, FolderLake
from spark.session import Spark

numbers = itertools.count()


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    session = Spark(Path(os.environ["TARN_JARS"]), tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()


# A session takes each catalog name once, so that every lake has a name of its own.
@pytest.fixture(params=[FolderLake, DatabaseLake], ids=["folder", "database"])
def lake(request, spark, tmp_path):
    return request.param(tmp_path, spark, f"lake{next(numbers)}")


@pytest.fixture
def database(spark, tmp_path):
    """A lake that several engines may write at once."""
    return DatabaseLake(tmp_path, spark, f"lake{next(numbers)}")
