"""What the bank counts; labels are bounded by the code."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From a small bank in memory to a slow disk, in seconds.
_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


class DatasetMetrics:
    """Built once a registry, in the composition root."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.search_seconds = Histogram(
            "mcai_dataset_search_seconds",
            "Time of a call's searches in the index, in seconds.",
            registry=registry,
            buckets=_BUCKETS,
        )
        self.sequence = Gauge(
            "mcai_dataset_index_sequence",
            "Position in the change feed that this replica's index has followed to.",
            registry=registry,
        )
        self.documents = Gauge(
            "mcai_dataset_index_documents", "Examples in this replica's index.", registry=registry
        )
        self.following = Gauge(
            "mcai_dataset_index_following",
            "Whether the store can be followed at this moment: 1, or 0 while the index grows stale.",
            registry=registry,
        )
        self.followed = Counter(
            "mcai_dataset_followed_changes_total",
            "Changes of the feed that were applied to the index.",
            registry=registry,
        )
        self.snapshots = Counter(
            "mcai_dataset_snapshots_total", "Times the index was built from a snapshot.", registry=registry
        )
        self.archived = Counter(
            "mcai_dataset_archived_examples_total",
            "Examples that went to the archive: because somebody asked, or by a dataset's rule.",
            ("why",),
            registry=registry,
        )
        self.imported = Counter(
            "mcai_dataset_imported_rows_total",
            "Rows of imports by what became of them.",
            ("outcome",),
            registry=registry,
        )
