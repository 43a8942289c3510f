"""What a migration does, worked out before anything is written, and checked by content afterwards."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dataset_svc.model import content_digest
from mcai_cli.reading.model import Rejected, Row, Skipped

KEPT_BYTES = 16
"""Of the SHA-256 of a content; a million rows take about 100 MB."""

Contents = dict[str, set[bytes]]
"""The contents of each domain, by their hashes."""


@dataclass(slots=True)
class Plan:
    """The rows of a source.

    Attributes:
        contents: What is to be in the target at the end.
        rows: Rows by domain, equal ones counted each time.
        rejected: Places that cannot be migrated.
        left_out: Places that are left out on purpose.
    """

    contents: Contents = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    left_out: list[Skipped] = field(default_factory=list)

    def take(self, item: Row | Rejected | Skipped) -> None:
        """Count an item of the source."""
        if isinstance(item, Row):
            self.rows[item.domain] = self.rows.get(item.domain, 0) + 1
            self.contents.setdefault(item.domain, set()).add(content_of(item))
        elif isinstance(item, Rejected):
            self.rejected.append(item)
        else:
            self.left_out.append(item)

    def lines(self, there: Mapping[str, set[bytes]]) -> Iterator[str]:
        """The plan for people, given what the target holds."""
        width = max(map(len, [*self.contents, "domain"]))
        yield f"{'domain':{width}}  {'rows':>9}  {'new':>9}  {'there':>9}"
        new = 0
        for domain in sorted(self.contents):
            fresh = len(self.contents[domain] - there.get(domain, set()))
            known = len(self.contents[domain]) - fresh
            new += fresh
            yield f"{domain:{width}}  {self.rows[domain]:>9,}  {fresh:>9,}  {known:>9,}"
        distinct = self.distinct
        yield (
            f"{len(self.contents):,} domains, {self.row_count:,} rows, {distinct:,} of them distinct: "
            f"{new:,} new, {distinct - new:,} there already; "
            f"{len(self.rejected):,} rejected, {len(self.left_out):,} left out."
        )

    @property
    def row_count(self) -> int:
        """Rows of all domains, equal ones counted each time."""
        return sum(self.rows.values())

    @property
    def distinct(self) -> int:
        """Contents of all domains."""
        return sum(map(len, self.contents.values()))

    def missing(self, there: Mapping[str, set[bytes]]) -> dict[str, int]:
        """How many contents of each domain a target lacks; empty if it has them all."""
        lacking = {
            domain: len(contents - there.get(domain, set())) for domain, contents in self.contents.items()
        }
        return {domain: count for domain, count in lacking.items() if count}


def content_of(row: Row) -> bytes:
    """What makes a row the same as another: its domain, prompt and response."""
    return content_digest(row.domain, row.prompt, row.response)[:KEPT_BYTES]


def contents_of(rows: Iterable[Row]) -> set[bytes]:
    """The contents of rows."""
    return {content_of(row) for row in rows}
