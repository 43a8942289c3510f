"""The bank's own rules, asked before a row is sent, so that every refusal is told with its place.

The bank asks them again; what it refuses it counts, and names the first 1,000.
"""

from dataset_svc.rules import checked_domain, checked_metadata, checked_prompt, checked_response
from mcai_cli.reading.model import Item, Rejected, Row
from servicekit.errors import InvalidArgument


def admitted(item: Item) -> Item:
    """The item itself, or the rejection of a row that the bank would refuse."""
    if isinstance(item, Row):
        try:
            checked_domain(item.domain)
            checked_prompt(item.prompt)
            checked_response(item.response)
            checked_metadata(item.metadata_json)
        except InvalidArgument as refusal:
            return Rejected(item.origin, refusal.message)
    return item
