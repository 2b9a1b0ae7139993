# SPDX-License-Identifier: Apache-2.0
"""The one Spark session of a run. Starting it takes ten seconds; catalogs are added to it while it runs."""
import logging
import os
import time
from pathlib import Path

# Spark gives timestamps in the zone of the process that asks.
os.environ["TZ"] = "UTC"
time.tzset()

from pyspark.sql import Row, SparkSession  # noqa: E402  (it reads the zone)

# It would print the whole Java stack of every error; the exception says enough.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)


def plain(value):
    """Spark's values as pyarrow spells them."""
    if isinstance(value, Row):
        return {name: plain(item) for name, item in value.asDict().items()}
    if isinstance(value, dict):
        # A map has no order on its way out of Spark.
        return sorted((plain(key), plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, bytearray) else value


class Spark:
    def __init__(self, jars: Path, scratch: Path):
        settings = {
            "spark.jars": ",".join(str(jar) for jar in sorted(jars.glob("*.jar"))),
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.driver.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(scratch / "warehouse"),
            "spark.local.dir": str(scratch / "local"),
        }
        builder = SparkSession.builder.master("local[2]").appName("tarn")
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")

    def add_catalog(self, name: str, **options):
        """A new name may be given at any time; one that was used keeps what it was used with."""
        # Without the cache Spark sees what others committed.
        for key, value in {"cache-enabled": "false", **options}.items():
            self.session.conf.set(f"spark.sql.catalog.{name}.{key}", value)
        self.session.conf.set(f"spark.sql.catalog.{name}", "org.apache.iceberg.spark.SparkCatalog")

    def rows(self, statement: str):
        return [plain(row) for row in self.session.sql(statement).collect()]

    def table(self, name: str):
        """Iceberg's own Java object, for what SQL has no words for."""
        return self.java.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(self.session._jsparkSession, name)

    @property
    def java(self):
        return self.session._jvm

    def remove_orphans(self, name: str):
        """Those of any age; the SQL procedure leaves the last day alone."""
        actions = self.java.org.apache.iceberg.spark.actions.SparkActions.get(self.session._jsparkSession)
        actions.deleteOrphanFiles(self.table(name)).olderThan(2**62).execute()

    def stop(self):
        self.session.stop()
